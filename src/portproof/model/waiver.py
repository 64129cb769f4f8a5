"""Waivers: accepted risks with an end.

A waiver holds from `begins` on and before `expires`, to the microsecond, which is what our clocks
count in: at `expires` itself it does not hold any more. A bare date in the document means the whole
of that day in UTC, so that `expires` is 00:00 of the next one and the last instant at which the
waiver holds is 23:59:59.999999Z of the day that is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.finding import Severity
from portproof.model.ports import PortSet

LONGEST_DAYS: Final[Mapping[Severity, int]] = {
    Severity.INFO: 365,
    Severity.LOW: 365,
    Severity.MEDIUM: 365,
    Severity.HIGH: 365,
    Severity.CRITICAL: 90,
}
"""A risk accepted for longer is not accepted, it is forgotten: it has to be accepted anew."""

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Someone entitled accepts one deviation until an instant; afterwards it deviates again.

    It matches by rule and by endpoint; an empty selector matches all of its kind. A waiver never
    touches UNKNOWN: nobody can accept what was not measured.
    """

    id: str
    rules: tuple[str, ...]
    """Rule ids it covers; empty is not allowed by the document."""
    networks: tuple[Network, ...]
    names: tuple[str, ...]
    ids: tuple[str, ...] = ()
    """Targets of a source (`cmdb/web-1`), whatever address they have."""
    ranged: frozenset[Network] = frozenset()
    """As in `BaselineEntry`."""
    transport: Transport | None
    """None: both."""
    ports: PortSet | None
    """None: all."""
    zones: tuple[str, ...]
    """Vantage zones; empty: all."""
    reason: str
    requester: str
    approver: str
    begins: datetime
    expires: datetime
    """The first instant at which it no longer holds (UTC): 00:00 of the day after a bare date."""
    ticket: str = ""
    location: SourceLocation

    def in_force(self, at: datetime) -> bool:
        """Whether it holds at that instant, for findings that may be accepted so long."""
        return self.begins <= at < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Waivers:
    """All waivers of an organisation (`waivers.yaml`)."""

    waivers: tuple[Waiver, ...] = ()
    digest: str = ""
    """SHA-256 of the document's bytes, lower-case hex; empty when there is no document."""
    longest_days: Mapping[Severity, int] = field(default_factory=lambda: LONGEST_DAYS)
    """How long a finding of each severity may be accepted at a time; every severity is there."""

    def end(self, waiver: Waiver, severity: Severity | None) -> datetime:
        """Give the first instant at which a waiver no longer accepts a finding of that severity.

        It is `expires`, or earlier where such a finding may not be accepted so long. None: of no
        severity.
        """
        if severity is None:
            return waiver.expires
        longest = timedelta(days=self.longest_days[severity])
        return min(waiver.expires, waiver.begins + longest)


def last_instant(end: datetime) -> datetime:
    """Give the last instant at which something holds that ends before `end`."""
    return end - _INSTANT
