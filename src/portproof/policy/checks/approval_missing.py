"""`approval-missing`: a baseline entry lacks what an assessor asks for (PCI DSS v4.0.1 §1.2.5).

Judged on the document, once per entry, whatever the run saw. A proposed entry has no approval yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.baseline import BaselineEntry
from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.policy.scene import Scene
from portproof.policy.severity import fixed

RULE: Final = "approval-missing"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per entry that lacks a field."""
    for entry in scene.baseline.approved:
        lacking = _lacking(entry)
        if lacking:
            yield Judgement(
                rule=RULE,
                verdict=Verdict.DEVIATES,
                subject=Subject(asset=f"{scene.baseline.scope}/{entry.id}", zone=""),
                title=f"Incomplete approval of entry {entry.id}",
                because=f"Entry {entry.id} records no {', no '.join(lacking)}.",
                facts=("approval_missing",),
                severity=Severity.MEDIUM,
                trace=fixed(
                    Severity.MEDIUM, "approval missing", "a field of the approval is empty"
                ),
                action="Complete the entry, and have it approved by someone other than its requester.",
                entry_id=entry.id,
                owner=entry.owner,
                location=entry.location,
            )


def _lacking(entry: BaselineEntry) -> tuple[str, ...]:
    """Say what the fact `approval_missing` names and the entry does not have."""
    held = {
        "justification": entry.justification.strip(),
        "owner": entry.owner.strip(),
        "approver": entry.approval.approver.strip(),
        "approval date": entry.approval.approved_on,
        "ticket": entry.approval.ticket.strip(),
    }
    return tuple(field for field, value in held.items() if not value)
