"""`not-measured` and `no-response`: what nothing is claimed of, so that it is never left out.

One UNKNOWN per host, transport and cause, with the ports; required ports have their own
(`missing-service`). A UDP port that gave no response was measured, and the answer is that neither
open nor closed can be claimed: it is listed under its own rule, and is never a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.finding import Judgement, Subject, Verdict
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.policy.scene import Scene, Sighting
from portproof.policy.wording import counted, ports_text

RULE: Final = "not-measured"
SILENT_RULE: Final = "no-response"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one UNKNOWN per host, transport and cause, and one per name that did not resolve."""
    for sighting in scene.sightings:
        outcome = sighting.outcome
        for fault, ports in outcome.unmeasured.items():
            if ports:
                yield _unknown(scene, sighting, RULE, f"not measured: {fault}", ports)
        missing = _missing(sighting)
        if missing:
            yield _unknown(scene, sighting, RULE, "not measured: no outcome came back", missing)
        silent = outcome.states.get(PortState.OPEN_FILTERED, PortSet.empty())
        if silent:
            yield _unknown(
                scene, sighting, SILENT_RULE, "gave no response (open or filtered)", silent
            )
    for resolution in scene.run.plan.resolutions:
        if not resolution.addresses:
            yield _unresolved(scene, resolution.name, resolution.detail)


def _missing(sighting: Sighting) -> PortSet:
    left = sighting.host.ports(sighting.transport)
    for held in (*sighting.outcome.states.values(), *sighting.outcome.unmeasured.values()):
        left = left - held
    return left


def _unknown(scene: Scene, sighting: Sighting, rule: str, cause: str, ports: PortSet) -> Judgement:
    what = counted(len(ports), f"{sighting.transport.upper()} port")
    subject = scene.subject(sighting, None)
    return Judgement(
        rule=rule,
        verdict=Verdict.UNKNOWN,
        # The cause is part of the subject: one host may have several, each a judgement of its own.
        subject=Subject(
            asset=f"{subject.asset} ({cause})",
            zone=subject.zone,
            transport=subject.transport,
            address=subject.address,
        ),
        title=f"{what} of {sighting.host.address} {cause}",
        because=f"{what} of {sighting.host.address} {cause}: {ports_text(ports)}. Nothing is claimed of them.",
        owner=sighting.asset.owner if sighting.asset else "",
        location=SourceLocation(file=scene.baseline.file, line=1),
    )


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
