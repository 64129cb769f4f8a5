"""The end of a period against a run: changes have windows, and what was not measured is a gap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import factories as make
from portproof.model.drift import GapReason
from portproof.model.endpoint import Endpoint
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import HostOutcome, RunStatus
from portproof.policy.drift_period import (
    Period,
    PeriodDrift,
    Stretch,
    Window,
    open_without_history,
    period_drift,
)

DAY = timedelta(days=1)
END = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
QUARTER = Period(since=END - 91 * DAY, until=END)
SSH = make.endpoint("10.0.0.5:22/tcp")


def stretch(state: PortState, first: timedelta, last: timedelta, place: Endpoint = SSH) -> Stretch:
    """Give an interval by its distance from the period's end."""
    return Stretch(endpoint=place, state=state, first_seen=END + first, last_seen=END + last)


def drift(
    outcome: HostOutcome, *stretches: Stretch, asked: Mapping[Endpoint, PortState] | None = None
) -> PeriodDrift:
    return period_drift(make.run(outcome), stretches, asked or {}, QUARTER)


def test_a_port_that_closed_since_changed_between_two_measurements() -> None:
    held = drift(
        make.host_outcome(),
        stretch(PortState.OPEN, -90 * DAY, -DAY),
        stretch(PortState.CLOSED, 3 * DAY, 40 * DAY),
    )
    (change,) = held.drift.changes
    assert (change.before, change.after) == (PortState.OPEN, PortState.CLOSED)
    assert held.windows[SSH] == Window(last_before=END - DAY, first_after=END + 3 * DAY)


def test_a_port_that_stayed_open_did_not_change() -> None:
    held = drift(make.open_host(p22=None), stretch(PortState.OPEN, -90 * DAY, 40 * DAY))
    assert not held.drift.differs
    assert held.drift.compared == 1


def test_a_port_opened_since_is_new_only_if_a_run_of_the_period_saw_it_not_open() -> None:
    later = stretch(PortState.OPEN, 10 * DAY, 40 * DAY)
    asked = drift(make.open_host(p22=None), later, asked={SSH: PortState.CLOSED})
    assert [each.after for each in asked.drift.changes] == [PortState.OPEN]
    unasked = drift(make.open_host(p22=None), later)
    assert not unasked.drift.differs
    assert [each.reason for each in unasked.drift.gaps] == [GapReason.BEFORE_PERIOD]


def test_only_endpoints_without_history_have_to_be_looked_up_in_runs() -> None:
    run = make.run(make.open_host(p22=None, p80=None))
    known = stretch(PortState.OPEN, -90 * DAY, DAY)
    assert open_without_history(run, [known], QUARTER) == {make.endpoint("10.0.0.5:80/tcp")}


def test_a_port_that_is_not_measured_now_is_not_gone() -> None:
    lost = make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "22"})
    held = drift(lost, stretch(PortState.OPEN, -90 * DAY, -DAY))
    assert not held.drift.differs
    assert [each.reason for each in held.drift.gaps] == [GapReason.UNMEASURED_AFTER]
    elsewhere = drift(make.open_host("10.0.0.6"), stretch(PortState.OPEN, -90 * DAY, -DAY))
    assert [each.reason for each in elsewhere.drift.gaps] == [GapReason.EARLIER_ONLY]


def test_what_opened_and_closed_in_between_is_told() -> None:
    opened = stretch(PortState.OPEN, 5 * DAY, 6 * DAY)
    held = drift(make.host_outcome(), opened, stretch(PortState.CLOSED, 7 * DAY, 40 * DAY))
    assert not held.drift.differs
    assert held.between == (opened,)


def test_our_own_listeners_are_left_out() -> None:
    run = make.run(make.open_host(p22=None), own_listeners=(SSH,))
    assert period_drift(run, [], {}, QUARTER).drift.compared == 0


def test_an_inconclusive_run_is_refused() -> None:
    run = make.run(status=RunStatus.INCONCLUSIVE, status_reason="canary silent")
    held = period_drift(run, [stretch(PortState.OPEN, -DAY, DAY)], {}, QUARTER)
    assert "canary silent" in held.drift.refused[0]
