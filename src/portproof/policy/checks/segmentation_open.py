"""`segmentation-open`: a port is open across a boundary that the segmentation policy closes.

PCI DSS v4.0.1 §11.4.5 and §11.4.6. What one run sees by itself stands here, so that it becomes a
finding with a life; what it takes to call a boundary *supported* needs several vantages, and stands
in `policy.segmentation`. A port on the allow list conforms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.finding import Judgement, Verdict
from portproof.model.observation import Observation
from portproof.model.segmentation import Segmentation, TargetZone, contains
from portproof.policy.scene import Scene, Sighting
from portproof.policy.segmentation_severity import path_severity
from portproof.policy.wording import saw

RULE: Final = "segmentation-open"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement for each open port in another target zone than the vantage's own."""
    policy = scene.segmentation
    if policy is None:
        return
    for sighting, port, seen in scene.questionable_ports():
        zone = zone_across(policy, scene.zone, sighting)
        if zone is not None:
            yield _crossed(scene, policy, zone, (sighting, port, seen))


def zone_across(policy: Segmentation, vantage_zone: str, sighting: Sighting) -> TargetZone | None:
    """Give the target zone that a host lies in; None: in none, or in the vantage's own."""
    held = (each for each in policy.zones if contains(each.networks, sighting.host.address))
    zone = next(held, None)
    return zone if zone is not None and zone.name != vantage_zone else None


def _crossed(
    scene: Scene,
    policy: Segmentation,
    zone: TargetZone,
    place: tuple[Sighting, int, Observation | None],
) -> Judgement:
    sighting, port, seen = place
    rule = policy.cell(scene.zone, zone.name)
    blank = replace(
        scene.blank(RULE, *place),
        location=rule.location or SourceLocation(file=policy.file, line=1),
    )
    told = saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)
    cell = f"the segmentation policy's cell from {scene.zone} to {zone.name}"
    if port in rule.allows(sighting.host.address, sighting.transport):
        return replace(
            blank,
            title=f"Allowed path from {scene.zone} to {zone.name}",
            because=f"{told}; {cell} allows it.",
        )
    trace = path_severity(
        scene.zone,
        zone,
        (sighting.transport, port, seen.service if seen else None),
        rules=scene.rules,
        vantages=scene.vantages,
    )
    default = "" if rule.location else ", which nobody wrote and is denied by default,"
    return replace(
        blank,
        verdict=Verdict.DEVIATES,
        title=f"Forbidden path from {scene.zone} to {zone.name}",
        because=f"{told}; {cell}{default} does not allow it.",
        facts=("segmentation_open",),
        severity=trace[-1].severity,
        trace=trace,
        action="Close the path at the boundary, or put it on the cell's allow list.",
    )
