"""Until when a finding should be mended, and have a ticket."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

import factories as make
from portproof.model.deadlines import Calendar, Deadlines
from portproof.model.finding import FindingStatus, Severity
from portproof.policy.due import due_date, due_of, is_overdue, wants_ticket

FIRST_SEEN = date(2026, 11, 1)
DEFAULTS = Deadlines()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("severity", "due"),
    [
        (Severity.CRITICAL, date(2026, 11, 8)),
        (Severity.HIGH, date(2026, 12, 1)),
        (Severity.MEDIUM, date(2027, 1, 30)),
        (Severity.LOW, date(2027, 4, 30)),
        (Severity.INFO, None),
    ],
)
def test_the_days_count_from_the_first_sighting(severity: Severity, due: date | None) -> None:
    assert due_date(severity, FIRST_SEEN, (), DEFAULTS) == due


def test_administration_that_the_internet_reaches_has_fourteen_days_at_most() -> None:
    exposed = ("admin_exposed",)
    assert due_date(Severity.LOW, FIRST_SEEN, exposed, DEFAULTS) == date(2026, 11, 15)
    assert due_date(Severity.CRITICAL, FIRST_SEEN, exposed, DEFAULTS) == date(2026, 11, 8)


def test_an_organisation_may_decide_otherwise() -> None:
    own = Deadlines(due_days={Severity.CRITICAL: 1}, admin_exposed_days=3)
    assert due_date(Severity.CRITICAL, FIRST_SEEN, (), own) == date(2026, 11, 2)
    assert due_date(Severity.HIGH, FIRST_SEEN, (), own) is None


def test_the_due_day_is_in_time_to_its_last_instant() -> None:
    finding = make.finding(first_seen=at("2026-11-01T23:59:59"), status=FindingStatus.OPEN)
    due = due_of(finding, DEFAULTS)
    assert due == date(2027, 1, 30)
    assert not is_overdue(finding, DEFAULTS, at("2027-01-30T23:59:59.999999"))
    assert is_overdue(finding, DEFAULTS, at("2027-01-31T00:00:00"))


@pytest.mark.parametrize("status", FindingStatus)
def test_what_is_closed_or_waived_is_not_overdue_and_a_claimed_fix_is(
    status: FindingStatus,
) -> None:
    finding = make.finding(status=status, first_seen=at("2020-01-01T00:00:00"))
    held = status in (FindingStatus.CLOSED, FindingStatus.WAIVED)
    assert is_overdue(finding, DEFAULTS, make.NOON) is not held
    assert wants_ticket(finding, DEFAULTS, make.NOON) is not held


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-11-19", "2026-11-20"),  # Thursday: Friday
        ("2026-11-20", "2026-11-24"),  # Friday: not the weekend, nor Monday the 23rd, a holiday
        ("2026-11-21", "2026-11-24"),
    ],
)
def test_a_finding_has_a_ticket_by_the_end_of_the_next_working_day(first: str, last: str) -> None:
    own = Deadlines(calendar=Calendar(holidays=frozenset({date(2026, 11, 23)})))
    finding = make.finding(first_seen=at(f"{first}T18:00:00"))
    assert not wants_ticket(finding, own, at(f"{last}T23:59:59"))
    assert wants_ticket(finding, own, at(f"{last}T00:00:00") + timedelta(days=1))


def test_a_finding_with_a_ticket_wants_none() -> None:
    finding = make.finding(first_seen=at("2020-01-01T00:00:00"), ticket="OPS-1")
    assert not wants_ticket(finding, DEFAULTS, make.NOON)
