"""`not-measured`, `no-response`, `unrecognised-response`: what nothing is claimed of, never left out.

One UNKNOWN per asset, transport and cause, with the ports of each host; required ports have their
own (`missing-service`). A UDP port that gave no response was measured, and the answer is that
neither open nor closed can be claimed: it is listed under its own rule, and is never a finding. So
is one whose response is not of the protocol asked: something answered, and was not understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Transport
from portproof.model.finding import Judgement, Subject, Verdict
from portproof.model.observation import PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome
from portproof.policy.scene import Scene, Sighting
from portproof.policy.wording import counted, ports_text, state_words

RULE: Final = "not-measured"
SILENT_RULE: Final = "no-response"
UNREADABLE_RULE: Final = "unrecognised-response"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one UNKNOWN per asset, transport and cause, and one per name that did not resolve."""
    groups: dict[tuple[str, Transport, _Cause], list[tuple[Sighting, PortSet]]] = {}
    for sighting in scene.sightings:
        if _is_whole(sighting.outcome):
            continue
        asset = scene.known_as(sighting)
        for cause, ports in _causes(sighting):
            if ports:
                key = (asset, sighting.transport, cause)
                groups.setdefault(key, []).append((sighting, ports))
    for (_, _, cause), held in groups.items():
        yield _unknown(scene, cause, held)
    for resolution in scene.run.plan.resolutions:
        if not resolution.addresses:
            yield _unresolved(scene, resolution.name, resolution.detail)


def _is_whole(outcome: HostOutcome) -> bool:
    """Whether each planned port of a host was measured, and shown to be one thing or another."""
    if outcome.unmeasured or PortState.OPEN_FILTERED in outcome.states:
        return False
    measured = sum(map(len, outcome.states.values()))
    return measured == len(outcome.host.ports(outcome.transport))


class _Cause(NamedTuple):
    """Why nothing is claimed of some ports: under which rule, and in which words."""

    rule: str
    words: str


def _causes(sighting: Sighting) -> Iterator[tuple[_Cause, PortSet]]:
    outcome = sighting.outcome
    for fault, ports in outcome.unmeasured.items():
        yield _Cause(RULE, f"not measured: {fault}"), ports
    yield _Cause(RULE, "not measured: no outcome came back"), _missing(sighting)
    undecided = outcome.states.get(PortState.OPEN_FILTERED, PortSet.empty())
    answered = undecided & outcome.reasons.get(Reason.UDP_RESPONSE, PortSet.empty())
    state = PortState.OPEN_FILTERED
    yield _Cause(SILENT_RULE, state_words(state)), undecided - answered
    yield _Cause(UNREADABLE_RULE, state_words(state, Reason.UDP_RESPONSE)), answered


def _missing(sighting: Sighting) -> PortSet:
    left = sighting.host.ports(sighting.transport)
    for held in (*sighting.outcome.states.values(), *sighting.outcome.unmeasured.values()):
        left = left - held
    return left


def _unknown(scene: Scene, cause: _Cause, held: Sequence[tuple[Sighting, PortSet]]) -> Judgement:
    """Give one judgement on all hosts of one asset, so that its title counts the ports of each."""
    first, _ = held[0]
    subject = scene.subject(first, None)
    addresses = [str(each.host.address) for each, _ in held]
    number = sum(len(ports) for _, ports in held)
    where = addresses[0] if len(held) == 1 else f"{len(held)} hosts of {subject.asset}"
    told = "; ".join(
        f"{_counted(first, len(ports))} of {address} {cause.words}: {ports_text(ports)}"
        for address, (_, ports) in zip(addresses, held, strict=True)
    )
    return Judgement(
        rule=cause.rule,
        verdict=Verdict.UNKNOWN,
        # The cause is part of the subject: one host may have several, each a judgement of its own.
        subject=Subject(
            asset=f"{subject.asset} ({cause.words})",
            zone=subject.zone,
            transport=subject.transport,
            address=", ".join(addresses),
        ),
        title=f"{_counted(first, number)} of {where} {cause.words}",
        because=f"{told}. Nothing is claimed of them.",
        owner=first.asset.owner if first.asset else "",
        location=SourceLocation(file=scene.baseline.file, line=1),
    )


def _counted(sighting: Sighting, number: int) -> str:
    return counted(number, f"{sighting.transport.upper()} port")


def _unresolved(scene: Scene, name: str, detail: str) -> Judgement:
    return Judgement(
        rule=RULE,
        verdict=Verdict.UNKNOWN,
        subject=Subject(asset=name, zone=scene.zone),
        title=f"{name} not measured: it did not resolve",
        because=f"{name} did not resolve{f' ({detail})' if detail else ''}. Nothing is claimed of it.",
        action="Make the name resolve at the vantage, or remove it from the targets.",
        location=SourceLocation(file=scene.baseline.file, line=1),
    )
