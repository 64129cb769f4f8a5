"""Findings by their tickets: which should have one by now, which have none yet, which have one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portproof.contracts import Store
from portproof.model.finding import FindingStatus, Severity
from portproof.policy.due import ticket_due
from portproof.usecases.findings import Held, Standing, Wanted, list_findings


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """One finding, and its ticket."""

    standing: Standing
    ticket_due: datetime
    """The first instant (UTC) at which it should have had one."""


def ticket_lines(store: Store, held: Held, *, every: bool = False) -> tuple[TicketLine, ...]:
    """Give the findings that stand: overdue for a ticket, without one, with one; each worst first.

    Closed ones only where they have a ticket, and `every` is set.

    Raises:
        StoreError: the store cannot be read.
    """
    statuses = frozenset(FindingStatus) - (frozenset() if every else {FindingStatus.CLOSED})
    listed = list_findings(store, Wanted(statuses=statuses), held)
    lines = (
        TicketLine(standing=each, ticket_due=ticket_due(each.finding, held.deadlines))
        for each in listed
        if each.finding.status is not FindingStatus.CLOSED or each.finding.ticket
    )
    return tuple(sorted(lines, key=_most_urgent_first))


def _most_urgent_first(line: TicketLine) -> tuple[int, int, datetime, str]:
    standing = line.standing
    finding = standing.finding
    rank = (finding.judgement.severity or Severity.INFO).rank
    group = 0 if standing.wants_ticket else 2 if finding.ticket else 1
    return (group, -rank, line.ticket_due, finding.fingerprint)
