"""Register: the approved services of a baseline, each with who approved it and how that is known."""

from __future__ import annotations

from datetime import date, datetime

from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.register import Register, RegisterLine
from portproof.model.review import newest_review
from portproof.policy.approval import standing_of, target_zones
from portproof.policy.nearest import why_void
from portproof.usecases.inputs import Documents


def register(documents: Documents, *, at: datetime) -> Register:
    """List the services that are approved, in the order of the baseline, as of the day of `at`.

    Whatever is approved stands in it, also what grants nothing on that day: an assessor asks for the
    list, and what is wrong with it (PCI DSS v4.0.1 §1.2.5).
    """
    baseline = documents.baseline
    approved = baseline.approved
    return Register(
        scope=baseline.scope,
        on=at.date().isoformat(),
        lines=tuple(_line(each, documents, at) for each in approved),
        proposed=len(baseline.entries) - len(approved),
        file=baseline.file,
        digest=baseline.digest,
        reviewed=_reviewed(baseline, at),
        statements=documents.provenance.statements,
    )


def _reviewed(baseline: Baseline, at: datetime) -> str:
    """Say when it was reviewed last: by a signed review, else as the baseline itself says."""
    for verified in (True, False):
        held = newest_review(baseline.reviews, at, verified=verified)
        if held is not None and held.on is not None:
            return f"{held.on} {held.told}"
    by = f" by {baseline.reviewed_by}" if baseline.reviewed_by else ""
    return f"{baseline.reviewed_on}{by}" if baseline.reviewed_on else ""


def _line(entry: BaselineEntry, documents: Documents, at: datetime) -> RegisterLine:
    baseline, vantages = documents.baseline, documents.vantages
    held = standing_of(entry, baseline, vantages, documents.provenance, at)
    approval, place = entry.approval, entry.location
    return RegisterLine(
        entry=entry.id,
        service=entry.service,
        ports=f"{entry.ports}/{entry.transport}",
        presence=entry.presence,
        direction=entry.direction,
        hosts=", ".join(entry.hosts_text),
        from_zones=", ".join(entry.zones),
        to_zones=", ".join(target_zones(entry, baseline, vantages)),
        owner=entry.owner,
        capability=entry.capability,
        justification=entry.justification,
        mitigation=_mitigation(entry),
        requester=approval.requester,
        approval=f"{held.told} ({len(held.counted)} of {held.needed})",
        approved_on=_day(approval.approved_on),
        review_by=_day(approval.review_by),
        ticket=approval.ticket,
        standing=why_void(entry, at.date()) or "in force",
        location=f"{place.file}:{place.line}:{place.column}",
    )


def _mitigation(entry: BaselineEntry) -> str:
    held = entry.mitigation
    if held is None:
        return ""
    return f"{held.measure}; checked by {held.checked_by}" if held.checked_by else held.measure


def _day(on: date | None) -> str:
    return "" if on is None else on.isoformat()
