"""A scan before and after: the plan that was made, and the record of what came of it.

`ScanPlan` is frozen before the first packet and holds all that a vantage needs. `RunRecord` is what
the policy reads: per host the port sets by state, the observations a person may look at, the
controls, the coverage, and whether the run may conclude anything (`RunStatus`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from portproof.model.drawn import Continuation, Drawn
from portproof.model.endpoint import Address, Endpoint, Network, Transport
from portproof.model.observation import LocalFault, Observation, PortState, Reason
from portproof.model.observed import Observed
from portproof.model.ports import PortSet
from portproof.model.rates import Rates as Rates  # noqa: PLC0414 - part of the plan; exported here
from portproof.model.vantage import Vantage
from portproof.model.way import Way

# ---------------------------------------------------------------- the plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHost:
    """One address that will be probed, the target it stems from, and the ports asked of it."""

    address: Address
    target: str
    """The target as a person listed it: an address, a network, a name."""
    name: str | None = None
    """The DNS name that resolved to this address in this run; None when an address was listed.

    It is the one that servers are asked by (SNI, Host) and that findings are filed under.
    """
    also_named: tuple[str, ...] = ()
    """Further listed names with this address: what is approved for one of them is approved here."""
    tcp: PortSet
    udp: PortSet

    @property
    def names(self) -> tuple[str, ...]:
        """Every listed name that resolved to this address, lower case."""
        if self.name is None and not self.also_named:
            return ()
        return tuple(each.lower() for each in (self.name, *self.also_named) if each)

    def ports(self, transport: Transport) -> PortSet:
        """Give the ports asked of this host over that transport."""
        match transport:
            case Transport.TCP:
                return self.tcp
            case Transport.UDP:
                return self.udp


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a DNS name resolved to when the plan was made; `addresses` is empty when it did not."""

    name: str
    addresses: tuple[Address, ...]
    at: datetime
    detail: str = ""
    """The resolver's own words on failure."""
    outside: tuple[Address, ...] = ()
    """Addresses it resolved to that the authorisation does not permit; never probed."""
    tcp: PortSet = field(default_factory=PortSet.empty)
    udp: PortSet = field(default_factory=PortSet.empty)
    """The ports asked of it: of each address it has, or of nobody when it does not resolve."""

    def ports(self, transport: Transport) -> PortSet:
        """Give the ports asked of this name over that transport."""
        match transport:
            case Transport.TCP:
                return self.tcp
            case Transport.UDP:
                return self.udp


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Time-outs in milliseconds and how often a silent port is asked again."""

    timeout_ms: int = 1_000
    """The longest wait for an answer; shortened per host once round-trip times are known."""
    min_timeout_ms: int = 250
    max_retries: int = 2
    """Further probes to a silent port on a path that loses nothing."""
    most_retries: int = 30
    """Further probes at most, on a path that loses packets: silence counts once the probability of
    having missed an answer is small enough; what would take more probes is Unmeasured."""
    udp_timeout_ms: int = 1_500
    dialogue_timeout_ms: int = 3_000
    """Per turn of a protocol conversation."""
    control_interval_ms: int = 1_000
    """How often each control is asked while probes are under way."""
    max_witness_gap_ms: int = 5_000
    """Silence between two witnesses further apart than this is not evidence (law 2)."""
    host_timeout_ms: int | None = None
    """The longest time spent on one host; its ports without an outcome are then Unmeasured.

    None: no limit.
    """

    @property
    def most_attempts(self) -> int:
        """Give how often a silent port is asked at most."""
        return 1 + max(self.max_retries, self.most_retries)


class ControlKind(StrEnum):
    """What a control is expected to show."""

    POSITIVE = "positive"
    """Known to answer open: silence from it makes our own silence worthless."""
    NEGATIVE = "negative"
    """Known to be closed or unroutable: an open answer means something answers for the targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """An endpoint whose answer is known beforehand, and the networks it witnesses for."""

    id: str
    kind: ControlKind
    endpoint: Endpoint
    networks: tuple[Network, ...]
    """It speaks for addresses inside these networks only."""
    own: bool = False
    """A listener of portproof itself: recorded and attributed, never a finding (law 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationRef:
    """Which authorisation a run rested on: its id, owner and the SHA-256 of its document."""

    id: str
    owner: str
    contact: str
    valid_from: datetime
    valid_until: datetime
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """Everything that will be sent, frozen before the first packet."""

    run_id: str
    vantage: Vantage
    scope: str
    """The scope's name as reports print it."""
    hosts: tuple[PlannedHost, ...]
    resolutions: tuple[Resolution, ...] = ()
    controls: tuple[Control, ...] = ()
    authorisation: AuthorisationRef
    rates: Rates = field(default_factory=Rates)
    timing: Timing = field(default_factory=Timing)
    silent_ports: PortSet
    """Ports that get a connect and not one byte: fragile devices (printers, controllers)."""
    seed: int
    """Chooses the order of probes; the same seed gives the same order."""
    excluded: tuple[Network, ...] = ()
    """Authorised exclusions that cut into the targets; printed, never probed."""
    engine: str = "connect"
    discover: bool = False
    """Whether hosts are looked for first, and those that do not answer are left alone."""
    continues: str | None = None
    """Id of the interrupted run that this one goes on with: the same endpoints in the same order."""
    through: Way | None = None
    """The proxy or jump host that opens the connections; None: they leave from the vantage itself."""

    def probes(self, transport: Transport) -> int:
        """Count the endpoints that can be asked over that transport."""
        return sum(len(host.ports(transport)) for host in self.hosts)

    def unresolved(self, transport: Transport) -> int:
        """Count the ports asked of names that did not resolve, as if each had one address."""
        gone = (each for each in self.resolutions if not each.addresses)
        return sum(len(each.ports(transport)) for each in gone)

    def planned(self, transport: Transport) -> int:
        """Count the endpoints planned over that transport: what coverage is measured against."""
        return self.probes(transport) + self.unresolved(transport)


