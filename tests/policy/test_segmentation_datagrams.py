from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from factories import NOON, endpoint, ports
from policy.segmentation_world import (
    TARGET,
    arrival,
    cell,
    host,
    outside,
    policy,
    rule,
    sink,
    udp_host,
    within,
)
from portproof.model.observation import PortState
from portproof.model.scan import Control, ControlKind, RunRecord
from portproof.model.segmentation import SinkLog
from portproof.model.segmentation_result import Cell, CellState, Crossing, GapKind

SILENT = {PortState.OPEN_FILTERED: "9000"}
CANARY = Control(
    id="canary",
    kind=ControlKind.POSITIVE,
    endpoint=endpoint("10.9.0.1:443/tcp"),
    networks=(),
)


def asked(**changes: Any) -> RunRecord:
    """A run from the office with one silent UDP port, and a canary that answered."""
    return outside(host(), udp_host(SILENT), plan={"controls": (CANARY,)}, **changes)


def seen(run: RunRecord, *sinks: SinkLog, inside: RunRecord | None = None) -> Cell:
    held = policy(cells=(rule(udp=ports("9000")),))
    return cell(run, inside or within(), held=held, sinks=sinks)


def test_udp_silence_alone_proves_nothing() -> None:
    found = seen(asked())
    assert found.state is CellState.INSUFFICIENT
    (gap,) = found.gaps
    assert (gap.kind, gap.address, str(gap.ports)) == (
        GapKind.UDP_UNPROVED,
        ip_address(TARGET),
        "9000",
    )


def test_a_sink_that_heard_somebody_else_and_nothing_of_the_run_supports_the_cell() -> None:
    assert seen(asked(), sink(arrival("another-run"))).state is CellState.SUPPORTED


def test_a_sink_that_heard_nobody_may_be_deaf() -> None:
    assert seen(asked(), sink()).state is CellState.INSUFFICIENT
    assert seen(asked(), sink(arrival(""))).state is CellState.INSUFFICIENT


def test_a_datagram_that_reached_the_sink_crossed_though_no_answer_came_back() -> None:
    run = asked()
    found = seen(run, sink(arrival(run.plan.run_id)))
    (path,) = found.paths
    assert (path.how, path.own_sink) == (Crossing.ARRIVED, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"started": NOON - timedelta(minutes=1)},
        {"until": NOON - timedelta(minutes=1)},
        {"unlisted": 1},
        {"endpoints": (endpoint(f"{TARGET}:9001/udp"),)},
    ],
    ids=["began too late", "ended too early", "lost count", "elsewhere"],
)
def test_a_log_that_may_have_missed_the_datagram_proves_nothing(changes: dict[str, Any]) -> None:
    found = seen(asked(), sink(arrival("another-run"), **changes))
    assert found.state is CellState.INSUFFICIENT


def test_a_valid_answer_from_inside_makes_the_silence_outside_worth_something() -> None:
    inside = within(
        host(states={PortState.OPEN: "22"}), udp_host({PortState.OPEN: "9000"}, address=TARGET)
    )
    assert seen(asked(), inside=inside).state is CellState.SUPPORTED


def test_a_run_that_nobody_answered_supports_no_silence() -> None:
    unheard = outside(host(), udp_host(SILENT))
    found = seen(unheard, sink(arrival("another-run")))
    assert found.state is CellState.INSUFFICIENT
    assert "nobody answered" in found.gaps[0].detail


def test_udp_ports_that_nobody_asked_are_missing() -> None:
    found = seen(outside())
    assert [(each.kind, str(each.ports)) for each in found.gaps] == [(GapKind.NOT_ASKED, "9000")]


def test_a_sink_that_wrote_something_down_is_alive() -> None:
    run = asked()
    heard = sink(arrival("another-run"))
    assert seen(run, heard, inside=within(host("10.66.0.9"))).alive == (ip_address(TARGET),)
