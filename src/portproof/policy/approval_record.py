"""What is kept of a baseline with each judging: what every entry said, who decided, who wrote it.

The content is the same that approvals are given for (`model.approval.content_of`), so that the digest
of what a run was judged by can be held against a signature, or against git.
"""

from __future__ import annotations

from typing import Final, cast

from portproof.model.approval import Provenance, Trace, content_of
from portproof.model.baseline import Approval, Baseline, BaselineEntry
from portproof.model.judged_baseline import JudgedBaseline, Recorded

DECISION: Final = ("approver", "approved_on", "emergency", "ratified_by", "ratified_on")
"""What of an approval is given, not asked for: no part of the content that it approves."""


def judged_baseline(baseline: Baseline, provenance: Provenance) -> JudgedBaseline:
    """Give what is kept of a baseline, its entries in the order of their ids.

    Of each entry: `content`, `decision` (status, approver, dates), and `touched` (the commit that
    last touched it), which is left out where its present content is in no commit.
    """
    return JudgedBaseline(
        scope=baseline.scope,
        environment=baseline.environment,
        commit=provenance.commit,
        anchor=provenance.anchor,
        entries={
            each.id: _recorded(each, baseline.scope, provenance.traces.get(each.id))
            for each in sorted(baseline.entries, key=lambda each: each.id)
        },
    )


def decision_of(entry: BaselineEntry) -> dict[str, str]:
    """Give what was decided about an entry, in words; what nobody said is left out."""
    approval: Approval = entry.approval
    given = {name: getattr(approval, name) for name in DECISION}
    told = {name: str(value) for name, value in given.items() if value}
    return {"status": entry.status.value, **told}


def _recorded(entry: BaselineEntry, scope: str, trace: Trace | None) -> Recorded:
    content = cast("Recorded", content_of(entry, scope))
    held: dict[str, Recorded] = {"content": content, "decision": decision_of(entry)}
    commit = None if trace is None or trace.uncommitted else trace.touched
    if commit is not None:
        held["touched"] = {
            "commit": commit.id,
            "author": f"{commit.author} <{commit.email}>",
            "at": f"{commit.at:%Y-%m-%dT%H:%M:%SZ}",
            "why": commit.subject,
        }
    return held
