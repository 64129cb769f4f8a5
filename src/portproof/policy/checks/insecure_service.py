"""`insecure-service`: an approved service is insecure by protocol (PCI DSS v4.0.1 §1.2.6, §2.2.5).

With a justification, a mitigation, an approver and a review date that is not past, it conforms, and
that is a fact which speaks for the control; without them it deviates, one step below the unapproved
exposure. An unapproved one is no second finding: its exposure already carries the fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from portproof.model.baseline import BaselineEntry
from portproof.model.finding import Judgement, Verdict
from portproof.model.observation import Observation
from portproof.model.rule import ServiceRule
from portproof.policy.scene import Scene, Sighting, service_at
from portproof.policy.services import Recognition
from portproof.policy.severity import exposure_at, rate_unmitigated
from portproof.policy.standing import approved_rule, insecure
from portproof.policy.wording import saw, spoke

RULE: Final = "insecure-service"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one judgement per open and approved port whose service is insecure by protocol."""
    for sighting, port, seen in scene.questionable_ports():
        entry = sighting.granting(port, scene.today)
        if entry is None:
            continue
        rule = approved_rule(scene, sighting, entry, seen)
        service = service_at(seen)
        why = insecure(rule, dict(service.attributes) if service else {})
        if rule is not None and why is not None:
            yield _judged(scene, sighting, (port, seen), (entry, rule, why))


def _judged(
    scene: Scene,
    sighting: Sighting,
    place: tuple[int, Observation | None],
    found: tuple[BaselineEntry, ServiceRule, str],
) -> Judgement:
    (port, seen), (entry, rule, why) = place, found
    blank = scene.blank(RULE, sighting, port, seen)
    how = f"{saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)}; {spoke(seen, scene.run.plan.silent_ports)}; {why}"
    where = f"{rule.service} on port {port}/{sighting.transport}"
    judged = replace(
        blank,
        entry_id=entry.id,
        owner=blank.owner or entry.owner,
        location=entry.location,
        controls=rule.controls,
    )
    lacking = _lacking(entry)
    if not lacking and entry.mitigation is not None:
        checked = entry.mitigation.checked_by or "not stated"
        return replace(
            judged,
            title=f"Insecure service approved with mitigation: {where}",
            because=f"{how}; entry {entry.id} approves it with the mitigation: {entry.mitigation.measure} (checked by: {checked}).",
            facts=("insecure_mitigated",),
        )
    exposure = replace(
        exposure_at(scene, sighting, port, seen), recognition=Recognition(rule=rule, inferred=False)
    )
    trace = rate_unmitigated(exposure)
    return replace(
        judged,
        verdict=Verdict.DEVIATES,
        title=f"Insecure service approved without mitigation: {where}",
        because=f"{how}; entry {entry.id} approves it, but records no {', no '.join(lacking)}.",
        facts=("insecure_unmitigated",),
        severity=trace[-1].severity,
        trace=trace,
        action=f"{rule.remediation} Until then, record in entry {entry.id} what protects it.",
    )


def _lacking(entry: BaselineEntry) -> tuple[str, ...]:
    """Say what the fact `insecure_mitigated` asks for and the entry does not have."""
    held = {
        "mitigation": bool(entry.mitigation and entry.mitigation.measure.strip()),
        "justification": bool(entry.justification.strip()),
        "approver": bool(entry.approval.approver.strip()),
        "review date": entry.approval.review_by is not None,
    }
    return tuple(field for field, there in held.items() if not there)
