"""Tickets and findings kept in step: opened, found, followed, told; each step noted at once.

A step is done there first and noted here after it. When the process dies between the two, the next
time finds the ticket by its mark, or the comment by its own, and only notes it. One ticket that the
system refuses does not keep the others; a system that cannot be used ends it, and what was done
stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from portproof.contracts import Clock, Store
from portproof.contracts.tickets import TicketSystem
from portproof.errors import TicketError, TicketRefusedError
from portproof.model.deadlines import Deadlines
from portproof.model.finding import (
    Actor,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    IdentitySource,
    Severity,
)
from portproof.model.ticket import Ticket, TicketRules
from portproof.model.waiver import Waivers
from portproof.policy.due import due_of
from portproof.policy.holders import Holders
from portproof.policy.lifecycle_projection import after
from portproof.policy.ticket_plan import (
    FOUND_THERE,
    Followed,
    closing_mark,
    follow,
    may_be_left,
    untold,
    wants_opening,
)
from portproof.policy.ticket_text import draft_of, mark_of, note_of
from portproof.policy.waiver_end import settlement
from portproof.policy.waivers import NOBODY


class Step(StrEnum):
    """What is done, or would be."""

    REOPEN = "reopen"
    """A waiver ended: its finding is open again."""
    OPEN = "open"
    """A ticket is opened."""
    LINK = "link"
    """A ticket that is there is noted."""
    CLAIM = "claim-fixed"
    """A ticket was closed there: a fix is claimed here."""
    MOVE = "move"
    """A ticket is moved to another state."""
    TELL = "comment"
    """A ticket is told what happened to its finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One step of a sync."""

    step: Step
    finding: Finding
    reference: str = ""
    """Of the ticket; empty while there is none."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What could not be done about one finding."""

    finding: Finding
    because: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many findings get their ticket another time, because too many are new."""

    number: int


Told: TypeAlias = Done | Problem | Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where tickets are kept, by which rules, and what else they depend on."""

    system: TicketSystem
    rules: TicketRules
    deadlines: Deadlines
    waivers: Waivers | None = None
    """None: there is no such document."""
    holders: Holders = NOBODY
    """Who has and had which address: for whom waivers were given."""
    write: bool = True
    """False: nothing is done there or here, it is only looked."""


def sync(store: Store, clock: Clock, office: Office) -> Iterator[Told]:
    """Bring tickets and findings in step; gives each step once it is done.

    Waivers that have ended are settled first. Doing it again gives nothing, as long as nothing
    happened to findings or tickets.

    Raises:
        TicketError: the ticket system cannot be used; what was done before stands.
        StoreError: the store cannot be read or written.
    """
    return _Sync(store, clock, office).steps()


