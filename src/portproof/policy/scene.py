"""What one evaluation looks at: each host as it was seen, beside the entries that cover it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, TypeAlias

from portproof.model.approval import Provenance
from portproof.model.baseline import (
    Asset,
    Baseline,
    BaselineEntry,
    BaselineZone,
    Direction,
    Presence,
    SourceLocation,
)
from portproof.model.custom_rule import CustomJudging
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.finding import HostPorts, Judgement, Subject, Verdict
from portproof.model.observation import Observation, PortState, Service
from portproof.model.observed import Observed
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, RunRecord
from portproof.model.segmentation import Segmentation
from portproof.model.vantage import Trust, Vantages, Zone
from portproof.model.waiver import Waivers
from portproof.policy.approval import Standing, standing_of
from portproof.policy.crowds import (
    MANY_OPEN,
    Crowd,
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
    listed: PortSet
    """The ports of all of them."""
    crowd: Crowd
    """The open ports by what they told of themselves; portproof's own listeners are not among them."""
    open: PortSet
    """Ports that are believed to be open."""
    doubtful: PortSet
    """Ports that answered open where too many did: neither open nor closed is claimed of them."""
    answering: PortSet = field(default_factory=PortSet.empty)
    """Of the ports that something required must answer on, those that do."""
    passed_on: Mapping[str, str] = field(default_factory=dict)
    """Why entries, by id, hold for a former holder of the address and not for this host."""

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
        held = [each for each in self.entries if port in each.ports and self.grants(each, on)]
        return next((each for each in held if each.service), held[0] if held else None)

    def grants(self, entry: BaselineEntry, on: date) -> bool:
        """Whether the approval of an entry is in force, and was not meant for another host."""
        return entry.in_force(on) and entry.id not in self.passed_on


OpenPort: TypeAlias = tuple[Sighting, int, Observation | None]
"""One open port; without an observation where only its state was kept."""


class Unlike(NamedTuple):
    """In how much some entries differ from any port of a transport, the port itself apart."""

    numbers: Sequence[int]
    """Of each entry, the number of differences."""
    ports: PortSet
    """The ports of all of them."""


class Memo:
    """What checks work out once and ask for again; of one scene, and of those made from it."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}
        self._unlike: dict[tuple[int, Transport], tuple[Sequence[BaselineEntry], Unlike]] = {}

    def standing(self, entry: BaselineEntry, make: Callable[[], Standing]) -> Standing:
        """Give how far an entry is approved."""
        known = self._standings.get(entry.id)
        if known is None:
            known = self._standings[entry.id] = make()
        return known

    def unlike(
        self,
        entries: Sequence[BaselineEntry],
        transport: Transport,
        make: Callable[[], Unlike],
    ) -> Unlike:
        """Give in how much some entries differ from all ports of a transport."""
        known = self._unlike.get((id(entries), transport))
        if known is None:
            # Kept with their entries: while they are here, no others can have their id.
            known = self._unlike[id(entries), transport] = (entries, make())
        return known[1]


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
    memo: Memo = field(default_factory=Memo, compare=False, repr=False)
    questionable: tuple[OpenPort, ...] | None = None
    """The open ports that some rule may have something to say of; None: all (`conformity`)."""
    custom: CustomJudging | None = None
    """The customer's own rules; None: there are none."""
    senders: Mapping[str, Address | None] = field(default_factory=dict)
    """Who sent the ICMP error of an observation, by the digest of its raw record; missing: nobody
    knows."""

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

    def standing(self, entry: BaselineEntry) -> Standing:
        """Give how far an entry is approved, at the instant of the scene."""
        of = (self.baseline, self.vantages, self.provenance, self.at)
        return self.memo.standing(entry, lambda: standing_of(entry, *of))

    def open_ports(self) -> Iterator[OpenPort]:
        """Give every port that is believed to be open, with its observation."""
        for sighting in self.sightings:
            yield from open_ports_of(sighting, sighting.open)

    def questionable_ports(self) -> Iterable[OpenPort]:
        """Give the open ports that some rule may have something to say of."""
        return self.open_ports() if self.questionable is None else self.questionable

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

    def known_as(self, sighting: Sighting) -> str:
        """Give what a host is known by: its asset, else its name, else its address.

        What was found on an address says nothing of its next owner, which is known by its own id.
        """
        host = sighting.outcome.host
        holders = self.register.holders
        now = holders.successor(host.address) if holders.has_history(host.address) else ""
        return now or _known_as(sighting.asset, host)

    def subject(self, sighting: Sighting, port: int | None) -> Subject:
        """Give the subject of judgements on a host: by its asset, else its name, else its address."""
        host = sighting.outcome.host
        return Subject(
            asset=self.known_as(sighting),
            zone=self.zone,
            transport=sighting.transport,
            port=port,
            address=str(host.address),
        )


def open_ports_of(sighting: Sighting, ports: PortSet) -> Iterator[OpenPort]:
    """Give some open ports of a host, with their observations."""
    held = sighting.outcome.observations
    if isinstance(held, Observed):
        for port in ports:
            yield sighting, port, held.at_port(port)
    elif ports:
        seen = observations(sighting.outcome)
        for port in ports:
            yield sighting, port, seen.get(port)


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
            named = known == subject.asset or str(address) == subject.address
            ours = len(opened) > MANY_OPEN and named
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