# ---------------------------------------------------------------- what came of it


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSample:
    """One asking of a control: `at_ms` since the run began, and whether it showed what it must."""

    control_id: str
    at_ms: int
    as_expected: bool
    seen: str
    """The state and reason that came, or the fault: `open (syn-ack)`, `filtered (no-response)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Who spoke for the silence of one network in a run, and how well."""

    network: Network
    positive: tuple[str, ...]
    """Ids of positive controls, or the endpoints that answered on the same route."""
    negative: tuple[str, ...]
    """Ids of negative controls; empty: none was configured, and the report says so."""
    samples: int
    failures: int
    longest_gap_ms: int
    """The longest interval of the run without a witness for this network."""
    silent: int
    """Silent endpoints of the network, witnessed or not."""
    unwitnessed: int
    """Of them, those that became Unmeasured(CONTROL_FAILED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOutcome:
    """All outcomes of one host over one transport, as disjoint port sets.

    The sets of `states` and of `unmeasured` are disjoint, and their union is what was planned less
    what is missing. `observations` holds one object per open port, and per port that somebody
    asked about (required by the baseline), in port order.
    """

    host: PlannedHost
    transport: Transport
    states: Mapping[PortState, PortSet]
    reasons: Mapping[Reason, PortSet]
    unmeasured: Mapping[LocalFault, PortSet]
    observations: Sequence[Observation] = ()
    """In port order; of a stored run, rows of its columns (`model.observed`)."""

    def state_of(self, port: int) -> PortState | LocalFault | None:
        """Give the port's state, or why it was not measured; None when it was not planned."""
        for state, ports in self.states.items():
            if port in ports:
                return state
        for fault, ports in self.unmeasured.items():
            if port in ports:
                return fault
        return None

    def observation(self, port: int) -> Observation | None:
        """Give the observation kept for the port; None when only its state was kept."""
        if isinstance(self.observations, Observed):
            return self.observations.at_port(port)
        return next((each for each in self.observations if each.endpoint.port == port), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Planned against measured, over one transport; planned = measured + unmeasured + missing."""

    transport: Transport
    planned: int
    measured: int
    unmeasured: Mapping[LocalFault, int]
    missing: int
    carried: int = 0
    """Of the measured, those carried over from the run that this one continues."""
    repeated: int = 0
    """Endpoints this run asked again, which an earlier run had asked, or may have, in vain."""
    loss_ppm: int | None = None
    """The estimate of how many of a million single packets are lost each way, over all TCP paths of
    the run (scan.loss), if both directions lose alike; None where nothing answered or the estimate
    went with a lost process, and over UDP, where a question without an answer proves no loss."""


def coverage_of(
    plan: ScanPlan, hosts: Sequence[HostOutcome], *, loss_ppm: int | None = None
) -> tuple[Coverage, ...]:
    """Sum planned, measured and unmeasured endpoints per transport that was planned.

    A name that did not resolve counts with the ports asked of it, as if it had one address: what
    could not be looked at must not vanish from the sum. `loss_ppm` is what is known of the TCP paths.
    """
    return tuple(_coverage(plan, hosts, each, loss_ppm) for each in Transport if plan.planned(each))


def _coverage(
    plan: ScanPlan, hosts: Sequence[HostOutcome], transport: Transport, loss_ppm: int | None
) -> Coverage:
    held = [each for each in hosts if each.transport is transport]
    measured = sum(len(ports) for each in held for ports in each.states.values())
    unmeasured: Counter[LocalFault] = Counter()
    for each in held:
        unmeasured.update({fault: len(ports) for fault, ports in each.unmeasured.items()})
    unmeasured[LocalFault.UNRESOLVED] += plan.unresolved(transport)
    planned = plan.planned(transport)
    return Coverage(
        transport=transport,
        planned=planned,
        measured=measured,
        unmeasured={fault: count for fault, count in unmeasured.items() if count},
        missing=planned - measured - unmeasured.total(),
        loss_ppm=loss_ppm if transport is Transport.TCP else None,
    )


class RunStatus(StrEnum):
    """What a run may do: only a complete one opens or closes findings and resets a clock."""

    RUNNING = "running"
    COMPLETE = "complete"
    INCONCLUSIVE = "inconclusive"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """What the machine says of its clock at the start of a run."""

    source: str
    """`chrony`, `systemd-timesyncd`, `unknown`."""
    synchronised: bool | None
    """None when it cannot be told."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run as it happened; what the policy judges and the report prints."""

    plan: ScanPlan
    status: RunStatus
    status_reason: str
    """One sentence; why a run is inconclusive or interrupted, empty when complete."""
    started: datetime
    finished: datetime
    duration_ms: int
    """By the monotonic clock."""
    hosts: tuple[HostOutcome, ...]
    coverage: tuple[Coverage, ...]
    witnesses: tuple[Witness, ...]
    samples: tuple[ControlSample, ...]
    own_listeners: tuple[Endpoint, ...]
    """portproof's own listening sockets during the run: attributed, never findings."""
    masked: int | None = 0
    """How many secrets were masked in captured bytes before storage; None: the count is lost."""
    clock: ClockFacts
    tool_version: str
    retransmitted: int | None = 0
    """Probes sent again to silent ports; None: the count is lost."""
    continuation: Continuation | None = None
    """What was carried over; None for a run that continues none."""
    drawn: tuple[Drawn, ...] = ()
    """How far each order was drawn: what a continuation of this run would repeat."""

    @property
    def conclusive(self) -> bool:
        """Whether the run may open and close findings."""
        return self.status is RunStatus.COMPLETE
