"""Where entries stand, who last touched them, and how their approvals are known."""

from __future__ import annotations

from collections import Counter

from portproof.model.approval import Level
from portproof.model.baseline import BaselineEntry
from portproof.model.evidence import BlameInfo
from portproof.policy.approval import Standing, standing_of
from portproof.usecases.describe.case import Case
from portproof.usecases.describe.wording import instant, place


def standing_in(case: Case, entry: BaselineEntry) -> Standing:
    """Judge the approval of an entry as of the case's evaluation."""
    held = case.documents
    at = case.checked.evaluation.at
    return standing_of(entry, held.baseline, held.vantages, held.provenance, at)


def blame_info(case: Case, entry_id: str) -> BlameInfo | None:
    """Say where an entry stands and which commit last touched it; None when there is no such entry."""
    entry = case.documents.baseline.entry(entry_id) if entry_id else None
    if entry is None:
        return None
    provenance = case.documents.provenance
    trace = provenance.traces.get(entry_id)
    touched = trace.touched if trace else None
    note = "changed since, and not committed" if trace and trace.uncommitted and touched else ""
    return BlameInfo(
        entry=entry_id,
        location=place(entry.location),
        commit=touched.short if touched else "",
        author=f"{touched.author} <{touched.email}>" if touched else "",
        date=instant(touched.at) if touched else "",
        note=note or ("" if touched else provenance.untold_of(entry_id)),
    )


def approvals_summary(case: Case) -> str:
    """Count the entries by how their approval is known, and say what limits that.

    Empty where no list of approvers is configured: then every name is self-declared, as the
    register says.
    """
    provenance = case.documents.provenance
    if not provenance.approvers.file:
        return ""
    levels = Counter(standing_in(case, each).level for each in case.documents.baseline.approved)
    told = ", ".join(f"{levels[each]} {each}" for each in Level if levels[each])
    return " ".join((f"{told or 'no entry is approved'}.", *provenance.statements))
