"""Approve: a reviewed set of entries, one signature over the digests of all of them.

Nothing here signs or writes. It says which entries are meant, why they cannot be approved by this
person, what the signature will count for, and what the documents should then record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from portproof.errors import ApprovalError
from portproof.model.approval import Claim, Means, Provenance
from portproof.model.baseline import Baseline, BaselineEntry, Status
from portproof.model.vantage import Vantages
from portproof.policy.approval import refusal, target_zones
from portproof.policy.approval_people import People

_NAMED: Final = 5
"""Entries that a caution lists before it only counts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks to approve."""

    ids: tuple[str, ...] = ()
    """Entries by name; empty: all that `owner` and `zone` select and this person has not approved."""
    owner: str = ""
    zone: str = ""
    """A zone that the entries lead to (target zone)."""
    approver: str
    key: str
    """The public key it will be signed with."""
    at: datetime
    emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the baseline is to say of one entry's approval; None leaves a field as it is."""

    entry: BaselineEntry
    status: Status | None = None
    approver: str | None = None
    approved_on: date | None = None
    emergency: bool | None = None
    ratified_by: str | None = None
    ratified_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """The set to be shown, agreed to and signed."""

    entries: tuple[BaselineEntry, ...]
    records: tuple[Recorded, ...]
    cautions: tuple[str, ...]
    """Why the signature will not count as verified, or not be enough, for some of them; one sentence
    for each reason."""


def review(
    baseline: Baseline, provenance: Provenance, vantages: Vantages, asked: Asked
) -> Reviewed:
    """Give the set that somebody asks to approve.

    Raises:
        ApprovalError: nothing is selected, an entry is unknown, or it may not be approved by its
            own requester, or after its review date.
    """
    people = People(provenance.approvers)
    entries = _selected(baseline, provenance, vantages, asked, people)
    objections = [each for entry in entries for each in _objections(entry, asked, people)]
    if objections:
        raise ApprovalError("\n".join(objections))
    return Reviewed(
        entries=entries,
        records=tuple(_recorded(each, baseline, asked, people) for each in entries),
        cautions=tuple(dict.fromkeys(_cautions(entries, baseline, provenance, vantages, asked))),
    )


def _selected(
    baseline: Baseline,
    provenance: Provenance,
    vantages: Vantages,
    asked: Asked,
    people: People,
) -> tuple[BaselineEntry, ...]:
    if asked.ids:
        unknown = [each for each in asked.ids if baseline.entry(each) is None]
        if unknown:
            raise ApprovalError(f"{baseline.file}: there is no entry {', '.join(unknown)}")
        return tuple(each for each in baseline.entries if each.id in asked.ids)
    found = tuple(
        each
        for each in baseline.entries
        if (not asked.owner or people.same(each.owner, asked.owner))
        and (not asked.zone or asked.zone in target_zones(each, baseline, vantages))
        and not _has_approved(each, provenance, asked, people)
    )
    if not found:
        what = " and ".join(
            f"{kind} {value!r}"
            for kind, value in (("owner", asked.owner), ("zone", asked.zone))
            if value
        )
        raise ApprovalError(
            f"{baseline.file}: no entry of {what} waits for an approval by {asked.approver}"
        )
    return found


def _has_approved(
    entry: BaselineEntry, provenance: Provenance, asked: Asked, people: People
) -> bool:
    """Whether this person's signature over the present content is there already."""
    trace = provenance.traces.get(entry.id)
    return entry.status is not Status.PROPOSED and any(
        each.means is Means.SIGNATURE
        and not each.refused
        and people.same(each.approver, asked.approver)
        for each in (trace.claims if trace else ())
    )


def _objections(entry: BaselineEntry, asked: Asked, people: People) -> Iterator[str]:
    approval = entry.approval
    place = f"{entry.location.file}:{entry.location.line}:{entry.location.column}"
    if people.same(approval.requester, asked.approver):
        yield f"{place}: {asked.approver} is the requester of entry {entry.id}; somebody else approves it"
    if approval.review_by is not None and approval.review_by < asked.at.date():
        day = approval.review_by.isoformat()
        yield f"{place}: the review date of entry {entry.id} is past ({day}); set a new one first"


def _cautions(
    entries: Sequence[BaselineEntry],
    baseline: Baseline,
    provenance: Provenance,
    vantages: Vantages,
    asked: Asked,
) -> Iterator[str]:
    claim = Claim(
        approver=asked.approver, key=asked.key, means=Means.SIGNATURE, at=asked.at, reference=""
    )
    short: dict[str, list[str]] = {}
    for each in entries:
        zones = target_zones(each, baseline, vantages)
        why = refusal(claim, each, provenance, zones)
        if why:
            short.setdefault(f"stay self-declared: {why}", []).append(each.id)
        lacking = [name for name, value in _needed(each) if not value.strip()]
        if lacking:
            told = f"deviate once approved (approval-missing): no {', no '.join(lacking)}"
            short.setdefault(told, []).append(each.id)
    yield from (_caution(names, told) for told, names in short.items())


def _needed(entry: BaselineEntry) -> tuple[tuple[str, str], ...]:
    """Give what an assessor asks for and an approval does not fill in (PCI DSS v4.0.1 §1.2.5)."""
    return (
        ("justification", entry.justification),
        ("owner", entry.owner),
        ("ticket", entry.approval.ticket),
    )


def _caution(names: Sequence[str], told: str) -> str:
    """Say one thing of one entry, or of many of them in one sentence."""
    if len(names) == 1:
        return f"entry {names[0]} will {told}"
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{len(names):,} entries will {told} ({', '.join(names[:_NAMED])}{more})"


def _recorded(entry: BaselineEntry, baseline: Baseline, asked: Asked, people: People) -> Recorded:
    """Say what the document should record: who approved first, or who ratified an emergency.

    Where a zone asks for several approvals, the second one stands in its signature alone: the
    document has room for the first.
    """
    approval, today = entry.approval, asked.at.date()
    others = bool(approval.approver) and not people.same(approval.approver, asked.approver)
    decided = entry.status is not Status.PROPOSED
    if decided and others and approval.emergency and not asked.emergency:
        return Recorded(entry=entry, ratified_by=asked.approver, ratified_on=today)
    if decided and others and baseline.approvals_needed(entry) > 1:
        return Recorded(entry=entry)
    return Recorded(
        entry=entry,
        status=None if decided else Status.APPROVED,
        approver=asked.approver,
        approved_on=today,
        emergency=asked.emergency if asked.emergency != approval.emergency else None,
    )
