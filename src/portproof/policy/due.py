"""Until when a finding should be mended, and when it should have a ticket.

Both count from the first sighting, which stays the original one when a finding comes back: a
finding whose waiver ended may be due at once. A due day is the last day that is in time; overdue
begins with the first instant after it, UTC.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final

from portproof.model.deadlines import Deadlines
from portproof.model.finding import Finding, FindingStatus, Severity

_HELD: Final = frozenset({FindingStatus.CLOSED, FindingStatus.WAIVED})
"""States in which nothing is asked for: it is gone, or accepted for now."""


def due_date(
    severity: Severity, first_seen: date, facts: Collection[str], deadlines: Deadlines
) -> date | None:
    """Give the last day on which mending is in time; None: this severity is never due.

    `facts` are what the judgement asserts.
    """
    days = deadlines.due_days.get(severity)
    if days is None:
        return None
    if "admin_exposed" in facts:
        days = min(days, deadlines.admin_exposed_days)
    return first_seen + timedelta(days=days)


def due_of(finding: Finding, deadlines: Deadlines) -> date | None:
    """Give the last day on which mending a finding is in time; None: it is never due."""
    judged = finding.judgement
    if judged.severity is None:
        return None
    return due_date(judged.severity, finding.first_seen.date(), judged.facts, deadlines)


def is_overdue(finding: Finding, deadlines: Deadlines, at: datetime) -> bool:
    """Whether a finding stands, unwaived, after its last day; a claimed fix is not yet one."""
    due = due_of(finding, deadlines)
    return due is not None and finding.status not in _HELD and at.date() > due


def wants_ticket(finding: Finding, deadlines: Deadlines, at: datetime) -> bool:
    """Whether a finding that stands, unwaived, has no ticket though its working days are over."""
    if finding.ticket or finding.status in _HELD:
        return False
    return at.date() > working_day_after(finding.first_seen.date(), deadlines)


def working_day_after(day: date, deadlines: Deadlines) -> date:
    """Give the last of the `ticket_days` working days that follow a day; the day itself for 0."""
    left = deadlines.ticket_days
    while left:
        day += timedelta(days=1)
        if day.weekday() in deadlines.working_days and day not in deadlines.holidays:
            left -= 1
    return day
