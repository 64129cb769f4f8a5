"""`approval-expired`: an approval is past its review date, and what it approved is still open.

The port itself is an unapproved exposure as well; this finding is about the approval, and goes to
whoever keeps the register.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from portproof.model.finding import Judgement, Severity, Verdict
from portproof.policy.scene import Scene
from portproof.policy.severity import exposure_at, fixed, rate
from portproof.policy.wording import saw

RULE: Final = "approval-expired"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per port that is open, granted by nothing, and was granted until lately."""
    for sighting, port, seen in scene.questionable_ports():
        if port in sighting.approved or port not in sighting.listed:
            continue
        for entry in sighting.entries:
            until = entry.approval.review_by
            if port not in entry.ports or until is None or until >= scene.today:
                continue
            worst = rate(exposure_at(scene, sighting, port, seen))[-1].severity
            severity = Severity.HIGH if worst is Severity.CRITICAL else Severity.MEDIUM
            how = saw(sighting.endpoint(port), seen, scene.run.plan.vantage.id)
            blank = scene.blank(RULE, sighting, port, seen)
            yield replace(
                blank,
                verdict=Verdict.DEVIATES,
                title=f"Approval expired, port {port}/{sighting.transport} still open",
                because=f"{how}; the approval of entry {entry.id} ended with its review date {until.isoformat()}.",
                facts=("exception_expired",),
                severity=severity,
                trace=fixed(severity, "approval expired", f"the exposure itself is {worst}"),
                action=f"Review entry {entry.id} and approve it again, or close the port.",
                entry_id=entry.id,
                owner=blank.owner or entry.owner,
                location=entry.location,
            )
            break  # one finding per port, whatever the number of entries that once granted it
