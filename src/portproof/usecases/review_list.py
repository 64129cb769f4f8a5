"""List the reviews of the register: what each covered, and what it is worth today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from portproof.model.approval import Provenance
from portproof.model.baseline import Baseline
from portproof.model.review import (
    REVIEW_MONTHS,
    RegisterReview,
    SignedReview,
    months_later,
    newest_review,
)
from portproof.model.vantage import Vantages
from portproof.policy.review import refused_entries, register_reviews
from portproof.policy.wording import instant

SCHEMA: Final = "portproof.reviews/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewLine:
    """One review."""

    at: str
    reviewer: str
    counts: str
    """`12 reviewed, 3 left out, 1 unused; 2 changed since`."""
    worth: str
    """`verified by signature`, for how many of its entries, or why it is self-declared."""
    editors: str
    """How it was known who had edited the entries."""
    note: str
    reference: str
    """The name of its file."""
    key: str
    """SHA256 fingerprint of the key that signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewList:
    """All reviews of a register, newest first."""

    lines: tuple[ReviewLine, ...]
    problems: tuple[str, ...]
    """Files that count for nothing, and why."""
    standing: str
    """When the register was reviewed last, and when the next review is due."""

    def plain(self) -> dict[str, Any]:
        """Give it as JSON would have it."""
        return {"schema": SCHEMA, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What the reviews are held against."""

    baseline: Baseline
    provenance: Provenance
    vantages: Vantages


def list_reviews(
    reviews: Sequence[SignedReview], problems: Sequence[str], register: Register, at: datetime
) -> ReviewList:
    """List reviews, newest first, as of an instant."""
    baseline, provenance = register.baseline, register.provenance
    come_to = register_reviews(reviews, baseline, provenance, register.vantages)
    return ReviewList(
        lines=tuple(_line(each, register, at) for each in reviews),
        problems=tuple(problems),
        standing=_standing(come_to, at),
    )


def _line(signed: SignedReview, register: Register, at: datetime) -> ReviewLine:
    record = signed.record
    traces = register.provenance.traces
    changed = sum(
        name in traces and traces[name].digest != digest for name, digest in record.entries.items()
    )
    counts = [f"{len(record.entries):,} reviewed"]
    counts += [f"{len(record.left_out):,} left out"] if record.left_out else []
    counts += [f"{len(record.unused):,} unused"] if record.unused else []
    counts += [f"{changed:,} changed since"] if changed else []
    return ReviewLine(
        at=instant(record.at),
        reviewer=record.reviewer,
        counts=", ".join(counts),
        worth=_worth(signed, register, at),
        editors=record.editors,
        note=record.note,
        reference=signed.reference,
        key=signed.key,
    )


def _worth(signed: SignedReview, register: Register, at: datetime) -> str:
    if signed.record.at > at:
        return "it is dated in the future, and counts from then on"
    if signed.refused:
        return f"self-declared: {signed.refused}"
    refused = refused_entries(signed, register.baseline, register.provenance, register.vantages)
    if not refused:
        return "verified by signature"
    why = next(iter(refused.values()))
    more = "" if len(set(refused.values())) == 1 else ", and for other reasons"
    number = "1 entry" if len(refused) == 1 else f"{len(refused):,} entries"
    return f"verified by signature but for {number}: {why}{more}"


def _standing(come_to: Sequence[RegisterReview], at: datetime) -> str:
    for verified in (True, False):
        held = newest_review(come_to, at, verified=verified)
        if held is not None and held.on is not None:
            due = months_later(held.on, REVIEW_MONTHS)
            state = "overdue since" if at.date() > due else "the next review is due"
            return f"reviewed {held.on} {held.told}; {state} {due}"
        if held is not None and verified:
            return f"no review covers the register: {held.told}"
    return "no review of the register is recorded"
