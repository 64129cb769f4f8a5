"""`retired-still-answering`: a target that its source lists no more, and that answers all the same.

What was taken out of a register is not thereby switched off, and nobody looks after it any more.
An open port is an answer, and so is a refusal: a host is there. Approved ports count as well, for
the approval was given to something that should be gone. The finding goes by the target's id, and is
closed only by a conclusive run in which all that was asked at its addresses was measured and silent;
what was not measured makes it UNKNOWN, which closes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Endpoint
from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.model.inventory import KnownTarget
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.policy.scene import Scene, Sighting, observations
from portproof.policy.severity import fixed, from_outside
from portproof.policy.targets import is_silent
from portproof.policy.wording import counted, instant, ports_text

RULE: Final = "retired-still-answering"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement per retired target and transport: that it answers, or may do so."""
    for sighting in scene.sightings:
        for target in scene.register.holders.retired(sighting.host.address):
            answering = sighting.open or sighting.outcome.states.get(PortState.CLOSED)
            if answering:
                yield _answers(scene, sighting, target, answering)
            elif not is_silent(sighting.outcome):
                yield _unknown(scene, sighting, target)


def _answers(
    scene: Scene, sighting: Sighting, target: KnownTarget, answering: PortSet
) -> Judgement:
    address, transport = sighting.host.address, sighting.transport.upper()
    how = f"accepts connections at {transport}" if sighting.open else f"refuses {transport}"
    outside = from_outside(scene)
    severity = Severity.HIGH if outside else Severity.MEDIUM
    column = f"from zone {scene.zone} ({'external' if outside else 'internal'})"
    trace = fixed(severity, "asset that no source lists", f"a host outside the inventory, {column}")
    seen = observations(sighting.outcome).get(answering.nth(0))
    return Judgement(
        rule=RULE,
        verdict=Verdict.DEVIATES,
        subject=_subject(scene, sighting, target),
        title=f"Retired target answers: {target.key} at {address}",
        because=f"{_retired(target)}; {address} {how} {ports_text(answering)}, seen from "
        f"{scene.run.plan.vantage.id}, and no source lists it for another.",
        facts=("unknown_asset",),
        severity=severity,
        trace=trace,
        action="Switch it off, or list it again and have what it needs approved.",
        endpoint=Endpoint(address, sighting.transport, answering.nth(0)),
        owner=target.target.owner,
        evidence=(seen.evidence,) if seen and seen.evidence else (),
        location=SourceLocation(file=scene.baseline.file, line=1),
    )


def _unknown(scene: Scene, sighting: Sighting, target: KnownTarget) -> Judgement:
    address, outcome = sighting.host.address, sighting.outcome
    asked = len(sighting.host.ports(sighting.transport))
    measured = sum(map(len, outcome.states.values()))
    why = f"{asked - measured} of {counted(asked, 'port')} not measured"
    if sighting.doubtful:
        why = "too many of its ports answer for all of them to be its own"
    return Judgement(
        rule=RULE,
        verdict=Verdict.UNKNOWN,
        subject=_subject(scene, sighting, target),
        title=f"Retired target not proved silent: {target.key} at {address}",
        because=f"{_retired(target)}; over {sighting.transport.upper()}, {why}.",
        action="Measure it again once the cause is removed.",
        owner=target.target.owner,
        location=SourceLocation(file=scene.baseline.file, line=1),
    )


def _subject(scene: Scene, sighting: Sighting, target: KnownTarget) -> Subject:
    return Subject(asset=target.key, zone=scene.zone, address=str(sighting.host.address))


def _retired(target: KnownTarget) -> str:
    since = target.retired_at
    if since is None:  # `Holders.retired` gives retired targets only
        raise AssertionError(f"{target.key} is not retired")
    return f"{target.key} was retired {instant(since)}"
