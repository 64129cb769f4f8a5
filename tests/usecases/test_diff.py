"""Which runs a diff is about, and what the store remembers of a period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portproof.errors import StoreError
from portproof.model.observation import LocalFault
from portproof.model.scan import RunStatus
from portproof.model.vantage import Vantage
from portproof.policy.drift_period import Period
from portproof.store import SqlStore, open_store
from portproof.usecases.diff import diff_period, diff_runs, last_two, since
from store.examples import BEGAN, HOUR, PORTS, plan, record, run

DAY = 24 * HOUR
PERIOD = Period(since=BEGAN - DAY, until=BEGAN + DAY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "portproof.db", create=True) as opened:
        yield opened


def test_the_newest_run_is_compared_with_the_last_complete_one_of_its_vantage(
    store: SqlStore,
) -> None:
    run(store, "run-1", [22])
    run(store, "run-2", at=BEGAN + HOUR, status=RunStatus.INTERRUPTED)
    elsewhere = plan("run-3", vantage=Vantage(id="desk", zone="office"))
    with store.run_lock():
        store.begin_run(elsewhere, BEGAN + 2 * HOUR)
        store.finish_run(record(elsewhere, started=BEGAN + 2 * HOUR))
    run(store, "run-4", at=BEGAN + 3 * HOUR)
    assert last_two(store, None) == ("run-1", "run-4")
    assert since(store, "run-1") == ("run-1", "run-4")
    told = diff_runs(store, "run-1", "run-4", strict=True)
    assert [(each.kind, each.endpoint) for each in told.changes] == [("closed", "10.0.0.5:22/tcp")]


def test_without_another_complete_run_there_is_nothing_to_compare_with(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="holds no run yet"):
        last_two(store, None)
    run(store, "run-1", [22])
    with pytest.raises(StoreError, match="before run run-1 there is no complete run"):
        last_two(store, None)
    with pytest.raises(StoreError, match="diff --last run-1"):
        since(store, "run-1")
    with pytest.raises(StoreError, match="there is no run run-9"):
        since(store, "run-9")


def lived(store: SqlStore) -> None:
    """Have a port close and another open after a period, and a third come and go."""
    run(store, "run-1", [22, 25], at=BEGAN)
    run(store, "run-2", [22, 25], at=BEGAN + 3 * HOUR)
    run(store, "run-3", [25, 99], at=BEGAN + 2 * DAY)
    lost = {LocalFault.CONTROL_FAILED: PORTS}
    run(store, "run-4", at=BEGAN + 3 * DAY, status=RunStatus.INCONCLUSIVE, unmeasured=lost)
    run(store, "run-5", [25, 80], at=BEGAN + 9 * DAY)


def test_the_end_of_a_period_is_compared_with_now(store: SqlStore) -> None:
    lived(store)
    told = diff_period(store, None, PERIOD)
    assert [(each.endpoint, each.before, each.after) for each in told.changes] == [
        ("10.0.0.5:22/tcp", "open", "closed"),
        ("10.0.0.5:80/tcp", "closed", "open"),
    ]
    assert told.changes[0].note == (
        "last seen open 2026-11-21T11:00:00Z, first seen closed 2026-11-23T08:00:00Z"
    )
    assert [(each.endpoint, each.state) for each in told.between] == [("10.0.0.5:99/tcp", "open")]
    assert told.compared == 3


def test_it_is_said_what_was_not_measured_in_between(store: SqlStore) -> None:
    lived(store)
    notes = "\n".join(diff_period(store, None, PERIOD).notes)
    assert "in the period: 2 complete runs of 2, the last of them run-2" in notes
    assert "since then: 1 complete run of 2 before this one" in notes
    assert "longest time without one: 7 d 0 h from 2026-11-23T08:00:00Z" in notes
    assert "not a complete run: run-4 is inconclusive" in notes


@pytest.mark.parametrize(
    ("since_", "until", "problem"),
    [
        (-9 * DAY, -8 * DAY, "was completed in the period"),
        (timedelta(), 99 * DAY, "began before the end of the period"),
    ],
)
def test_a_period_that_cannot_be_compared_is_one_error(
    store: SqlStore, since_: timedelta, until: timedelta, problem: str
) -> None:
    lived(store)
    with pytest.raises(StoreError, match=problem):
        diff_period(store, None, Period(since=BEGAN + since_, until=BEGAN + until))


def test_intervals_are_listed_by_when_they_were_last_seen(store: SqlStore) -> None:
    lived(store)

    def listed(at: datetime) -> list[str]:
        held = store.intervals_since(at, vantage="local")
        return [f"{each.endpoint} {each.state}" for each in held]

    assert listed(BEGAN + 9 * DAY) == [
        "10.0.0.5:25/tcp open",
        "10.0.0.5:22/tcp closed",
        "10.0.0.5:80/tcp open",
        "10.0.0.5:99/tcp closed",
    ]
    assert len(listed(BEGAN)) == 6
    assert len(listed(BEGAN + 4 * HOUR)) == 5
    assert store.intervals_since(BEGAN, vantage="elsewhere") == []
