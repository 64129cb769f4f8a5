"""What the runs of a window showed of each target of a cell: the latest word of each vantage.

A run that could not measure an endpoint says nothing of it, so that an earlier one of the window
still speaks; a run that may conclude nothing is not listened to at all (law 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.model.segmentation import SinkLog, TargetZone, contains

NO_PORTS = PortSet.empty()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationEvidence:
    """All that a matrix is judged on."""

    runs: tuple[RunRecord, ...]
    """Of several vantages, in any order."""
    senders: Mapping[str, Address | None]
    """Who sent the ICMP error of an observation, by the digest of its raw record; None, or missing:
    nobody knows."""
    sinks: tuple[SinkLog, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some ports of one host over one transport, as one run saw them, and its latest to do so."""

    run: RunRecord
    outcome: HostOutcome
    ports: PortSet
    """Measured by this run and by no later one of the same vantage."""
    stale: PortSet
    """Measured by this run, and again by a later one."""

    @property
    def address(self) -> Address:
        """The host's address."""
        return self.outcome.host.address

    @property
    def transport(self) -> Transport:
        """The transport of the ports."""
        return self.outcome.transport

    @property
    def own(self) -> PortSet:
        """Portproof's own listeners among the ports (law 6)."""
        return PortSet.from_iterable(
            each.port
            for each in self.run.own_listeners
            if each.address == self.address and each.transport is self.transport
        )

    def with_state(self, state: PortState, among: PortSet) -> PortSet:
        """Give those of some ports that were seen in the state."""
        return self.outcome.states.get(state, NO_PORTS) & among


def pieces(runs: Sequence[RunRecord], zone: TargetZone) -> Iterator[Piece]:
    """Give what conclusive runs measured in the zone, each endpoint of a vantage by its latest run."""
    told: dict[tuple[str, Address, Transport], PortSet] = {}
    for run in sorted(runs, key=lambda each: each.finished, reverse=True):
        for outcome in run.hosts if run.conclusive else ():
            address = outcome.host.address
            if not contains(zone.networks, address):
                continue
            key = (run.plan.vantage.id, address, outcome.transport)
            measured, later = measured_of(outcome), told.get(key, NO_PORTS)
            told[key] = later | measured
            yield Piece(run=run, outcome=outcome, ports=measured - later, stale=measured & later)


def measured_of(outcome: HostOutcome) -> PortSet:
    """Give the ports of which the run says something."""
    held = NO_PORTS
    for ports in outcome.states.values():
        held = held | ports
    return held


def asks_in(run: RunRecord, zone: TargetZone) -> bool:
    """Whether the run was to ask anything in the zone."""
    return any(contains(zone.networks, host.address) for host in run.plan.hosts)


def answered(outcome: HostOutcome) -> bool:
    """Whether the host itself answered over TCP: by a handshake or by a reset.

    An ICMP error is no sign of life, a router may have sent it. What is on portproof's own
    listeners counts: a host that a vantage runs on is there.
    """
    if outcome.transport is not Transport.TCP:
        return False
    resets = outcome.reasons.get(Reason.RESET, NO_PORTS)
    return bool(outcome.states.get(PortState.OPEN) or resets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What conclusive runs from inside the target zone proved."""

    alive: frozenset[Address]
    absent: frozenset[Address]
    """No neighbour answered for them, from the very network they would be in."""
    udp: Mapping[Address, PortSet]
    """UDP ports that gave a valid answer."""
    heard: frozenset[Address] = frozenset()
    """Machines of sinks that listened all through a run, and received something."""


def with_sinks(inside: Inside, runs: Sequence[RunRecord], sinks: Sequence[SinkLog]) -> Inside:
    """Add the machines of sinks that listened all through a run, and received something.

    A sink stands in the zone itself: what it wrote down is a word from inside.
    """
    heard = {
        place.address
        for sink in sinks
        for place in sink.endpoints
        if any(each.endpoint.address == place.address for each in sink.arrivals)
        and any(sink.covers(place, run.started, run.finished) for run in runs)
    }
    return replace(
        inside, alive=inside.alive | heard, absent=inside.absent - heard, heard=frozenset(heard)
    )


def seen_inside(runs: Sequence[RunRecord], zone: TargetZone) -> Inside:
    """Take together what the runs of the zone's own vantages showed of it."""
    alive: set[Address] = set()
    absent: set[Address] = set()
    udp: dict[Address, PortSet] = {}
    for run in runs:
        for outcome in run.hosts if run.conclusive and run.plan.vantage.zone == zone.name else ():
            address = outcome.host.address
            if not contains(zone.networks, address):
                continue
            if answered(outcome):
                alive.add(address)
            elif outcome.unmeasured.get(LocalFault.NO_NEIGHBOUR) and not measured_of(outcome):
                absent.add(address)
            if outcome.transport is Transport.UDP:
                opened = outcome.states.get(PortState.OPEN, NO_PORTS)
                udp[address] = udp.get(address, NO_PORTS) | opened
    return Inside(alive=frozenset(alive), absent=frozenset(absent - alive), udp=udp)
