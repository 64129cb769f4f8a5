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
from portproof.model.review import RegisterReview


class Presence(StrEnum):
    """Whether the service may answer, or must."""

    ALLOWED = "allowed"
    REQUIRED = "required"


class Status(StrEnum):
    """Whether an entry has been decided on."""

    APPROVED = "approved"
    PROPOSED = "proposed"
    """Written down, and not decided: it grants nothing and requires nothing."""


class TlsVersion(StrEnum):
    """A version of TLS, or the DTLS of the same number; later ones are greater by `rank`."""

    V1_0 = "1.0"
    V1_1 = "1.1"
    V1_2 = "1.2"
    V1_3 = "1.3"

    @property
    def rank(self) -> int:
        """The place in the order of the versions, the oldest 0."""
        return list(TlsVersion).index(self)


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
    ranged: frozenset[Network] = frozenset()
    """As in `BaselineEntry`."""
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
    emergency: bool = False
    """Approved in an emergency: somebody else has to ratify it within days."""
    ratified_by: str = ""
    ratified_on: date | None = None


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
class BaselineZone:
    """A part of the network with rules of its own; what no entry approves is denied in each."""

    name: str
    networks: tuple[Network, ...] = ()
    """The addresses that lie in it, and in no other zone; empty for one such as the internet."""
    approvals: int = 1
    """How many persons must approve an entry towards it."""
    protected: bool = False
    """Whether it is to be protected (a CDE)."""
    description: str = ""
    location: SourceLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedKey:
    """One key of an entry that the chosen environment changed, and where it did."""

    key: str
    location: SourceLocation


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEntry:
    """One approved service on some hosts, from some zones."""

    id: str
    networks: tuple[Network, ...]
    """The hosts: what was listed, and what its asset ids and tags stand for."""
    names: tuple[str, ...]
    """DNS names among its hosts, lower case; they match `PlannedHost.name`."""
    ids: tuple[str, ...] = ()
    """Targets of a source among its hosts (`cmdb/web-1`), whatever address they have."""
    ranged: frozenset[Network] = frozenset()
    """Of `networks`, those of one address that an octet range begins or ends in. All others of one
    address were listed by themselves, and are meant for who held them (`policy.holders`)."""
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
    status: Status = Status.APPROVED
    tls_at_least: TlsVersion | None = None
    """The oldest TLS version that may be negotiated; None: nothing is said of TLS."""
    template: str = ""
    """The template it takes the keys from that it does not have itself; empty: none."""
    environment: str = ""
    """The environment that added it; empty for an entry of the base."""
    changed: tuple[ChangedKey, ...] = ()
    """What the chosen environment changed of it, in the order of writing."""
    location: SourceLocation
    """Where the entry itself stands, whatever a template or an environment adds."""

    def covers(self, address: Address, names: Iterable[str] = ()) -> bool:
        """Whether the address, or a DNS name that it was resolved from, is among the entry's hosts."""
        if any(name.lower() in self.names for name in names):
            return True
        return _holds(self.networks, address)

    def in_force(self, on: date) -> bool:
        """Whether the approval holds on that day: approved by then, and its review not overdue.

        A date that is missing does not make it void (that is the fact `approval_missing`). A
        proposed entry is in force on no day.
        """
        if self.status is Status.PROPOSED:
            return False
        approved, until = self.approval.approved_on, self.approval.review_by
        return (approved is None or approved <= on) and (until is None or on <= until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """All approved services of an organisation or a scope."""

    scope: str
    entries: tuple[BaselineEntry, ...]
    """All that is written down, proposed entries included; see `approved`."""
    assets: tuple[Asset, ...] = ()
    zones: tuple[BaselineZone, ...] = ()
    file: str
    digest: str
    """SHA-256 of the document's bytes, lower-case hex; of several files, over names and digests."""
    files: tuple[str, ...] = ()
    """Every file that was read, the first one first; empty where nothing was read from files."""
    environment: str = ""
    """The environment whose changes are in it; empty: the base."""
    reviewed_on: date | None = None
    reviewed_by: str = ""
    reviews: tuple[RegisterReview, ...] = ()
    """What the signed reviews beside it come to (`policy.review`); empty where nobody looked."""

    @property
    def approved(self) -> tuple[BaselineEntry, ...]:
        """The entries that somebody decided on, in force or lapsed; no proposed ones."""
        return tuple(each for each in self.entries if each.status is not Status.PROPOSED)

    def entry(self, entry_id: str) -> BaselineEntry | None:
        """Find an entry by its id; None when there is none."""
        return next((each for each in self.entries if each.id == entry_id), None)

    def matching(
        self, endpoint: Endpoint, *, zone: str, names: Iterable[str] = ()
    ) -> tuple[BaselineEntry, ...]:
        """Give the approved inbound entries that cover the endpoint from that zone, lapsed or not."""
        return tuple(
            entry
            for entry in self.approved
            if entry.direction is Direction.INBOUND
            and entry.transport is endpoint.transport
            and endpoint.port in entry.ports
            and zone in entry.zones
            and entry.covers(endpoint.address, names)
        )

    def zone(self, name: str) -> BaselineZone | None:
        """Find a zone by its name; None when the baseline does not declare it."""
        return next((each for each in self.zones if each.name == name), None)

    def zone_of(self, address: Address) -> BaselineZone | None:
        """Find the zone that the address lies in; None where no zone of the baseline has it."""
        return next((each for each in self.zones if _holds(each.networks, address)), None)

    def zones_towards(self, entry: BaselineEntry) -> tuple[BaselineZone, ...]:
        """Give the zones that hosts of an entry lie in, as far as its addresses tell.

        A DNS name among its hosts tells nothing: where it leads changes without the baseline.
        """
        return tuple(
            zone
            for zone in self.zones
            if any(_meet(held, network) for held in zone.networks for network in entry.networks)
        )

    def approvals_needed(self, entry: BaselineEntry) -> int:
        """Give how many persons must approve an entry: the most that a zone it leads to asks for."""
        return max((zone.approvals for zone in self.zones_towards(entry)), default=1)

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


def _holds(networks: Iterable[Network], address: Address) -> bool:
    return any(address.version == each.version and address in each for each in networks)


def _meet(one: Network, other: Network) -> bool:
    """Whether two networks share an address."""
    return (
        one.version == other.version
        and int(one.network_address) <= int(other.broadcast_address)
        and int(other.network_address) <= int(one.broadcast_address)
    )
