"""Waivers turn a deviation into an accepted one until they end, and touch nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portproof.model.finding import Evaluation, Judgement, Verdict
from portproof.model.waiver import Waiver, Waivers
from portproof.policy.holders import Holders
from portproof.policy.waiver_hosts import Names, given_for, reaches
from portproof.policy.wording import instant

NOBODY: Final = Holders()
NOTICE_DAYS: Final = (7, 30)
"""So long before its end an acceptance is announced: once there is time, once there is none left."""


class WaiverStatus(StrEnum):
    """Where a waiver is in its time."""

    IN_FORCE = "in force"
    EXPIRED = "expired"
    NOT_BEGUN = "not yet begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverUsage:
    """One waiver, and how many findings of an evaluation it covers."""

    waiver: Waiver
    status: WaiverStatus
    matched: int
    """0: unused. Findings that it accepted until it ended are among them."""
    end: datetime
    """When it first stops accepting one of these findings: `expires`, or earlier by severity."""
    notice_days: int | None
    """30 or 7, when it is in force and ends within so many days; None otherwise."""


def apply_waivers(
    judgements: Iterable[Judgement],
    waivers: Waivers,
    names: Names,
    at: datetime,
    holders: Holders = NOBODY,
) -> Iterator[Judgement]:
    """Give the judgements with each deviation that a waiver in force covers turned into WAIVED.

    A deviation that an *expired* waiver covers asserts the fact `exception_expired`. UNKNOWN and
    CONFORMS come back as they are: nobody can accept what was not measured. A waiver that was given
    for a former holder of an address covers nothing there, and the judgement says so.
    """
    for judged in judgements:
        if judged.verdict is not Verdict.DEVIATES:
            yield judged
            continue
        covering = [
            (each, waivers.end(each, judged.severity))
            for each in waivers.waivers
            if covers(each, judged, names, holders)
        ]
        held = next((each for each in covering if each[0].begins <= at < each[1]), None)
        over = next((each for each in covering if each[1] <= at), None)
        if held is not None:
            yield _waived(judged, *held)
        elif over is not None:
            yield _expired(judged, *over)
        else:
            yield _not_passed_on(judged, waivers, names, holders)


def notice_days(end: datetime, at: datetime) -> int | None:
    """Give 7 or 30 when something that still holds ends within so many days; None otherwise."""
    left = end - at
    if left <= timedelta():
        return None
    return next((days for days in NOTICE_DAYS if left <= timedelta(days=days)), None)


def waiver_usage(waivers: Waivers, evaluation: Evaluation) -> tuple[WaiverUsage, ...]:
    """Give each waiver with its status at the evaluation, and how many findings it covers there.

    A finding on several addresses may rest on several waivers, and one that deviates may have some
    of its addresses accepted: each of those waivers covers it. Unused and expired waivers are
    listed too: they are what a review of waivers looks for.
    """
    deviating = (*evaluation.waived, *evaluation.deviations)
    return tuple(_usage(each, waivers, deviating, evaluation.at) for each in waivers.waivers)


def at_instant(waiver: Waiver, usages: Sequence[WaiverUsage], at: datetime) -> WaiverUsage:
    """Give a waiver as of an instant, covering what several evaluations together saw it cover."""
    end = min((each.end for each in usages), default=waiver.expires)
    return WaiverUsage(
        waiver=waiver,
        status=_status(waiver, [each.end for each in usages if each.matched], at),
        matched=sum(each.matched for each in usages),
        end=end,
        notice_days=notice_days(end, at) if waiver.begins <= at else None,
    )


def accepts(waiver_id: str, because: str) -> bool:
    """Whether the sentence of a judgement or an event says that the waiver accepts it."""
    return _accepts(waiver_id) in because


def covers(waiver: Waiver, judged: Judgement, names: Names, holders: Holders = NOBODY) -> bool:
    """Whether a waiver is about a judgement, at any time; an empty selector matches all.

    A judgement on a document has no endpoint: only a waiver without selectors is about it.
    """
    matches = _matches(waiver, judged) and reaches(waiver, judged, names, holders)
    return matches and given_for(waiver, judged, names, holders) is None


def _matches(waiver: Waiver, judged: Judgement) -> bool:
    if judged.rule not in waiver.rules:
        return False
    if waiver.zones and judged.subject.zone not in waiver.zones:
        return False
    if waiver.transport is not None and judged.subject.transport is not waiver.transport:
        return False
    port = judged.subject.port
    return waiver.ports is None or (port is not None and port in waiver.ports)


def _not_passed_on(
    judged: Judgement, waivers: Waivers, names: Names, holders: Holders
) -> Judgement:
    """Give a judgement that no waiver covers; one that was given for another host is named."""
    for waiver in waivers.waivers:
        if _matches(waiver, judged) and reaches(waiver, judged, names, holders):
            handed = given_for(waiver, judged, names, holders)
            told = f"Waiver {waiver.id} was given for {handed}."
            if handed is not None and told not in judged.because:
                return replace(judged, because=f"{judged.because} {told}")
    return judged


def _waived(judged: Judgement, waiver: Waiver, end: datetime) -> Judgement:
    return replace(
        judged,
        verdict=Verdict.WAIVED,
        because=f"{judged.because} {_accepts(waiver.id)} {instant(end)}.",
        waiver_id=waiver.id,
    )


def _accepts(waiver_id: str) -> str:
    """Give the words by which a judgement names a waiver that accepts it, merged or not."""
    return f"Waiver {waiver_id} accepts it until"


def _accepted(waiver_id: str) -> str:
    """Give the words by which a judgement names a waiver that accepted it once."""
    return f"Waiver {waiver_id} accepted it until"


def _names(waiver_id: str, because: str) -> bool:
    return accepts(waiver_id, because) or _accepted(waiver_id) in because


def _expired(judged: Judgement, waiver: Waiver, end: datetime) -> Judgement:
    facts = dict.fromkeys([*judged.facts, "exception_expired"])
    since = f"{_accepted(waiver.id)} {instant(end)}, and has ended."
    return replace(judged, because=f"{judged.because} {since}", facts=tuple(facts))


def _usage(
    waiver: Waiver, waivers: Waivers, deviating: Sequence[Judgement], at: datetime
) -> WaiverUsage:
    covered = [each for each in deviating if _names(waiver.id, each.because)]
    ends = [waivers.end(waiver, each.severity) for each in covered]
    end = min(ends, default=waiver.expires)
    return WaiverUsage(
        waiver=waiver,
        status=_status(waiver, ends, at),
        matched=len(covered),
        end=end,
        notice_days=notice_days(end, at) if waiver.begins <= at else None,
    )


def _status(waiver: Waiver, ends: Sequence[datetime], at: datetime) -> WaiverStatus:
    """Give its status, as of `ends`: when it stops accepting each of the findings it covers."""
    if at < waiver.begins:
        return WaiverStatus.NOT_BEGUN
    # What is severe may be accepted for a shorter time than the document says.
    over = not waiver.in_force(at) or (bool(ends) and max(ends) <= at)
    return WaiverStatus.EXPIRED if over else WaiverStatus.IN_FORCE
