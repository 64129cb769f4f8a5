"""Reviews of the register: who looked at which entries, when, and how that is known.

PCI DSS v4.0.1 §1.2.7: what is approved is reviewed at least once every six months. A record names
the content of each entry that was looked at (by digest, as approvals do), so that it says of what
somebody said that it is still needed::

    reviews/NAME.json + .sig ─► SignedReview ─┐
    reviewed: {on, by} in the baseline ───────┴─► policy.review ─► RegisterReview ─► facts
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

REVIEW_MONTHS: Final = 6
"""PCI DSS v4.0.1 §1.2.7: rule sets are reviewed at least once every six months."""


class EditorsKnownBy(StrEnum):
    """How it was known who had edited an entry when it was reviewed."""

    GIT = "git history"
    NAMES = "names in the baseline"
    """Requester and approver, as the baseline itself names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecord:
    """One review, as it was signed."""

    scope: str
    reviewer: str
    at: datetime
    """UTC, to the second."""
    baseline: str
    """SHA-256 of the baseline that was reviewed, lower-case hex."""
    commit: str = ""
    """The commit that was checked out; empty where git could not tell."""
    editors: EditorsKnownBy
    entries: Mapping[str, str]
    """Digest of the canonical content by id: what was reviewed."""
    left_out: Mapping[str, str]
    """Why by id: approved entries that this reviewer could not review."""
    unused: tuple[str, ...] = ()
    """Ids of reviewed entries of which nothing was seen open."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReview:
    """A record as it was found, and how far its signature goes."""

    record: ReviewRecord
    reference: str
    """The name of its file."""
    key: str = ""
    """SHA256 fingerprint of the key that signed; empty where that is not verified."""
    refused: str = ""
    """Why the signature is not verified; empty when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterReview:
    """What the reviews of a register come to, from one of them to the next."""

    since: datetime
    """When the newest of them was made."""
    on: date | None
    """The day since which every entry was looked at; None: no review covers them all."""
    verified: bool
    """Whether it rests on verified signatures of entitled people alone."""
    told: str
    """`by audit@example.com, verified by signature (SHA256:…)`, or why `on` is None."""


def newest_review(
    reviews: Iterable[RegisterReview], at: datetime, *, verified: bool
) -> RegisterReview | None:
    """Give what the reviews of a kind came to at an instant; None: there was none."""
    held = (each for each in reviews if each.verified is verified and each.since <= at)
    return max(held, key=lambda each: each.since, default=None)


def months_later(day: date, months: int) -> date:
    """Give the same day some months on, or the last day of a month that is too short."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
