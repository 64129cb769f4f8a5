"""The segmentation policy: which zone may reach which, what a test must ask, and who tests.

PCI DSS v4.0.1 §11.4.5 and §11.4.6, SOC 2 CC6.1. A *cell* is a pair of a vantage's zone and a target
zone; a cell that nobody wrote is denied. `model.segmentation_result` holds what came of a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Address, Endpoint, Network, Transport
from portproof.model.ports import PortSet


class Expectation(StrEnum):
    """What a cell of the policy says."""

    DENY = "deny"
    ALLOW = "allow list"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedFlow:
    """One flow that may cross a boundary."""

    networks: tuple[Network, ...]
    """Its targets."""
    hosts_text: tuple[str, ...]
    """The targets as they were written, for print."""
    tcp: PortSet
    udp: PortSet
    because: str
    ticket: str
    location: SourceLocation

    def ports(self, address: Address, transport: Transport) -> PortSet:
        """Give the ports of that address that the flow allows; empty where it is no target."""
        if not contains(self.networks, address):
            return PortSet.empty()
        return self.tcp if transport is Transport.TCP else self.udp


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRule:
    """What may cross from one zone into another, and which ports a complete test asks."""

    source: str
    target: str
    allowed: tuple[AllowedFlow, ...] = ()
    tcp: PortSet
    udp: PortSet
    boundary_resets: PortSet
    """TCP ports on which the boundary itself is known to answer with a reset in the target's name:
    a reset there proves neither that packets crossed nor that they did not."""
    location: SourceLocation | None
    """None: nobody wrote this cell, it is denied by default."""

    @property
    def expectation(self) -> Expectation:
        """Say whether nothing may cross, or what is on a list."""
        return Expectation.ALLOW if self.allowed else Expectation.DENY

    def ports(self, transport: Transport) -> PortSet:
        """Give the ports that a complete test asks over that transport."""
        return self.tcp if transport is Transport.TCP else self.udp

    def allows(self, address: Address, transport: Transport) -> PortSet:
        """Give the ports of that address that may be reached."""
        held = PortSet.empty()
        for flow in self.allowed:
            held = held | flow.ports(address, transport)
        return held


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetZone:
    """A zone that is to be kept apart: the addresses in it, and those that a test must ask."""

    name: str
    networks: tuple[Network, ...]
    targets: tuple[Network, ...] = ()
    """What every test must ask, one by one; empty: whatever the runs asked in its networks."""
    protected: bool = False
    """A cardholder data environment or the like: paths into it weigh more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationTester:
    """Who tests, as the record names them (PCI DSS v4.0.1 §11.4.6: qualified and independent)."""

    name: str
    qualification: str
    """A reference to where the qualification can be looked up."""
    independent_of: str
    """The teams that the tester is independent of, in the entity's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """The whole policy (`segmentation.yaml`)."""

    file: str
    digest: str
    """SHA-256 of the document's bytes, lower-case hex."""
    tester: SegmentationTester
    zones: tuple[TargetZone, ...]
    cells: tuple[CellRule, ...]
    tcp: PortSet
    udp: PortSet
    """The ports that a complete test of a cell asks, where the cell says nothing else."""

    def zone(self, name: str) -> TargetZone | None:
        """Find a target zone by its name; None when there is none."""
        return next((each for each in self.zones if each.name == name), None)

    def cell(self, source: str, target: str) -> CellRule:
        """Give the rule of a cell; one that nobody wrote is denied."""
        for each in self.cells:
            if (each.source, each.target) == (source, target):
                return each
        return CellRule(
            source=source,
            target=target,
            tcp=self.tcp,
            udp=self.udp,
            boundary_resets=PortSet.empty(),
            location=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkArrival:
    """One thing that reached a sink: a connection, or a datagram with a nonce of ours."""

    at: datetime
    source: Address
    endpoint: Endpoint
    """The address and port of the sink at which it arrived."""
    run_id: str
    """The run that the datagram names; empty for connections, and for datagrams of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkLog:
    """What one run of `portproof sink` wrote down."""

    file: str
    digest: str
    """SHA-256 of the log's bytes, lower-case hex."""
    endpoints: tuple[Endpoint, ...]
    """portproof's own listeners: attributed, never somebody's service (law 6)."""
    started: datetime
    until: datetime
    """The time of its last line: nothing is known of what came later."""
    arrivals: tuple[SinkArrival, ...]
    unlisted: int
    """Arrivals that were counted and not written down, because there were too many."""

    def covers(self, endpoint: Endpoint, begin: datetime, end: datetime) -> bool:
        """Whether the sink listened at the endpoint, and wrote everything down, all that time."""
        listened = endpoint in self.endpoints and not self.unlisted
        return listened and self.started <= begin and end <= self.until


def contains(networks: tuple[Network, ...], address: Address) -> bool:
    """Whether one of the networks holds the address."""
    return any(address.version == each.version and address in each for each in networks)
