"""The approved state: which services may be, or must be, reachable, and who said so.

This is the register an assessor asks for (PCI DSS v4.0.1 §1.2.5): one entry per approved service,
with its reason, owner, approver and review date. Anything that no entry grants is unapproved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from portproof.model.endpoint import Address, Endpoint, Network, Transport
from portproof.model.ports import PortSet


class Presence(StrEnum):
    """Whether the service may answer, or must."""

    ALLOWED = "allowed"
    REQUIRED = "required"


class Tier(IntEnum):
    """How much depends on the service; 1 is critical."""

    ONE = 1
    TWO = 2
    THREE = 3


class Direction(StrEnum):
    """Seen from the entry's hosts."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Hosts a person knows by one name: what `hosts` of an entry may refer to by id or tag."""

    id: str
    networks: tuple[Network, ...]
    """Single addresses are /32 or /128."""
    names: tuple[str, ...] = ()
    """DNS names, lower case."""
    tags: frozenset[str] = frozenset()
    owner: str = ""
    tier: Tier | None = None
    capability: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who asked for an entry and who approved it; None or empty is a missing field, and a fact."""

    requester: str = ""
    approver: str = ""
    approved_on: date | None = None
    review_by: date | None = None
    """The last day on which the approval holds; the day after, it grants nothing."""
    ticket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """What protects an insecure service that is approved all the same, and how that is checked."""

    measure: str
    checked_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """Where an entry stands: for SARIF, and for the person who must mend it. 1-based."""

    file: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEntry:
    """One approved service on some hosts, from some zones."""

    id: str
    networks: tuple[Network, ...]
    """The hosts: what was listed, and what its asset ids and tags stand for."""
    names: tuple[str, ...]
    """DNS names among its hosts, lower case; they match `PlannedHost.name`."""
    hosts_text: tuple[str, ...]
    """The hosts as they were written, for print."""
    transport: Transport
    ports: PortSet
    zones: tuple[str, ...]
    """Vantage zones it is approved from."""
    service: str
    """The expected service name, as probes report it; empty: any."""
    presence: Presence
    tier: Tier
    direction: Direction = Direction.INBOUND
    owner: str = ""
    capability: str = ""
    """The business capability that needs it."""
    breaks: str = ""
    """What breaks without it."""
    runbook: str = ""
    justification: str = ""
    mitigation: Mitigation | None = None
    approval: Approval
    location: SourceLocation

    def covers(self, address: Address, names: Iterable[str] = ()) -> bool:
        """Whether the address, or a DNS name that it was resolved from, is among the entry's hosts."""
        if any(name.lower() in self.names for name in names):
            return True
        return any(address.version == net.version and address in net for net in self.networks)

    def in_force(self, on: date) -> bool:
        """Whether the approval holds on that day: approved by then, and its review not overdue.

        A date that is missing does not make it void (that is the fact `approval_missing`).
        """
        approved, until = self.approval.approved_on, self.approval.review_by
        return (approved is None or approved <= on) and (until is None or on <= until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """All approved services of an organisation or a scope."""

    scope: str
    entries: tuple[BaselineEntry, ...]
    assets: tuple[Asset, ...] = ()
    file: str
    digest: str
    """SHA-256 of the document's bytes, lower-case hex."""
    reviewed_on: date | None = None
    reviewed_by: str = ""

    def entry(self, entry_id: str) -> BaselineEntry | None:
        """Find an entry by its id; None when there is none."""
        return next((each for each in self.entries if each.id == entry_id), None)

    def matching(
        self, endpoint: Endpoint, *, zone: str, names: Iterable[str] = ()
    ) -> tuple[BaselineEntry, ...]:
        """Give the inbound entries that cover the endpoint from that zone, in force or not."""
        return tuple(
            entry
            for entry in self.entries
            if entry.direction is Direction.INBOUND
            and entry.transport is endpoint.transport
            and endpoint.port in entry.ports
            and zone in entry.zones
            and entry.covers(endpoint.address, names)
        )

    def asset_of(self, address: Address, name: str | None = None) -> Asset | None:
        """Find the asset the address (or its name) belongs to; the most specific network wins."""
        if name is not None:
            for asset in self.assets:
                if name.lower() in asset.names:
                    return asset
        held = [
            (network.prefixlen, -position, asset)
            for position, asset in enumerate(self.assets)
            for network in asset.networks
            if address.version == network.version and address in network
        ]
        return max(held, key=lambda item: item[:2])[2] if held else None
