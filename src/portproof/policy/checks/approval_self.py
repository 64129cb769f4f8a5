"""`approval-self`: who asked for an entry or a waiver also approved it.

Judged on the documents, once per entry and waiver. Names are compared after case, spaces and
Unicode compatibility forms are evened out, so that nobody slips through with a capital letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from unicodedata import normalize

from portproof.model.baseline import SourceLocation
from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.policy.scene import Scene
from portproof.policy.severity import fixed

RULE: Final = "approval-self"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per entry and waiver that one person both asked for and approved."""
    for entry in scene.baseline.entries:
        if same_person(entry.approval.requester, entry.approval.approver):
            yield _judged(scene, f"entry {entry.id}", entry.id, entry.owner, entry.location)
    for waiver in scene.waivers.waivers:
        if same_person(waiver.requester, waiver.approver):
            yield _judged(scene, f"waiver {waiver.id}", "", waiver.requester, waiver.location)


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's; an empty name is nobody's."""
    return bool(one.strip()) and _normal(one) == _normal(other)


def _judged(
    scene: Scene, what: str, entry_id: str, owner: str, location: SourceLocation
) -> Judgement:
    return Judgement(
        rule=RULE,
        verdict=Verdict.DEVIATES,
        subject=Subject(asset=f"{scene.baseline.scope}/{entry_id or what}", zone=""),
        title=f"Self-approval of {what}",
        because=f"Requester and approver of {what} are the same person.",
        facts=("approval_self",),
        severity=Severity.MEDIUM,
        trace=fixed(Severity.MEDIUM, "approval self", "one person asked and approved"),
        action="Have someone else review and approve it.",
        entry_id=entry_id,
        owner=owner,
        location=location,
    )


def _normal(name: str) -> str:
    return " ".join(normalize("NFKC", name).casefold().split())
