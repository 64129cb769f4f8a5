"""What a finding and its ticket have to tell each other. Pure.

::

    finding stands, no ticket, none there with its mark ─► open one
                               one there with its mark  ─► note its reference       (opened, then killed)
    ticket closed there, since the finding was open last ─► a fix is claimed here, never closed
    something happened to the finding                    ─► tell the ticket, once
      last of it: it is gone,  ticket still open         ─► and move it to closed   (where configured)
      last of it: it is back,  ticket closed             ─► and move it to open     (where configured)

Nothing is done twice, wherever the last time broke off: a ticket is found by its mark, a comment by
its own, a closing by when it was. A closing says something only if it came after the finding was
last opened, reopened, or refuted, and after we last wrote to the ticket: an older one has been heard
already, or was our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from portproof.model.finding import (
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    IdentitySource,
    Severity,
)
from portproof.model.ticket import Ticket, TicketRules, TicketState
from portproof.policy.ticket_text import NEWS, mark_of

FOUND_THERE: Final = "It was there already, with the mark of this finding."
"""Why a ticket is noted that was not opened just now."""

_CLAIMABLE: Final = frozenset({FindingStatus.OPEN, FindingStatus.ACKNOWLEDGED})
_MADE_OPEN: Final = frozenset(
    {
        FindingEventKind.OPENED,
        FindingEventKind.REOPENED,
        FindingEventKind.FIX_REFUTED,
        FindingEventKind.WAIVER_ENDED,
    }
)
_ASKED_FOR: Final = timedelta(days=30)
_GONE: Final = frozenset({FindingEventKind.RESOLVED, FindingEventKind.FALSE_POSITIVE})
_BACK: Final = frozenset(
    {
        FindingEventKind.REOPENED,
        FindingEventKind.FIX_REFUTED,
        FindingEventKind.WAIVER_ENDED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What is to be done about a ticket and its finding; all empty: nothing."""

    claim: bool = False
    """A fix is claimed: the ticket was closed there."""
    tell: tuple[FindingEvent, ...] = ()
    """What the ticket has not been told, oldest first."""
    move_to: TicketState | None = None
    """Where the ticket is to be moved as it is told, if the system is configured to."""


def wants_opening(finding: Finding, rules: TicketRules) -> bool:
    """Whether a ticket is to be opened for a finding that has none."""
    asked = not finding.ticket and finding.status in _CLAIMABLE
    return asked and _is_bad_enough(finding, rules)


def may_be_left(finding: Finding, rules: TicketRules, at: datetime) -> bool:
    """Whether a closed finding may have a ticket of which nothing is noted here.

    Opening it may have broken off, right before the finding was closed. That is asked for a while
    only, so that such a ticket does not stay open.
    """
    if finding.status is not FindingStatus.CLOSED or finding.ticket:
        return False
    recent = finding.changed_at is not None and finding.changed_at > at - _ASKED_FOR
    return recent and _is_bad_enough(finding, rules)


def untold(events: Sequence[FindingEvent]) -> tuple[FindingEvent, ...]:
    """Give the news of a finding since its ticket was noted, or told of some, last; oldest first.

    `events` are all of the finding, in the order in which they were appended.
    """
    start = made_open = 0
    for number, each in enumerate(events):
        if each.kind in _MADE_OPEN:
            made_open = number + 1
        elif each.kind is FindingEventKind.TICKETED:
            # A ticket that is opened says all of this; one that was found may have heard none of it.
            start = made_open if each.because == FOUND_THERE else number + 1
        elif _is_told(each):
            start = max(start, _position(events, each.value) + 1)
    return tuple(each for each in events[start:] if each.kind in NEWS)


def follow(finding: Finding, events: Sequence[FindingEvent], ticket: Ticket) -> Followed:
    """Say what a finding and its ticket have to tell each other."""
    tell = untold(events)
    claim = _claims(finding, events, ticket)
    # What was closed after the last thing that happened is not moved back: that is the claim.
    move_to = _move(tell[-1].kind, ticket) if tell and not claim else None
    return Followed(claim=claim, tell=tell, move_to=move_to)


def closing_mark(ticket: Ticket) -> str:
    """Give what tells one closing of a ticket from its others."""
    at = ticket.closed_at
    return f"{ticket.reference} closed {at.isoformat() if at else 'at an unknown time'}"


def _is_bad_enough(finding: Finding, rules: TicketRules) -> bool:
    severity = finding.judgement.severity or Severity.INFO
    return severity.rank >= rules.from_severity.rank


def _claims(finding: Finding, events: Sequence[FindingEvent], ticket: Ticket) -> bool:
    if ticket.state is not TicketState.CLOSED or finding.status not in _CLAIMABLE:
        return False
    mark = closing_mark(ticket)
    if any(each.kind is FindingEventKind.FIX_CLAIMED and each.value == mark for each in events):
        return False
    if ticket.closed_at is None:
        return not any(each.kind in _BACK or _is_told(each) for each in events)
    return ticket.closed_at > _last_word(events)


def _last_word(events: Sequence[FindingEvent]) -> datetime:
    """Give when the finding became open last, or we last wrote to its ticket; it was opened once."""
    return max(each.at for each in events if each.kind in _MADE_OPEN or _is_told(each))


def _move(last: FindingEventKind, ticket: Ticket) -> TicketState | None:
    if last in _GONE and ticket.state is TicketState.OPEN:
        return TicketState.CLOSED
    if last in _BACK and ticket.state is TicketState.CLOSED:
        return TicketState.OPEN
    return None


def _is_told(event: FindingEvent) -> bool:
    """Whether an event notes that the ticket was told something: of what, its value says."""
    actor = event.actor
    by_us = actor is not None and actor.source is IdentitySource.TICKETS
    return by_us and event.kind is FindingEventKind.COMMENTED


def _position(events: Sequence[FindingEvent], mark: str) -> int:
    """Give where the event of a mark stands; -1: there is none."""
    marks = (
        number for number, each in enumerate(events) if each.kind in NEWS and mark_of(each) == mark
    )
    return next(marks, -1)
