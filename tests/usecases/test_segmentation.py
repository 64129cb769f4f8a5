"""Judging stored runs of several zones: through a real store, over time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from factories import NOON, endpoint, observation, ports
from policy.segmentation_world import (
    DESK,
    INSIDER,
    ROUTER,
    TARGET,
    case,
    host,
    outside,
    policy,
    rule,
    silent_but,
    within,
)
from portproof.errors import SettingsError
from portproof.evidence.canonical import digest
from portproof.model.observation import PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.scan import RunRecord
from portproof.model.segmentation_result import CellState, GapKind
from portproof.store.sql import SqlStore, open_store
from portproof.usecases.segmentation import Span, segmentation, segmentation_history
from portproof.usecases.segmentation_trial import again, trial_requests

HOUR = timedelta(hours=1)
NOW = Span(until=NOON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db", create=True) as opened:
        yield opened


def keep(store: SqlStore, *runs: RunRecord) -> None:
    """Store runs; raw records do not matter here but where a test hands them in itself."""
    for run in runs:
        bare = replace(run, hosts=tuple(replace(each, observations=()) for each in run.hosts))
        with store.run_lock():
            store.begin_run(bare.plan, bare.started)
            store.finish_run(bare)


def test_the_matrix_is_judged_on_the_stored_runs_of_the_window(store: SqlStore) -> None:
    keep(store, within(at=NOON - HOUR), outside())
    (cell,) = segmentation(store, case(), NOW).cells
    assert cell.state is CellState.SUPPORTED
    (cell,) = segmentation(store, case(), replace(NOW, window=timedelta(minutes=30))).cells
    assert cell.state is CellState.INSUFFICIENT


def test_what_was_known_at_an_earlier_time_can_be_asked_for(store: SqlStore) -> None:
    keep(store, within(at=NOON - HOUR), outside())
    (cell,) = segmentation(store, case(), Span(until=NOON - HOUR)).cells
    assert cell.state is CellState.NOT_EVALUATED


def test_the_last_complete_test_is_found_beyond_the_window_with_what_started_it(
    store: SqlStore,
) -> None:
    month_ago = NOON - timedelta(days=30)
    started = {"scope": "segmentation office to cde; started by CHG-7"}
    keep(
        store,
        within(at=month_ago - HOUR),
        outside(at=month_ago, plan=started),
        outside(host(asked="1-10")),
    )
    matrix = segmentation(store, case(), NOW)
    (last,) = matrix.last
    assert (last.at, last.started_by) == (month_ago, "CHG-7")
    assert matrix.cells[0].state is CellState.INSUFFICIENT


def test_without_a_complete_test_there_is_no_instant_for_a_clock_to_run_from(
    store: SqlStore,
) -> None:
    keep(store, outside())
    (last,) = segmentation(store, case(), NOW).last
    assert last.at is None


def test_history_shows_the_cell_as_it_stood_after_each_run_newest_first(store: SqlStore) -> None:
    opened = host(states={PortState.OPEN: "50"})
    keep(
        store,
        outside(at=NOON - 3 * HOUR),
        within(at=NOON - 2 * HOUR),
        outside(opened, at=NOON - HOUR),
        outside(),
    )
    told = [each.cell.state for each in segmentation_history(store, case(), "office", "cde", NOW)]
    assert told == [
        CellState.SUPPORTED,
        CellState.EXCEPTIONS,
        CellState.SUPPORTED,
        CellState.INSUFFICIENT,
    ]


@pytest.mark.parametrize("pair", [("office", "vault"), ("moon", "cde"), ("cde", "cde")])
def test_a_cell_that_the_policy_does_not_have_is_one_clear_error(
    store: SqlStore, pair: tuple[str, str]
) -> None:
    with pytest.raises(SettingsError, match=f"no cell from {pair[0]} to {pair[1]}"):
        segmentation_history(store, case(), *pair, NOW)


@pytest.mark.parametrize(
    ("sender", "state"), [(ROUTER, CellState.SUPPORTED), (TARGET, CellState.EXCEPTIONS)]
)
def test_who_sent_an_icmp_error_is_read_from_the_raw_record(
    store: SqlStore, sender: str, state: CellState
) -> None:
    raw: dict[str, str | int] = {"icmp_from": sender, "icmp_type": 3, "icmp_code": 13}
    seen = observation(
        endpoint(f"{TARGET}:80/tcp"),
        PortState.FILTERED,
        reason=Reason.ADMIN_PROHIBITED,
        evidence=digest(raw),
    )
    run = outside(silent_but(Reason.ADMIN_PROHIBITED, "80", (seen,)))
    keep(store, within(at=NOON - HOUR))
    with store.run_lock():
        store.begin_run(run.plan, run.started).observed(seen, raw)
        store.finish_run(run)
    assert json.loads(store.raw(digest(raw)))["icmp_from"] == sender
    (cell,) = segmentation(store, case(), NOW).cells
    assert cell.state is state


def test_a_test_asks_each_target_zone_the_ports_of_its_cell() -> None:
    held = policy(cells=(rule(tcp=ports("22"), udp=ports("53")),))
    ((zone, request),) = trial_requests(held, DESK, started_by="CHG-1")
    assert zone == "cde"
    assert [str(each) for each in request.targets] == ["10.66.0.0/16"]
    assert (str(request.ports.tcp), str(request.ports.udp)) == ("22", "53")
    assert request.scope == "segmentation office to cde; started by CHG-1"


def test_from_inside_the_ports_of_every_cell_that_leads_there_are_asked() -> None:
    held = policy(tcp=ports("1"), cells=(rule(tcp=ports("22")), rule(source="x", tcp=ports("80"))))
    ((_, request),) = trial_requests(held, INSIDER, started_by="hand")
    assert str(request.ports.tcp) == "1,22,80"


def test_a_zone_that_the_policy_does_not_have_cannot_be_tested() -> None:
    with pytest.raises(SettingsError, match="no target zone 'vault'; it has cde"):
        list(trial_requests(policy(), DESK, started_by="hand", targets=("vault",)))


def test_only_what_an_icmp_error_answered_is_asked_again() -> None:
    ((_, request),) = trial_requests(policy(), DESK, started_by="hand")
    assert again(outside(), request) is None
    once_more = again(outside(silent_but(Reason.HOST_PROHIBITED, "80-81")), request)
    assert once_more is not None
    assert [str(each) for each in once_more.targets] == [TARGET]
    assert once_more.ports == PortSpec(ports("80-81"), PortSet.empty())


def test_far_too_many_refusals_are_not_asked_again_and_stay_a_gap(store: SqlStore) -> None:
    ((_, request),) = trial_requests(policy(), DESK, started_by="hand")
    many = [
        replace(
            host(f"10.66.{number // 250}.{number % 250 + 1}"),
            reasons={Reason.HOST_PROHIBITED: ports("1-100")},
        )
        for number in range(700)
    ]
    run = outside(*many)
    assert again(run, request) is None
    keep(store, run, within(at=NOON - HOUR))
    (cell,) = segmentation(store, case(), NOW).cells
    assert GapKind.SENDER_UNKNOWN in {each.kind for each in cell.gaps}
    assert ip_address(TARGET) in cell.alive
