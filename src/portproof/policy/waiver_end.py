"""The end of a waiver: its finding is open again from that instant on, whenever the next run comes.

Nothing is measured for it. A waived finding rests on one waiver, or on several where it has several
addresses; when one of them no longer holds, and no other waiver covers what it covered, the finding
is what it was before: open, with its original first sighting. `ending` says so for any instant, and
`settlement` is the event that records it, dated at the end itself, by portproof and no run.

A waiver that was made shorter after a run was held against it ends no earlier than that run: then it
did accept what the run saw.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from portproof.model.endpoint import Address
from portproof.model.finding import (
    Actor,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    IdentitySource,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.waiver import Waiver, Waivers
from portproof.policy.holders import Holders
from portproof.policy.subjects import endpoints_of
from portproof.policy.waivers import NOBODY, accepts, covers
from portproof.policy.wording import instant

PORTPROOF: Final = Actor(name="portproof", source=IdentitySource.PORTPROOF)
"""Who records that a waiver ended: nobody has to do it, since the waiver itself says when."""

EXPIRED: Final = "exception_expired"
"""The fact that a judgement asserts from the end of its waiver on (`facts.yaml`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverEnd:
    """That a waiver no longer accepts a finding."""

    waiver_id: str
    at: datetime | None
    """The first instant at which it does not; None: the document has no such waiver any more."""

    @property
    def told(self) -> str:
        """Say it in words that follow the waiver's name."""
        return f"ended {instant(self.at)}" if self.at else "is not in the document any more"


def ending(
    finding: Finding, waivers: Waivers, at: datetime, holders: Holders = NOBODY
) -> WaiverEnd | None:
    """Say which waiver ended that a waived finding rested on; None: it is accepted at that instant.

    None as well for a finding that is not waived. Of several waivers the one that ended first.
    `holders` say for whom a waiver that follows was given.
    """
    if finding.status is not FindingStatus.WAIVED:
        return None
    judged = finding.judgement
    over = sorted(
        (end for end in _ends(judged, waivers) if end.at is None or end.at <= at),
        key=lambda end: (end.at is None, end.at or at, end.waiver_id),
    )
    return over[0] if over and not _accepted(judged, waivers, at, holders) else None


def settlement(
    finding: Finding, waivers: Waivers, at: datetime, holders: Holders = NOBODY
) -> FindingEvent | None:
    """Give the event that a finding's waiver ended by an instant, dated at that end; None: none did.

    None as well where the document has the waiver no more: another scope may have another document,
    so that is for the next run of this one to say.
    """
    end = ending(finding, waivers, at, holders)
    if end is None or end.at is None:
        return None
    return FindingEvent(
        finding=finding.fingerprint,
        kind=FindingEventKind.WAIVER_ENDED,
        at=max(end.at, finding.last_seen),
        run_id=finding.run_id,
        severity=finding.judgement.severity or Severity.INFO,
        # The words of `policy.waivers` for a run's judgement: one and the same thing is told.
        because=f"Waiver {end.waiver_id} accepted it until {instant(end.at)}, and has ended.",
        actor=PORTPROOF,
        value=end.waiver_id,
    )


def lapsed(judged: Judgement, event: FindingEvent) -> Judgement:
    """Give a waived judgement as it is after `settlement`: it deviates, and says since when."""
    accepted = rf" Waiver {re.escape(event.value)} accepts it until \S+?Z\."
    return replace(
        judged,
        verdict=Verdict.DEVIATES,
        because=f"{re.sub(accepted, '', judged.because)} {event.because}",
        facts=tuple(dict.fromkeys([*judged.facts, EXPIRED])),
        waiver_id="",
    )


def _ends(judged: Judgement, waivers: Waivers) -> Iterator[WaiverEnd]:
    """Give the end of each waiver that the judgement rests on."""
    for each in _held(judged, waivers):
        yield WaiverEnd(waiver_id=each.id, at=waivers.end(each, judged.severity))
    if all(each.id != judged.waiver_id for each in waivers.waivers):
        yield WaiverEnd(waiver_id=judged.waiver_id, at=None)


def _held(judged: Judgement, waivers: Waivers) -> Iterator[Waiver]:
    return (
        each
        for each in waivers.waivers
        if each.id == judged.waiver_id or accepts(each.id, judged.because)
    )


def _accepted(judged: Judgement, waivers: Waivers, at: datetime, holders: Holders) -> bool:
    """Whether waivers in force cover everything that the judgement stands on."""
    in_force = [
        each for each in waivers.waivers if each.begins <= at < waivers.end(each, judged.severity)
    ]
    names = _names(judged, waivers)
    parts = [replace(judged, endpoint=each) for each in endpoints_of(judged)] or [judged]
    return all(any(covers(each, part, names, holders) for each in in_force) for part in parts)


def _names(judged: Judgement, waivers: Waivers) -> Mapping[Address, frozenset[str]]:
    """Give the names of the finding's addresses, as far as they are known without its run.

    A finding does not keep the name that its host was listed under; that a waiver covered it by
    name says that it was one of the waiver's.
    """
    named = {name.lower() for each in _held(judged, waivers) for name in each.names}
    names = frozenset({judged.subject.asset.lower(), *named})
    return {each.address: names for each in endpoints_of(judged)}
