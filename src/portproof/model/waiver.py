"""Waivers: accepted risks with an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Network, Transport
from portproof.model.ports import PortSet


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
        """Whether it holds at that instant."""
        return self.begins <= at < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Waivers:
    """All waivers of an organisation (`waivers.yaml`)."""

    waivers: tuple[Waiver, ...] = ()
    digest: str = ""
    """SHA-256 of the document's bytes, lower-case hex; empty when there is no document."""
