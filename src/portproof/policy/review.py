"""Reviews of the register: what a reviewer looks at first, and what all reviews come to.

A review counts as verified for an entry when its signature is by a key of somebody in the signed
list of approvers, entitled to the entry's zones at that time, who neither asked for the entry nor
wrote its present content. Everything else is self-declared (PCI DSS v4.0.1 §1.2.7; docs/baseline-review.md).

The register is reviewed as of the day since which each entry was looked at. Entries that were there
at the newest review and were left out of it count with an earlier one; an entry that came later was
approved since, and is looked at with the next review.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portproof.model.approval import Claim, Means, Provenance, Trace
from portproof.model.baseline import Baseline, BaselineEntry, Direction
from portproof.model.review import RegisterReview, SignedReview
from portproof.model.vantage import Vantages
from portproof.policy.approval import refusal, target_zones
from portproof.policy.approval_people import People
from portproof.policy.approval_usage import ApprovalUsage, Matched

_NAMED: Final = 5
"""Entries that a sentence lists before it only counts them."""


class Attention(StrEnum):
    """Why a reviewer looks at an entry, the most urgent first."""

    UNUSED = "unused"
    """It was looked for, and nothing of it was open, or not for long."""
    ENDING = "ended or ending"
    OTHER = "in use, or not looked for"

    @property
    def rank(self) -> int:
        """0 for what is shown first."""
        return list(Attention).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """One approved entry as a reviewer sees it."""

    entry: BaselineEntry
    attention: Attention
    told: str
    """What is known of its use and its end, in words."""


def review_rows(
    baseline: Baseline, usages: Iterable[ApprovalUsage], at: datetime, *, unused_days: int
) -> tuple[ReviewRow, ...]:
    """Give every approved entry: unused ones first, then ending ones, then the rest by owner.

    Unused is what runs looked for and never saw open, or not for more than `unused_days`.
    """
    by_id = {each.entry.id: each for each in usages}
    rows = (_row(each, by_id.get(each.id), at, unused_days) for each in baseline.approved)
    return tuple(sorted(rows, key=_order))


def _row(
    entry: BaselineEntry, usage: ApprovalUsage | None, at: datetime, unused_days: int
) -> ReviewRow:
    if usage is None:
        use = "outbound: no run looks for it" if _is_outbound(entry) else "no run looked for it"
        return ReviewRow(entry=entry, attention=Attention.OTHER, told=use)
    unused, use = _use(usage, at, unused_days)
    end = _end(usage)
    attention = Attention.UNUSED if unused else Attention.ENDING if end else Attention.OTHER
    return ReviewRow(
        entry=entry, attention=attention, told="; ".join(each for each in (use, end) if each)
    )


def _is_outbound(entry: BaselineEntry) -> bool:
    return entry.direction is Direction.OUTBOUND


def _use(usage: ApprovalUsage, at: datetime, unused_days: int) -> tuple[bool, str]:
    """Say what runs saw of it, and whether that is to be called unused."""
    match usage.matched:
        case Matched.NEVER:
            return True, "looked for, and nothing of it was open"
        case Matched.UNMEASURED:
            return False, "no run measured it: whether anything uses it is not known"
        case Matched.SEEN:
            last = usage.last_matched
            if last is None:
                return False, "seen open"
            stale = at - last > timedelta(days=unused_days)
            return stale, f"last seen open {last.date().isoformat()}"


def _end(usage: ApprovalUsage) -> str:
    until = usage.entry.approval.review_by
    if until is None:
        return "without an end"
    if usage.expired:
        return f"ended {until.isoformat()}"
    return f"ends {until.isoformat()}" if usage.notice_days else ""


def _order(row: ReviewRow) -> tuple[int, str, str]:
    return row.attention.rank, row.entry.owner.casefold(), row.entry.id


# ---------------------------------------------------------------- what a review is worth


def refused_entries(
    signed: SignedReview, baseline: Baseline, provenance: Provenance, vantages: Vantages
) -> Mapping[str, str]:
    """Say of which present entries a review does not count as verified, and why."""
    record = signed.record
    told: dict[str, str] = {}
    for entry in baseline.approved:
        if entry.id in record.entries:
            trace = provenance.traces.get(entry.id)
            same = trace is not None and trace.digest == record.entries[entry.id]
            zones = target_zones(entry, baseline, vantages)
            claim = _claim(signed, trace if same else None)
            why = refusal(claim, entry if same else _unasked(entry), provenance, zones)
            if why:
                told[entry.id] = why
    return told


def _claim(signed: SignedReview, trace: Trace | None) -> Claim:
    """Give a review as the claim that it makes of an entry; `trace`: its content is still the same."""
    brought = trace.brought if trace else None
    return Claim(
        approver=signed.record.reviewer,
        key=signed.key,
        means=Means.SIGNATURE,
        at=signed.record.at,
        reference=signed.reference,
        author=brought.commit.email if brought else "",
        refused=signed.refused,
    )


def _unasked(entry: BaselineEntry) -> BaselineEntry:
    """Give an entry without its requester: whoever asked for a later content is nobody then."""
    return replace(entry, approval=replace(entry.approval, requester=""))


def last_reviewed(
    reviews: Iterable[SignedReview],
    baseline: Baseline,
    provenance: Provenance,
    vantages: Vantages,
) -> Mapping[str, datetime]:
    """Give when each entry was last reviewed by somebody who may, verified; entries by id."""
    last: dict[str, datetime] = {}
    for each in reviews:
        refused = refused_entries(each, baseline, provenance, vantages)
        for name in each.record.entries.keys() - refused.keys():
            last[name] = max(each.record.at, last.get(name, each.record.at))
    return last


def register_reviews(
    reviews: Sequence[SignedReview],
    baseline: Baseline,
    provenance: Provenance,
    vantages: Vantages,
) -> tuple[RegisterReview, ...]:
    """Give what the verified reviews come to, and what all of them do, from each to the next.

    Empty where there are none of a kind.
    """
    people = People(provenance.approvers)
    verified, declared = [], []
    for each in sorted(reviews, key=lambda one: one.record.at):
        refused = refused_entries(each, baseline, provenance, vantages)
        good = _Review(each, frozenset(each.record.entries) - frozenset(refused))
        own = frozenset(_own_work(each, baseline, provenance, people))
        if good.covered & {entry.id for entry in baseline.approved}:
            verified.append(good)
        declared.append(_Review(each, frozenset(each.record.entries) - own))
    return (
        *_come_to(verified, baseline, verified=True),
        *_come_to(declared, baseline, verified=False),
    )


@dataclass(frozen=True, slots=True)
class _Review:
    signed: SignedReview
    covered: frozenset[str]
    """The entries that it counts for."""


def _own_work(
    signed: SignedReview, baseline: Baseline, provenance: Provenance, people: People
) -> Iterator[str]:
    """Give the entries that the reviewer asked for or wrote: no review of these is one."""
    for entry in baseline.approved:
        trace = provenance.traces.get(entry.id)
        if trace is None or trace.digest != signed.record.entries.get(entry.id):
            continue
        brought = trace.brought
        own = (entry.approval.requester, brought.commit.email if brought else "")
        if any(people.same(signed.record.reviewer, each) for each in own):
            yield entry.id


def _come_to(
    reviews: Sequence[_Review], baseline: Baseline, *, verified: bool
) -> Iterator[RegisterReview]:
    """Sum reviews up, the oldest first, as of each of them."""
    approved = [each.id for each in baseline.approved]
    last: dict[str, _Review] = {}
    for review in reviews:
        last |= dict.fromkeys(review.covered, review)
        record = review.signed.record
        there = record.entries.keys() | record.left_out.keys()
        never = [each for each in approved if each in there and each not in last]
        needed = {id(last[each]): last[each] for each in approved if each in there & last.keys()}
        used = sorted(needed.values(), key=lambda each: each.signed.record.at) or [review]
        later = [each for each in approved if each not in there]
        yield RegisterReview(
            since=record.at,
            on=None if never else used[0].signed.record.at.date(),
            verified=verified,
            told=_told(never, used, later, verified=verified),
        )


def _told(
    never: Sequence[str], used: Sequence[_Review], later: Sequence[str], *, verified: bool
) -> str:
    if never:
        return f"{_named(never)} never reviewed by anybody who may"
    told = [*dict.fromkeys(_by(each.signed, verified=verified) for each in used)]
    return "; ".join((*told, *((f"{_named(later)} approved since",) if later else ())))


def _by(signed: SignedReview, *, verified: bool) -> str:
    if verified:
        return (
            f"by {signed.record.reviewer}, verified by signature ({signed.key}, {signed.reference})"
        )
    why = signed.refused or "it does not count as verified for every entry"
    return f"by {signed.record.reviewer}, self-declared: {why} ({signed.reference})"


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    was = "was" if len(ids) == 1 else "were"
    number = "1 entry" if len(ids) == 1 else f"{len(ids):,} entries"
    return f"{number} ({', '.join(ids[:_NAMED])}{more}) {was}"
