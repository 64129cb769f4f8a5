"""`approval-self`: who asked for an entry or a waiver, or wrote it, also approved it.

Judged on the documents, once per entry and waiver. Names are compared as `approval_people` evens
them out, so that nobody slips through with a capital letter or a second address. Where git tells
who wrote the present content, that author approves it no more than its requester does, unless the
approval of somebody else is verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.baseline import BaselineEntry, SourceLocation
from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.policy.approval_people import People
from portproof.policy.scene import Scene
from portproof.policy.severity import fixed

RULE: Final = "approval-self"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per entry and waiver that one person both asked for and approved."""
    people = People(scene.provenance.approvers)
    for entry in scene.baseline.approved:
        because = _self_approved(scene, people, entry)
        if because:
            what = f"entry {entry.id}"
            yield _judged(scene, what, because, entry.id, entry.owner, entry.location)
    for waiver in scene.waivers.waivers:
        if people.same(waiver.requester, waiver.approver):
            what = f"waiver {waiver.id}"
            because = f"Requester and approver of {what} are the same person."
            yield _judged(scene, what, because, "", waiver.requester, waiver.location)


def _self_approved(scene: Scene, people: People, entry: BaselineEntry) -> str:
    """Say how one person asked for or wrote an entry, and approved it; empty when none did."""
    approval = entry.approval
    if people.same(approval.requester, approval.approver):
        return f"Requester and approver of entry {entry.id} are the same person."
    trace = scene.provenance.traces.get(entry.id)
    if trace is None or trace.brought is None:
        return ""
    commit = trace.brought.commit
    if not (
        people.same(approval.approver, commit.email)
        or people.same(approval.approver, commit.author)
    ):
        return ""
    held = scene.standing(entry)
    if held.verified:
        return ""
    return f"The approver of entry {entry.id} is the author of commit {commit.short}, which brought it."


def _judged(
    scene: Scene, what: str, because: str, entry_id: str, owner: str, location: SourceLocation
) -> Judgement:
    return Judgement(
        rule=RULE,
        verdict=Verdict.DEVIATES,
        subject=Subject(asset=f"{scene.baseline.scope}/{entry_id or what}", zone=""),
        title=f"Self-approval of {what}",
        because=because,
        facts=("approval_self",),
        severity=Severity.MEDIUM,
        trace=fixed(Severity.MEDIUM, "approval self", "one person asked and approved"),
        action="Have someone else review and approve it.",
        entry_id=entry_id,
        owner=owner,
        location=location,
    )
