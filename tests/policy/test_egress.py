from __future__ import annotations

from datetime import timedelta

import pytest

from factories import NOON, endpoint
from policy.segmentation_world import TARGET, arrival, host, outside, sink, udp_host
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import RunStatus
from portproof.model.segmentation import SinkLog
from portproof.policy.egress import Crossed, compare_egress, egress_exit_code

TCP = f"{TARGET}:50/tcp"


def one(state: PortState, *sinks: SinkLog) -> Crossed:
    (row,) = compare_egress(outside(host(states={state: "50"}, asked="50")), sinks)
    return row.crossed


def heard() -> SinkLog:
    return sink(arrival("", place=TCP), place=TCP)


@pytest.mark.parametrize(
    ("state", "sinks", "crossed"),
    [
        (PortState.OPEN, (heard(),), Crossed.BOTH_WAYS),
        (PortState.OPEN, (sink(place=TCP),), Crossed.INTERCEPTED),
        (PortState.OPEN, (), Crossed.SEEN_OPEN),
        (PortState.FILTERED, (heard(),), Crossed.ONE_WAY),
        (PortState.FILTERED, (sink(place=TCP),), Crossed.NOTHING),
        (PortState.FILTERED, (), Crossed.UNKNOWN),
    ],
)
def test_both_ends_together_say_what_crossed(
    state: PortState, sinks: tuple[SinkLog, ...], crossed: Crossed
) -> None:
    assert one(state, *sinks) is crossed


def test_datagrams_are_told_apart_by_the_run_they_name() -> None:
    run = outside(udp_host({PortState.OPEN_FILTERED: "9000"}))
    (other,) = compare_egress(run, (sink(arrival("another-run")),))
    (ours,) = compare_egress(run, (sink(arrival(run.plan.run_id)),))
    assert (other.crossed, ours.crossed) == (Crossed.NOTHING, Crossed.ONE_WAY)


def test_what_was_not_measured_is_not_known_even_beside_a_silent_sink() -> None:
    blind = host(asked="50", unmeasured={LocalFault.NO_ROUTE: "50"})
    (row,) = compare_egress(outside(blind), (sink(place=TCP),))
    assert row.crossed is Crossed.UNKNOWN


def test_a_connection_before_the_run_is_none_of_its_own() -> None:
    old = sink(arrival("", place=TCP), place=TCP, started=NOON - timedelta(days=1))
    run = outside(host(states={PortState.FILTERED: "50"}, asked="50"))
    later = outside(
        host(states={PortState.FILTERED: "50"}, asked="50"), at=NOON + timedelta(minutes=20)
    )
    assert compare_egress(run, (old,))[0].sink_saw == 1
    assert compare_egress(later, (old,))[0].sink_saw == 0
    assert old.endpoints == (endpoint(TCP),)


@pytest.mark.parametrize(
    ("state", "logged", "code"),
    [
        (PortState.FILTERED, True, 0),
        (PortState.OPEN, True, 1),
        (PortState.FILTERED, False, 3),
    ],
)
def test_the_exit_code_says_nothing_something_or_not_known(
    state: PortState, *, logged: bool, code: int
) -> None:
    run = outside(host(states={state: "50"}, asked="50"))
    rows = compare_egress(run, (sink(place=TCP),) if logged else ())
    assert egress_exit_code(run, rows) == code


def test_an_inconclusive_run_never_exits_0() -> None:
    run = outside(
        host(states={PortState.FILTERED: "50"}, asked="50"), status=RunStatus.INCONCLUSIVE
    )
    assert egress_exit_code(run, compare_egress(run, (sink(place=TCP),))) == 3
