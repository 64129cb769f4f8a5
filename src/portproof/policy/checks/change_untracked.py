"""`baseline-change-untracked`: the present content of an entry came without a change reference.

Judged on the history of the baseline, once per entry. A change is tracked when the commit that
brought it names a reference, or when it gave the entry a new one: the ticket of an earlier change
says nothing of this one (PCI DSS v4.0.1 §1.2.2, SOC 2 CC8.1). An entry whose history was not read is
not judged, and the fact not denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from portproof.model.approval import EntryVersion
from portproof.model.finding import Judgement, Severity, Subject, Verdict
from portproof.policy.scene import Scene
from portproof.policy.severity import fixed

RULE: Final = "baseline-change-untracked"
REFERENCE: Final = r"\b[A-Z][A-Z0-9]+-[0-9]+\b|#[0-9]+\b"
"""What counts as a reference where the list of approvers gives no pattern: CHG-123, #45."""


def judge(scene: Scene) -> Iterator[Judgement]:
    """Give one deviation per entry whose present content came without a reference.

    A history that is not the one that earlier runs recorded is one as well: of all its changes.
    """
    if scene.provenance.rewritten:
        yield _rewritten(scene)
    pattern = re.compile(scene.provenance.approvers.ticket_pattern or REFERENCE)
    for entry in scene.baseline.entries:
        trace = scene.provenance.traces.get(entry.id)
        brought = trace.brought if trace else None
        if brought is None or tracked(brought, pattern):
            continue
        commit = brought.commit
        yield Judgement(
            rule=RULE,
            verdict=Verdict.DEVIATES,
            subject=Subject(asset=f"{scene.baseline.scope}/{entry.id}", zone=""),
            title=f"Entry {entry.id} changed without a change reference",
            because=(
                f"Commit {commit.short} of {commit.at:%Y-%m-%d} by {commit.author} brought the "
                f"present content of entry {entry.id}, and neither its message nor a new ticket "
                "of the entry names a change."
            ),
            facts=("baseline_change_untracked",),
            severity=Severity.MEDIUM,
            trace=fixed(Severity.MEDIUM, "change untracked", "the change has no reference"),
            action="Name the change in the entry's ticket, or in the message of the commit.",
            entry_id=entry.id,
            owner=entry.owner,
            location=entry.location,
        )


def _rewritten(scene: Scene) -> Judgement:
    why = scene.provenance.rewritten
    return Judgement(
        rule=RULE,
        verdict=Verdict.DEVIATES,
        subject=Subject(asset=f"{scene.baseline.scope}/", zone=""),
        title="The history of the baseline is another one than earlier runs recorded",
        because=f"{why[:1].upper()}{why[1:]}.",
        facts=("baseline_change_untracked",),
        severity=Severity.MEDIUM,
        trace=fixed(Severity.MEDIUM, "history rewritten", "its changes can be traced no more"),
        action=(
            "Check out the branch whose history runs recorded, or bring the recorded commit into "
            "this one (git merge --strategy=ours COMMIT); baseline history tells what was recorded."
        ),
    )


def tracked(version: EntryVersion, pattern: re.Pattern[str]) -> bool:
    """Whether a version came with a change reference: in a message, or as a new ticket."""
    if any(pattern.search(each.message) for each in (version.commit, *version.merges)):
        return True
    ticket = version.entry.approval.ticket if version.entry else ""
    before = version.before.approval.ticket if version.before else ""
    return ticket != before and pattern.search(ticket) is not None
