"""Facts about the baseline as a document: its review, and approvals that end soon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from portproof.model.baseline import Baseline
from portproof.model.compliance import AssertedFact
from portproof.model.review import REVIEW_MONTHS, months_later, newest_review
from portproof.model.rule import FactDefinitions

__all__ = ["document_facts", "months_later"]

WARNING: Final = timedelta(days=30)
"""How long before its end an approval is reported as ending."""


def document_facts(
    baseline: Baseline, at: datetime, definitions: FactDefinitions
) -> Iterator[AssertedFact]:
    """Give the facts the baseline asserts about itself on that day, as far as they are defined.

    Incomplete and self-given approvals are judgements of the policy, and not repeated here.
    """
    today = at.date()
    document = f"baseline {baseline.scope}"
    fact, because = _recorded(baseline, at) or _review(baseline, today)
    told = [(fact, document, because)] if fact else []
    for entry in baseline.approved:
        until = entry.approval.review_by
        if until is not None and today <= until <= today + WARNING:
            ends = f"its approval ends with its review date {until.isoformat()}"
            told.append(("exception_expiring", f"{document}, entry {entry.id}", ends))
    for name, subject, reason in told:
        definition = definitions.get(name)
        if definition is not None:
            yield AssertedFact(
                fact=name, polarity=definition.polarity, subject=subject, because=reason
            )


def _recorded(baseline: Baseline, at: datetime) -> tuple[str, str] | None:
    """Give the fact that signed reviews lead to; None where the document may know of a better one.

    A verified review comes before a self-declared one, and a later one does not undo it.
    """
    why = ""
    for verified in (True, False):
        held = newest_review(baseline.reviews, at, verified=verified)
        if held is None:
            continue
        due = months_later(held.on, REVIEW_MONTHS) if held.on else None
        if due is not None and at.date() <= due:
            return "baseline_reviewed", f"reviewed {held.on} {held.told}"
        why = why or (f"last reviewed {held.on}, due {due}" if due else held.told)
    declared, _ = _review(baseline, at.date())
    return ("baseline_review_overdue", why) if why and declared != "baseline_reviewed" else None


def _review(baseline: Baseline, today: date) -> tuple[str, str]:
    """Give `baseline_reviewed` or `baseline_review_overdue`, and why; no fact where it is neither."""
    reviewed, by = baseline.reviewed_on, baseline.reviewed_by.strip()
    overdue = "baseline_review_overdue"
    if reviewed is None:
        return overdue, "no review is recorded"
    if reviewed > today:
        return overdue, f"the only recorded review lies in the future: {reviewed.isoformat()}"
    due = months_later(reviewed, REVIEW_MONTHS)
    if today > due:
        return overdue, f"last reviewed {reviewed.isoformat()}, due {due.isoformat()}"
    editors = {each.approval.requester.strip().casefold() for each in baseline.entries}
    if not by or by.casefold() in editors:
        return "", ""
    said = f"reviewed {reviewed.isoformat()} by {by}, as the document says (self-declared)"
    return "baseline_reviewed", said
