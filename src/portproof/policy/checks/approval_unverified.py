"""`approval-unverified`: fewer persons approved an entry than its zones, or the list, ask for.

Judged on the document, once per entry, whatever the run saw. A zone of the baseline may ask for more
than one approval, and the list of approvers may refuse those that nothing but a name speaks for
(PCI DSS v4.0.1 §1.2.5, SOC 2 CC8.1). An entry with no approver at all is `approval-missing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.policy.approval import Standing
from portproof.policy.scene import Scene
from portproof.policy.severity import fixed

RULE: Final = "approval-unverified"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per entry that too few persons approved."""
    strict = scene.provenance.approvers.verified_only
    for entry in scene.baseline.approved:
        if not entry.approval.approver.strip():
            continue
        held = scene.standing(entry)
        have = held.verified if strict else len(held.counted)
        if have >= held.needed or (held.needed == 1 and not strict):
            continue
        yield Judgement(
            rule=RULE,
            verdict=Verdict.DEVIATES,
            subject=Subject(asset=f"{scene.baseline.scope}/{entry.id}", zone=""),
            title=f"Too few approvals of entry {entry.id}",
            because=_because(entry.id, held, have, strict=strict),
            facts=("approval_missing",),
            severity=Severity.MEDIUM,
            trace=fixed(
                Severity.MEDIUM, "approval missing", "fewer persons approved than are asked for"
            ),
            action=f"Have it approved: portproof baseline approve {entry.id} --key KEY",
            entry_id=entry.id,
            owner=entry.owner,
            location=entry.location,
        )


def _because(name: str, held: Standing, have: int, *, strict: bool) -> str:
    kind = "verified approval" if strict else "approval"
    needed = f"{held.needed} {kind}{'' if held.needed == 1 else 's'}"
    return f"Entry {name} needs {needed} and has {have}; {held.told}."
