"""`approval-emergency`: an emergency approval was not ratified within five days.

Judged on the documents, once per entry, at the instant of the evaluation. An emergency may be
approved by one person in haste; within five days somebody else approves it again, at leisure
(SOC 2 CC8.1, PCI DSS v4.0.1 §1.2.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.policy.approval import RATIFICATION
from portproof.policy.scene import Scene
from portproof.policy.severity import fixed
from portproof.policy.wording import instant

RULE: Final = "approval-emergency"


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per entry whose emergency approval nobody ratified in time."""
    for entry in scene.baseline.approved:
        held = scene.standing(entry)
        if held.ratify_by is None or not held.overdue(scene.at):
            continue
        yield Judgement(
            rule=RULE,
            verdict=Verdict.DEVIATES,
            subject=Subject(asset=f"{scene.baseline.scope}/{entry.id}", zone=""),
            title=f"Emergency approval of entry {entry.id} was not ratified",
            because=(
                f"Entry {entry.id} was approved in an emergency, and nobody else had approved it "
                f"again by {instant(held.ratify_by)}, {RATIFICATION.days} days on; {held.told}."
            ),
            facts=("approval_missing",),
            severity=Severity.MEDIUM,
            trace=fixed(
                Severity.MEDIUM, "approval missing", "an emergency approval was not ratified"
            ),
            action=f"Have somebody else approve it: portproof baseline approve {entry.id} --key KEY",
            entry_id=entry.id,
            owner=entry.owner,
            location=entry.location,
        )
