"""Until when a finding should be mended, and when it should have a ticket.

Both count from the first sighting, which stays the original one when a finding comes back: a
finding whose waiver ended may be due at once. A due day is the last day that is in time; overdue
begins with the first instant after it, UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from portproof.model.deadlines import Deadlines, Overdue
from portproof.model.finding import Evaluation, Finding, FindingStatus, Severity
from portproof.policy.business_days import end_after

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


def overdue_at(
    evaluation: Evaluation,
    findings: Mapping[str, Finding],
    standing: Iterable[Finding],
    deadlines: Deadlines,
) -> tuple[Overdue, ...]:
    """Give the findings of a run that were overdue at the instant it was judged for.

    `findings` are those of the store, by fingerprint; `standing` those of earlier runs that this one
    did not measure again.
    """
    found = ((each, due_of(each, deadlines)) for each in (*_seen(evaluation, findings), *standing))
    return tuple(
        Overdue(finding, due)
        for finding, due in found
        if due is not None and is_overdue(finding, deadlines, evaluation.at)
    )


def _seen(evaluation: Evaluation, findings: Mapping[str, Finding]) -> Iterator[Finding]:
    """Give the findings that the run saw, as they stood when it did.

    What a later run or a person made of one does not alter that, but for a false positive: there was
    nothing to mend. One that the store does not know was seen for the first time.
    """
    for judged in evaluation.deviations:
        finding = findings.get(judged.fingerprint)
        if finding is not None and not finding.is_false_positive:
            yield replace(finding, judgement=judged, status=FindingStatus.OPEN)


def wants_ticket(finding: Finding, deadlines: Deadlines, at: datetime) -> bool:
    """Whether a finding that stands, unwaived, has no ticket though its business days are over."""
    if finding.ticket or finding.status in _HELD:
        return False
    return at >= ticket_due(finding, deadlines)


def ticket_due(finding: Finding, deadlines: Deadlines) -> datetime:
    """Give the first instant (UTC) at which a finding should have had a ticket."""
    return end_after(finding.first_seen, deadlines.ticket_days, deadlines.calendar)
