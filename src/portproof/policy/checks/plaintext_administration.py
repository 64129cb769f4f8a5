"""`plaintext-administration`: a remote-administration service answered without encryption.

Approved or not (PCI DSS v4.0.1 §2.2.7): who must live with it asks for a waiver, which ends. Only a
service that identified itself counts; a port number proves no plain text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from portproof.model.finding import Judgement, Severity, Verdict
from portproof.policy.scene import Scene, service_at
from portproof.policy.severity import fixed, from_outside
from portproof.policy.wording import saw, spoke

RULE: Final = "plaintext-administration"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per open port where such a service identified itself."""
    outside = from_outside(scene)
    severity = Severity.HIGH if outside else Severity.MEDIUM
    side = "external" if outside else "internal"
    for sighting, port, seen in scene.questionable_ports():
        service = service_at(seen)
        found = scene.rules.recognise(sighting.transport, port, service)
        rule = found.rule
        if service is None or service.tls is not None or found.inferred or rule is None:
            continue
        if rule.service_class != "cleartext_admin":
            continue
        blank = scene.blank(RULE, sighting, port, seen)
        entry = sighting.granting(port, scene.today)
        how = saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)
        yield replace(
            blank,
            verdict=Verdict.DEVIATES,
            title=f"Administration in plain text: {rule.service} on port {port}/{sighting.transport}",
            because=f"{how}; {spoke(seen, scene.run.plan.silent_ports)}, which carries commands and credentials unencrypted.",
            facts=("plaintext_admin",),
            severity=severity,
            trace=fixed(severity, "plaintext administration", f"from zone {scene.zone} ({side})"),
            action=rule.remediation,
            entry_id=entry.id if entry else "",
            owner=blank.owner or (entry.owner if entry else ""),
            location=entry.location if entry else blank.location,
            controls=rule.controls,
        )