class _Sync:
    """One sync under way."""

    def __init__(self, store: Store, clock: Clock, office: Office) -> None:
        self._store = store
        self._clock = clock
        self._office = office
        self._actor = Actor(name=office.system.name, source=IdentitySource.TICKETS)
        self._unwritten: dict[str, list[FindingEvent]] = {}
        """What would have been appended, by finding, where nothing is written."""

    def steps(self) -> Iterator[Told]:
        """Settle, open and link, follow."""
        known = {each.fingerprint: each for each in self._store.findings()}
        yield from self._settled(known)
        system, rules, now = self._office.system, self._office.rules, self._clock.now()
        wanting = sorted(
            (each for each in known.values() if wants_opening(each, rules)), key=_worst_first
        )
        # What has to wait is not looked for either: its turn comes before it is opened.
        turn, waiting = wanting[: rules.most_new], wanting[rules.most_new :]
        left = [each for each in known.values() if may_be_left(each, rules, now)]
        ours = [each for each in known.values() if system.owns(each.ticket)]
        followed = [*self._unheard(ours)]
        there = system.find([each.fingerprint for each in (*turn, *left, *followed)])
        for finding in followed:
            yield from self._told(finding, there.get(finding.fingerprint))
        for finding in (*turn, *left):
            if finding.fingerprint in there:
                yield from self._linked(finding, there[finding.fingerprint])
        yield from self._opened([each for each in turn if each.fingerprint not in there])
        if waiting:
            yield Waiting(len(waiting))

    # ------------------------------------------------------------ before anything is asked

    def _settled(self, known: dict[str, Finding]) -> Iterator[Done]:
        """Record waivers that ended; `known` then has their findings as open ones."""
        waivers = self._office.waivers
        for finding in list(known.values()) if waivers else ():
            now, holders = self._clock.now(), self._office.holders
            event = settlement(finding, waivers, now, holders) if waivers else None
            if event is not None:
                known[finding.fingerprint] = self._note(finding, event)
                yield Done(step=Step.REOPEN, finding=finding, detail=event.because)

    def _unheard(self, ours: Iterable[Finding]) -> Iterator[Finding]:
        """Give those of the findings with a ticket here that may have something to tell or to hear.

        A closed one whose ticket was told so has not: there is no end to the number of those.
        """
        told = {each.value for each in self._store.events_of(FindingEventKind.COMMENTED)}
        closings = (FindingEventKind.RESOLVED, FindingEventKind.FALSE_POSITIVE)
        closed = (each for kind in closings for each in self._store.events_of(kind))
        heard = {
            each.finding: mark_of(each) in told
            for each in sorted(closed, key=lambda event: event.at)
        }
        for finding in ours:
            is_heard = heard.get(finding.fingerprint, False)
            if finding.status is not FindingStatus.CLOSED or not (
                is_heard or not untold(self._events(finding))
            ):
                yield finding

    # ------------------------------------------------------------ no ticket yet

    def _opened(self, lacking: Iterable[Finding]) -> Iterator[Told]:
        refused = ""
        for finding in lacking:
            told = self._open(finding)
            yield told
            if isinstance(told, Problem):
                if told.because == refused:
                    # Not the ticket's fault: the others would be refused in the same words.
                    raise TicketError(f"{refused} (twice, so that no other was tried)")
                refused = told.because

    def _linked(self, finding: Finding, ticket: Ticket) -> Iterator[Told]:
        event = self._event(finding, FindingEventKind.TICKETED, FOUND_THERE, ticket.reference)
        linked = self._note(finding, event)
        yield Done(step=Step.LINK, finding=finding, reference=ticket.reference)
        yield from self._told(linked, ticket)

    def _open(self, finding: Finding) -> Told:
        if not self._office.write:
            return Done(step=Step.OPEN, finding=finding)
        try:
            ticket = self._office.system.open(
                draft_of(finding, due_of(finding, self._office.deadlines))
            )
        except TicketRefusedError as refused:
            return Problem(finding=finding, because=str(refused))
        because = f"Opened in {self._office.system.name}."
        self._note(
            finding,
            self._event(finding, FindingEventKind.TICKETED, because, ticket.reference),
        )
        if ticket.mark != finding.fingerprint:
            raise TicketError(
                f"{self._office.system.name} opened {ticket.reference} and kept no mark of the "
                "finding, so that it could be opened twice: name a table that has correlation_id"
            )
        return Done(step=Step.OPEN, finding=finding, reference=ticket.reference)

    # ------------------------------------------------------------ following one

    def _told(self, finding: Finding, marked: Ticket | None) -> Iterator[Told]:
        """Follow the ticket that a finding names, which need not be the one with its mark."""
        try:
            named = marked is not None and marked.reference == finding.ticket
            ticket = marked if named else self._office.system.read(finding.ticket)
            if ticket is None:
                gone = f"its ticket {finding.ticket} is not there, or may not be seen"
                yield Problem(finding=finding, because=f"{gone}: note another one")
                return
            wanted = follow(finding, self._events(finding), ticket)
            yield from self._followed(finding, ticket, wanted)
        except TicketRefusedError as refused:
            yield Problem(finding=finding, because=str(refused))

    def _followed(self, finding: Finding, ticket: Ticket, wanted: Followed) -> Iterator[Done]:
        reference = ticket.reference
        if wanted.claim:
            mark = closing_mark(ticket)
            because = f"The ticket was closed in {self._office.system.name}."
            self._note(finding, self._event(finding, FindingEventKind.FIX_CLAIMED, because, mark))
            yield Done(step=Step.CLAIM, finding=finding, reference=reference, detail=because)
        if not wanted.tell:
            return
        note, to = note_of(wanted.tell), wanted.move_to
        # Noted last: until then each of it is tried again, and what was done of it is not done twice.
        if self._office.write:
            self._office.system.tell(ticket, note)
        if to and self._office.write and self._office.system.move(ticket, to):
            yield Done(step=Step.MOVE, finding=finding, reference=reference, detail=to)
        because = f"Ticket {reference} was told: {note.lines[-1]}"
        self._note(finding, self._event(finding, FindingEventKind.COMMENTED, because, note.mark))
        yield Done(step=Step.TELL, finding=finding, reference=reference, detail=note.lines[-1])

    # ------------------------------------------------------------ events

    def _events(self, finding: Finding) -> tuple[FindingEvent, ...]:
        name = finding.fingerprint
        return (*self._store.finding_events(name), *self._unwritten.get(name, ()))

    def _event(
        self, finding: Finding, kind: FindingEventKind, because: str, value: str
    ) -> FindingEvent:
        return FindingEvent(
            finding=finding.fingerprint,
            kind=kind,
            at=self._clock.now(),
            run_id=finding.run_id,
            severity=finding.judgement.severity or Severity.INFO,
            because=because,
            actor=self._actor,
            value=value,
        )

    def _note(self, finding: Finding, event: FindingEvent) -> Finding:
        """Append an event, where something is written; gives the finding after it."""
        if self._office.write:
            self._store.append_actions((event,))
        else:
            self._unwritten.setdefault(event.finding, []).append(event)
        return after(finding, event, None)


def _worst_first(finding: Finding) -> tuple[int, datetime, str]:
    severity = finding.judgement.severity or Severity.INFO
    return (-severity.rank, finding.first_seen, finding.fingerprint)
