"""A run arranged as nmap's output formats show it: per host, listed ports and the counted rest.

nmap's rules, kept so that its readers find what they expect: an open port is always listed; the
ports of another state are listed while there are at most 25 of them on a host, and counted beyond.

What nmap has no word for is an endpoint that was not measured. It is never listed as a port. It is
counted under nmap's own state `unknown` (which nmap's table of states holds and no scan of nmap's
ever prints), with a reason that begins with `not-measured`, so that no reader can take it for a
result: `ndiff` shows `unknown`, and what reads the states open, closed and filtered finds none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Final

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.iana import service_name
from portproof.model.observation import Identification, PortState, Reason, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, RunRecord
from portproof.render.neutral import PEER_LIMIT, visible

UNKNOWN: Final = "unknown"
"""The state of what was not measured, and nmap's name of a service without one."""
MISSING: Final = "not-measured-missing"
_NOT_MEASURED: Final = "not-measured-"
_USER_SET: Final = "user-set"
"""nmap's reason for a host that was not pinged (-Pn): it was to be scanned, whatever it is."""
_MOST_LISTED: Final = 25
"""nmap lists a host's ports of one state up to so many, and counts them beyond."""
_OPEN: Final = (PortState.OPEN, PortState.OPEN_FILTERED)
# `OpenSSH_9.2p1 Debian-2`, `nginx/1.22.1`, `Redis 7.0.15`: words, then what begins with a digit.
_VERSIONED: Final = re.compile(
    r"(?P<product>[^\d\s/_][^/_]*?)[/_ ](?P<version>\d\S*)(?: (?P<more>.+))?"
)
_OWN_SERVICE: Final = Service("portproof", "portproof control listener")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """A service in nmap's columns; texts of the peer have been made visible."""

    name: str
    product: str = ""
    version: str = ""
    more: str = ""
    """nmap's `extrainfo`."""
    tls: bool = False
    probed: bool
    """Whether it answered; False: the port's registered name and nothing else."""

    @property
    def told(self) -> str:
        """Give product, version and the rest as nmap's VERSION column does."""
        words = " ".join(each for each in (self.product, self.version) if each)
        return f"{words} ({self.more})".strip() if self.more else words


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLine:
    """One port that is listed."""

    port: int
    transport: Transport
    state: PortState
    reason: Reason
    service: ServiceLine | None
    """None: neither did it answer, nor is its number registered."""


@dataclass(frozen=True, slots=True)
class Share:
    """Counted ports of one transport with one reason."""

    reason: str
    transport: Transport
    ports: PortSet


@dataclass(frozen=True, slots=True)
class Rest:
    """What is counted of a host in one state."""

    state: str
    shares: tuple[Share, ...]

    @property
    def count(self) -> int:
        """Count the ports."""
        return sum(len(each.ports) for each in self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLines:
    """One host as nmap's formats show it."""

    host: PlannedHost
    status: str
    """`up`, as nmap has it of every host that it was told to scan; `unknown`: nothing measured."""
    reason: str
    rtt_us: int | None
    """The shortest round-trip time that was kept; None when none was."""
    ports: tuple[PortLine, ...]
    rest: tuple[Rest, ...]
    """Counted and measured, most first."""
    not_measured: Rest | None

    @property
    def hostname(self) -> str:
        """The name the host was listed by; empty when it was listed by its address."""
        return visible(self.host.name or "")


def hosts_of(record: RunRecord, *, open_only: bool = False) -> Iterator[HostLines]:
    """Give each host of a run; with `open_only` ports that are certainly not open are counted."""
    own = frozenset(record.own_listeners)
    for host, outcomes in groupby(record.hosts, key=lambda each: each.host):
        yield _lines(host, tuple(outcomes), own, open_only=open_only)


def planned_ports(record: RunRecord, transport: Transport) -> PortSet:
    """Give the ports that were asked of some host or other over a transport."""
    ports = PortSet.empty()
    for each in {id(held): held for held in _asked(record, transport)}.values():
        ports |= each
    return ports


def ranges_text(ports: PortSet) -> str:
    """Write ports as nmap does: `1-65535` where the port grammar here prints `-`."""
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in ports.ranges()
    )


