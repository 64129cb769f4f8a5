"""Waivers turn a deviation into an accepted one until they end, and touch nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from portproof.model.endpoint import Address
from portproof.model.finding import Evaluation, Judgement, Verdict
from portproof.model.waiver import Waiver, Waivers
from portproof.policy.wording import instant

Names = Mapping[Address, frozenset[str]]
"""The DNS names that each address was listed under in the run, lower case."""


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
    """0: unused."""


def apply_waivers(
    judgements: Iterable[Judgement], waivers: Waivers, names: Names, at: datetime
) -> Iterator[Judgement]:
    """Give the judgements with each deviation that a waiver in force covers turned into WAIVED.

    A deviation that an *expired* waiver covers asserts the fact `exception_expired`. UNKNOWN and
    CONFORMS come back as they are: nobody can accept what was not measured.
    """
    for judged in judgements:
        if judged.verdict is not Verdict.DEVIATES:
            yield judged
            continue
        covering = [each for each in waivers.waivers if covers(each, judged, names)]
        held = next((each for each in covering if each.in_force(at)), None)
        ended = next((each for each in covering if each.expires <= at), None)
        if held is not None:
            yield _waived(judged, held)
        elif ended is not None:
            yield _expired(judged, ended)
        else:
            yield judged


def waiver_usage(waivers: Waivers, evaluation: Evaluation) -> tuple[WaiverUsage, ...]:
    """Give each waiver with its status at the evaluation, and how many findings it covers there.

    A finding on several addresses may rest on several waivers, and one that deviates may have some
    of its addresses accepted: each of those waivers covers it. Unused and expired waivers are
    listed too: they are what a review of waivers looks for.
    """
    deviating = (*evaluation.waived, *evaluation.deviations)
    return tuple(
        WaiverUsage(
            waiver=each,
            status=_status(each, evaluation.at),
            matched=sum(_acceptance(each) in judged.because for judged in deviating),
        )
        for each in waivers.waivers
    )


def covers(waiver: Waiver, judged: Judgement, names: Names) -> bool:
    """Whether a waiver is about a judgement, at any time; an empty selector matches all.

    A judgement on a document has no endpoint: only a waiver without selectors is about it.
    """
    if judged.rule not in waiver.rules:
        return False
    if waiver.zones and judged.subject.zone not in waiver.zones:
        return False
    if waiver.transport is not None and judged.subject.transport is not waiver.transport:
        return False
    port = judged.subject.port
    if waiver.ports is not None and (port is None or port not in waiver.ports):
        return False
    return _covers_host(waiver, judged, names)


def _covers_host(waiver: Waiver, judged: Judgement, names: Names) -> bool:
    if not waiver.networks and not waiver.names:
        return True
    if judged.endpoint is None:
        return False
    address = judged.endpoint.address
    if any(address.version == net.version and address in net for net in waiver.networks):
        return True
    return bool(names.get(address, frozenset()) & {each.lower() for each in waiver.names})


def _waived(judged: Judgement, waiver: Waiver) -> Judgement:
    return replace(
        judged,
        verdict=Verdict.WAIVED,
        because=f"{judged.because} {_acceptance(waiver)}",
        waiver_id=waiver.id,
    )


def _acceptance(waiver: Waiver) -> str:
    """Give the sentence by which a judgement names a waiver that accepts it, merged or not."""
    return f"Waiver {waiver.id} accepts it until {instant(waiver.expires)}."


def _expired(judged: Judgement, waiver: Waiver) -> Judgement:
    facts = dict.fromkeys([*judged.facts, "exception_expired"])
    since = f"Waiver {waiver.id} accepted it until {instant(waiver.expires)}, and has ended."
    return replace(judged, because=f"{judged.because} {since}", facts=tuple(facts))


def _status(waiver: Waiver, at: datetime) -> WaiverStatus:
    if at < waiver.begins:
        return WaiverStatus.NOT_BEGUN
    return WaiverStatus.IN_FORCE if waiver.in_force(at) else WaiverStatus.EXPIRED
