"""What is remembered of a target between two fetches of its source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portproof.model.endpoint import Address
from portproof.model.source import SourcedTarget


@dataclass(frozen=True, slots=True)
class AddressSpan:
    """An address of a target, and from when to when it was listed with it.

    The address may have another owner before and after: whatever is said of the target does not
    hold for them.
    """

    address: Address
    since: datetime
    last: datetime
    """When it was last listed with it."""
    until: datetime | None = None
    """When a list first had the target without it, or had the target no more before it returned.

    None while it goes on (of a retired target: as its last); of a span that ended before this was
    recorded as well: it then ended after `last`.
    """
    retired: bool = False
    """Whether it ended because the target retired (and returned later)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTarget:
    """One target of one source as the store knows it."""

    source: str
    target: SourcedTarget
    """As it was listed last."""
    first_listed: datetime
    last_listed: datetime
    retired_at: datetime | None = None
    """When a whole list first lacked it; None while it is listed."""
    scanned_at: datetime | None = None
    """When a conclusive run of all its addresses last ended; None: never since it was listed."""
    spans: tuple[AddressSpan, ...] = ()
    """Every address it ever had, those of now last, each with its dates."""

    @property
    def key(self) -> str:
        """Give its identity among all sources: `cmdb/web-1`."""
        return f"{self.source}/{self.target.id}"


class FetchOutcome(StrEnum):
    """What became of one asking of a source."""

    TAKEN = "taken"
    SHRUNK = "shrunk"
    """It lists nothing, or fewer than half of the last list: what is new was taken, nothing retired."""
    STALE = "stale"
    """The source gave its last list again, and said why."""
    FAILED = "failed"


class TargetChange(StrEnum):
    """What a list changed about one target."""

    APPEARED = "appeared"
    MOVED = "moved"
    """It has other addresses than before."""
    RETIRED = "retired"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One fetch of one source, and what it does to what is known."""

    source: str
    at: datetime
    outcome: FetchOutcome
    because: str = ""
    """Why it is not simply taken, as one sentence; empty for `taken`."""
    listed: int
    """Targets of the list; 0 when it failed."""
    targets: tuple[KnownTarget, ...] = ()
    """Every target of the source from now on; empty when nothing changes (failed, stale)."""
    changes: tuple[tuple[TargetChange, str], ...] = ()
    """What changed, with the key of the target, in the order of the keys."""
    not_understood: tuple[str, ...] = ()

    @property
    def alerts(self) -> bool:
        """Whether somebody has to look: the list that is in force is not the source's."""
        return self.outcome is not FetchOutcome.TAKEN


class Why(StrEnum):
    """Why a target is scanned."""

    NEW = "scan at once"
    LISTED = "listed"
    RETIRED = "retired, rescanned"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One host to scan, and which target it is."""

    key: str
    host: Address | str
    """An address, or a name where the source knows no address."""
    why: Why


@dataclass(frozen=True, slots=True)
class Refused:
    """One host that is listed and may not be scanned (law 4)."""

    key: str
    host: Address | str
    because: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the inventory a scan asks, and what it may not."""

    wanted: tuple[Wanted, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class TargetFact:
    """Something that a run says of the inventory, in the vocabulary of `facts.yaml`."""

    fact: str
    subject: str
    because: str