def _asked(record: RunRecord, transport: Transport) -> Iterator[PortSet]:
    return (each.ports(transport) for each in record.plan.hosts)


def _lines(
    host: PlannedHost, outcomes: Sequence[HostOutcome], own: frozenset[Endpoint], *, open_only: bool
) -> HostLines:
    listed: list[PortLine] = []
    rest: list[Rest] = []
    for state in PortState:
        shares = tuple(chain.from_iterable(_shares(each, state) for each in outcomes))
        held = Rest(state, shares)
        if state is not PortState.OPEN and (
            held.count > _MOST_LISTED or (open_only and state not in _OPEN)
        ):
            rest.append(held)
        else:
            listed += chain.from_iterable(_listed(each, state, own) for each in outcomes)
    measured = any(ports for each in outcomes for ports in each.states.values())
    gaps = tuple(chain.from_iterable(map(_gaps, outcomes)))
    return HostLines(
        host=host,
        status="up" if measured else UNKNOWN,
        reason=_why_up(outcomes) if measured else "not-measured",
        rtt_us=_shortest_rtt_us(outcomes),
        ports=tuple(sorted(listed, key=lambda each: (each.transport, each.port))),
        rest=tuple(sorted((each for each in rest if each.count), key=lambda each: -each.count)),
        not_measured=Rest(UNKNOWN, gaps) if gaps else None,
    )


def _shares(outcome: HostOutcome, state: PortState) -> Iterator[Share]:
    """Give the ports of one state by reason, most first."""
    held = outcome.states.get(state, PortSet.empty())
    found = ((reason, ports & held) for reason, ports in outcome.reasons.items())
    for reason, ports in sorted(found, key=lambda each: -len(each[1])):
        if ports:
            yield Share(reason, outcome.transport, ports)


def _gaps(outcome: HostOutcome) -> Iterator[Share]:
    """Give what was not measured by its cause, and what has no outcome at all."""
    left = outcome.host.ports(outcome.transport)
    for ports in (*outcome.states.values(), *outcome.unmeasured.values()):
        left -= ports
    for fault, ports in outcome.unmeasured.items():
        if ports:
            yield Share(f"{_NOT_MEASURED}{fault}", outcome.transport, ports)
    if left:
        yield Share(MISSING, outcome.transport, left)


def _listed(outcome: HostOutcome, state: PortState, own: frozenset[Endpoint]) -> Iterator[PortLine]:
    seen = {each.endpoint.port: each for each in outcome.observations}
    for share in _shares(outcome, state):
        for port in share.ports:
            kept = seen.get(port)
            service = kept.service if kept else None
            if Endpoint(outcome.host.address, outcome.transport, port) in own:
                service = _OWN_SERVICE
            yield PortLine(
                port=port,
                transport=outcome.transport,
                state=state,
                reason=Reason(share.reason),
                service=_service(service, port, outcome.transport),
            )


def _service(service: Service | None, port: int, transport: Transport) -> ServiceLine | None:
    if service is None or service.identified_by is Identification.PORT_NUMBER:
        registered = service_name(port, transport)
        return ServiceLine(name=registered, probed=False) if registered else None
    told = visible(service.product, PEER_LIMIT)
    parts = _VERSIONED.fullmatch(told)
    return ServiceLine(
        name=visible(service.name, PEER_LIMIT),
        product=parts["product"] if parts else told,
        version=parts["version"] if parts else "",
        more=(parts["more"] or "") if parts else "",
        tls=service.tls is not None,
        probed=True,
    )


_UP: Final = (
    Reason.HANDSHAKE,
    Reason.RESET,
    Reason.CONN_REFUSED,
    Reason.UDP_RESPONSE,
    Reason.PROXY_CONNECTED,
)
"""What comes from the host itself."""


def _why_up(outcomes: Sequence[HostOutcome]) -> str:
    """Give the reason of an answer that the host itself gave; nmap's `user-set` when it gave none."""
    for reason in _UP:
        if any(each.reasons.get(reason) for each in outcomes):
            return reason
    return _USER_SET


def _shortest_rtt_us(outcomes: Sequence[HostOutcome]) -> int | None:
    kept = (seen.rtt_us for each in outcomes for seen in each.observations)
    return min((each for each in kept if each is not None), default=None)
