"""What one evaluation looks at: each host as it was seen, beside the entries that cover it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

from portproof.model.approval import Provenance
from portproof.model.baseline import (
    Asset,
    Baseline,
    BaselineEntry,
    BaselineZone,
    Direction,
    Presence,
    SourceLocation,
    Status,
)
from portproof.model.endpoint import Address, Endpoint, Network, Transport
from portproof.model.finding import HostPorts, Judgement, Subject, Verdict
from portproof.model.observation import Observation, PortState, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, RunRecord
from portproof.model.segmentation import Segmentation
from portproof.model.vantage import Trust, Vantages, Zone
from portproof.model.waiver import Waivers
from portproof.policy.crowds import (
    MANY_OPEN,
    Crowd,
    Neighbourhoods,
    crowd_of,
    network_named,
    network_of,
)
from portproof.policy.register import Register
from portproof.policy.services import RuleBook, identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One host over one transport: what was seen, and what is approved from the vantage's zone."""

    outcome: HostOutcome
    asset: Asset | None
    target_zone: BaselineZone | Zone | None
    """The declared zone the host lies in, the baseline's before the vantages'; None where none has it."""
    about: tuple[BaselineEntry, ...]
    """Inbound entries that cover the host, of any transport and zone, in force or not, or proposed."""
    entries: tuple[BaselineEntry, ...]
    """Those of this transport, approved from the vantage's zone, in force or not; none proposed."""
    approved: PortSet
    """The ports of those in force."""
    crowd: Crowd
    """The open ports by what they told of themselves; portproof's own listeners are not among them."""
    open: PortSet
    """Ports that are believed to be open."""
    doubtful: PortSet
    """Ports that answered open where too many did: neither open nor closed is claimed of them."""

    @property
    def host(self) -> PlannedHost:
        """The host, as it was planned."""
        return self.outcome.host

    @property
    def transport(self) -> Transport:
        """The transport the ports are of."""
        return self.outcome.transport

    def endpoint(self, port: int) -> Endpoint:
        """Give one port of the host as an endpoint."""
        return Endpoint(self.host.address, self.transport, port)

    def granting(self, port: int, on: date) -> BaselineEntry | None:
        """Find the entry in force that grants the port; one that names a service comes first.

        None when no entry grants it.
        """
        held = [each for each in self.entries if port in each.ports and each.in_force(on)]
        return next((each for each in held if each.service), held[0] if held else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that the checks may look at; made once per evaluation."""

    run: RunRecord
    baseline: Baseline
    register: Register
    waivers: Waivers
    rules: RuleBook
    vantages: Vantages
    at: datetime
    sightings: tuple[Sighting, ...]
    provenance: Provenance = field(default_factory=Provenance)
    """Where the entries come from, and who may approve them; empty: nobody looked."""
    segmentation: Segmentation | None = None
    """Which zone may reach which; None: there is no policy."""

    @property
    def zone(self) -> str:
        """The name of the zone that the run looked from."""
        return self.run.plan.vantage.zone

    @property
    def trust(self) -> Trust | None:
        """How far that zone is trusted; None when nobody declared it."""
        zone = self.vantages.zone(self.zone)
        return zone.trust if zone else None

    @property
    def today(self) -> date:
        """The day (UTC) that approvals are held against."""
        return self.at.date()

    def open_ports(self) -> Iterator[tuple[Sighting, int, Observation | None]]:
        """Give every port that is believed to be open, with its observation."""
        for sighting in self.sightings:
            seen = observations(sighting.outcome)
            for port in sighting.open:
                yield sighting, port, seen.get(port)

    def blank(
        self, rule: str, sighting: Sighting, port: int, seen: Observation | None
    ) -> Judgement:
        """Give a judgement on one port of a host, to be completed by `replace`; it conforms."""
        asset = sighting.asset
        service = seen.service if seen else None
        return Judgement(
            rule=rule,
            verdict=Verdict.CONFORMS,
            subject=self.subject(sighting, port),
            title="",
            because="",
            endpoint=sighting.endpoint(port),
            service=identity(service) or "",
            identified_by=service.identified_by if service else "",
            owner=asset.owner if asset else "",
            evidence=(seen.evidence,) if seen and seen.evidence else (),
            location=SourceLocation(file=self.baseline.file, line=1),
        )

    def subject(self, sighting: Sighting, port: int | None) -> Subject:
        """Give the subject of judgements on a host: by its asset, else its name, else its address."""
        host, asset = sighting.host, sighting.asset
        return Subject(
            asset=_known_as(asset, host),
            zone=self.zone,
            transport=sighting.transport,
            port=port,
            address=str(host.address),
        )


def observations(outcome: HostOutcome) -> dict[int, Observation]:
    """Give the observations of a host by port."""
    return {each.endpoint.port: each for each in outcome.observations}


def required_here(scene: Scene) -> Iterator[BaselineEntry]:
    """Give the inbound entries that something must answer to, seen from this zone.

    A review date that is past ends the approval, not the demand: nobody said that the service is
    not needed any more. Only an approval that lies ahead makes it not yet required.
    """
    return (
        each
        for each in scene.baseline.approved
        if each.presence is Presence.REQUIRED
        and each.direction is Direction.INBOUND
        and scene.zone in each.zones
        and not _lies_ahead(each, scene.today)
    )


def _lies_ahead(entry: BaselineEntry, on: date) -> bool:
    approved = entry.approval.approved_on
    return approved is not None and approved > on


def sightings(
    run: RunRecord, register: Register, baseline: Baseline, vantages: Vantages, on: date
) -> tuple[Sighting, ...]:
    """Lay each host of the run beside the entries that cover it."""
    laid, neighbourhoods = _Laid(run, baseline, vantages, on), Neighbourhoods()
    held = [_sighting(outcome, register.about(outcome.host), laid) for outcome in run.hosts]
    for each in held:
        neighbourhoods.add(each.host.address, each.transport, each.crowd)
    answering = neighbourhoods.answering()
    return tuple(_in_network(each, answering) for each in held) if answering else tuple(held)


def _in_network(sighting: Sighting, answering: frozenset[tuple[Network, Transport]]) -> Sighting:
    """Doubt a host that answers like all of its network, where the network answers like one."""
    network = network_of(sighting.host.address)
    if (network, sighting.transport) not in answering or not sighting.crowd.answers_everywhere:
        return sighting
    crowd = replace(sighting.crowd, network=network)
    doubtful = crowd.doubtful
    return replace(sighting, crowd=crowd, open=crowd.opened - doubtful, doubtful=doubtful)


class _Laid(NamedTuple):
    """What all hosts of a run are laid beside."""

    run: RunRecord
    baseline: Baseline
    vantages: Vantages
    on: date


def _sighting(outcome: HostOutcome, about: tuple[BaselineEntry, ...], beside: _Laid) -> Sighting:
    address, zone = outcome.host.address, beside.run.plan.vantage.zone
    entries = tuple(
        each
        for each in about
        if each.transport is outcome.transport
        and zone in each.zones
        and each.status is not Status.PROPOSED
    )
    approved = PortSet.empty()
    for entry in entries:
        if entry.in_force(beside.on):
            approved = approved | entry.ports
    ours = PortSet.from_iterable(
        each.port
        for each in beside.run.own_listeners
        if each.address == address and each.transport is outcome.transport
    )
    opened = outcome.states.get(PortState.OPEN, PortSet.empty()) - ours
    crowd = crowd_of(outcome, opened, approved)
    doubtful = crowd.doubtful
    return Sighting(
        outcome=outcome,
        asset=beside.baseline.asset_of(address, outcome.host.name),
        target_zone=beside.baseline.zone_of(address) or beside.vantages.zone_of(address),
        about=about,
        entries=entries,
        approved=approved,
        crowd=crowd,
        open=opened - doubtful,
        doubtful=doubtful,
    )


def crowded(subject: Subject, run: RunRecord, baseline: Baseline) -> tuple[HostPorts, ...]:
    """Give the open ports of each of a subject's hosts on which too many are open.

    Where the subject is a network that answers like one, of all its hosts that answered.
    """
    around = network_named(subject)
    held = []
    for outcome in run.hosts:
        address, name = outcome.host.address, outcome.host.name
        opened = outcome.states.get(PortState.OPEN, PortSet.empty())
        if outcome.transport is not subject.transport or not opened:
            continue
        if around is not None:
            ours = network_of(address) == around
        else:
            known = _known_as(baseline.asset_of(address, name), outcome.host)
            ours = len(opened) > MANY_OPEN and known == subject.asset
        if ours:
            held.append(HostPorts(address=address, ports=opened))
    return joined(held)


def joined(held: Iterable[HostPorts]) -> tuple[HostPorts, ...]:
    """Give one port set per address, in the order of the addresses."""
    ports: dict[Address, PortSet] = {}
    for each in held:
        ports[each.address] = ports.get(each.address, PortSet.empty()) | each.ports
    places = sorted(ports, key=lambda each: (each.version, int(each)))
    return tuple(HostPorts(address=each, ports=ports[each]) for each in places)


def _known_as(asset: Asset | None, host: PlannedHost) -> str:
    return asset.id if asset else host.name or str(host.address)


def service_at(observation: Observation | None) -> Service | None:
    """Give the service that identified itself; None when none did or only the port number tells."""
    service = observation.service if observation else None
    return service if identity(service) else None
