"""`unapproved-exposure`: a port is open, and no approval in force grants it from this zone.

An expired approval grants nothing: such a port counts as never approved, and the judgement names
the entry. Open ports that are approved conform, with the facts that hold in spite of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from portproof.model.finding import Judgement, Verdict
from portproof.model.observation import Observation
from portproof.policy.nearest import nearest_entry, why_void
from portproof.policy.scene import Scene, Sighting, service_at
from portproof.policy.services import Recognition, identity
from portproof.policy.severity import exposure_at, rate
from portproof.policy.standing import approved_rule, standing_facts
from portproof.policy.wording import saw, spoke

RULE: Final = "unapproved-exposure"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement per open port."""
    for sighting, port, seen in scene.questionable_ports():
        if port in sighting.approved:
            yield _approved(scene, sighting, port, seen)
        else:
            yield _unapproved(scene, sighting, port, seen)


def _approved(scene: Scene, sighting: Sighting, port: int, seen: Observation | None) -> Judgement:
    exposure = exposure_at(scene, sighting, port, seen)
    entry = sighting.granting(port, scene.today)
    blank = scene.blank(RULE, sighting, port, seen)
    if entry is None:  # the approved set is made of the entries that grant
        raise AssertionError(f"port {port} is approved by no entry")
    rule = approved_rule(scene, sighting, entry, seen)
    known = Recognition(rule=rule, inferred=False)
    return replace(
        blank,
        title=f"Approved exposure: {_name(seen)} on port {port}/{sighting.transport}",
        because=f"{_seen(scene, sighting, port, seen)}; entry {entry.id} grants it from {scene.zone}.",
        facts=standing_facts(replace(exposure, recognition=known)),
        entry_id=entry.id,
        owner=blank.owner or entry.owner,
        location=entry.location,
    )


def _unapproved(scene: Scene, sighting: Sighting, port: int, seen: Observation | None) -> Judgement:
    exposure = exposure_at(scene, sighting, port, seen)
    entry, why = nearest_entry(scene, sighting, port)
    expired = port in sighting.listed and any(
        port in each.ports
        and (each.id in sighting.passed_on or why_void(each, scene.today) is not None)
        for each in sighting.entries
    )
    blank = scene.blank(RULE, sighting, port, seen)
    trace = rate(exposure)
    rule = exposure.recognition.rule
    title = "Exposure whose approval does not hold" if expired else "Unapproved exposure"
    guess = (
        f"; {rule.service} is inferred from port number"
        if rule and exposure.recognition.inferred
        else ""
    )
    return replace(
        blank,
        verdict=Verdict.DEVIATES,
        title=f"{title}: {_name(seen)} on port {port}/{sighting.transport}",
        because=f"{_seen(scene, sighting, port, seen)}{guess}; no approval in force grants it from {scene.zone}: {why}.",
        facts=("unexpected_open", *standing_facts(exposure)),
        severity=trace[-1].severity,
        trace=trace,
        action=rule.remediation if rule else "Close the port, or have it approved in the baseline.",
        entry_id=entry.id if entry else "",
        nearest=why,
        owner=blank.owner or (entry.owner if entry and entry in sighting.entries else ""),
        location=entry.location if entry else blank.location,
        controls=rule.controls if rule else (),
    )


def _name(seen: Observation | None) -> str:
    service = service_at(seen)
    return identity(service) or "unidentified service"


def _seen(scene: Scene, sighting: Sighting, port: int, seen: Observation | None) -> str:
    how = saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)
    return f"{how}; {spoke(seen, scene.run.plan.silent_ports)}"
