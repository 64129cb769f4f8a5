"""What a scan would send, said before it sends anything: by arithmetic, whatever its size.

Every figure is a bound that holds: at least so many probes and so many seconds if everything answers
at once, at least so many if everything stays silent. The sweep decides in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

from portproof.errors import AuthorisationError
from portproof.model.authorisation import FRAGILE_PORTS, Authorisation
from portproof.model.endpoint import Address, Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.rates import Rates
from portproof.model.scan import Control, Resolution, Timing
from portproof.model.targetspec import NameTarget, NumericTarget
from portproof.model.vantage import Vantage
from portproof.plan.authorise import Span, runs_of
from portproof.plan.build import (
    PlanRequest,
    admit,
    excluded_targets,
    of_version,
    permitted_by_name,
    ports_of,
    rates_of,
    require_within_budget,
)
from portproof.plan.flows import flow_limited_s
from portproof.plan.stretches import Piece, pieces
from portproof.probes import udp_ports

_MS: Final = 1000
_SUBNET: Final = {4: 1 << 8, 6: 1 << 64}
"""Addresses of what `Rates.per_subnet_pps` counts as a subnet: a /24, a /64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An exclusion that cuts into the targets, and how many of their addresses it holds."""

    text: str
    addresses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The shortest time that a limit leaves, and which limit that is."""

    seconds: float
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """How many probes leave: SYNs and datagrams, without what open ports are asked afterwards."""

    least: int
    """Everything answers the first."""
    silent: int
    """Nothing answers, on a path that loses nothing."""
    most: int
    """Nothing answers, on a path that loses so much that each port is asked as often as may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What `--dry-run` shows."""

    scope: str
    vantage: Vantage
    authorisation: Authorisation
    engine: str
    discover: bool
    """Whether hosts are looked for first: what does not answer is not probed, so less may leave."""
    rates: Rates
    timing: Timing
    addresses: int
    endpoints: Mapping[Transport, int]
    """All that count against the budget."""
    not_asked: int
    """Of them, UDP endpoints without a protocol probe, or that nothing may be sent to."""
    probes: Probes
    controls: int
    """Configured controls that speak for the targets; each is asked at both ends and in between."""
    answered: Bound
    """If everything answers at once."""
    silent: Bound
    """If everything stays silent."""
    routed: Bound | None
    """If everything stays silent behind one router; None where its state table is not spared."""
    left_out: tuple[LeftOut, ...]
    resolutions: tuple[Resolution, ...]

    @property
    def budget_left(self) -> int:
        """Give the endpoints that the authorisation would still allow in this run."""
        return self.authorisation.max_probes - sum(self.endpoints.values())


def forecast(
    request: PlanRequest,
    *,
    authorisation: Authorisation | None,
    resolutions: Sequence[Resolution],
    at: datetime,
) -> Forecast:
    """Give what the request would send; refuses what `build.lay_out` refuses.

    Raises:
        AuthorisationError: as `build.lay_out`; BudgetError among them.
        SettingsError: as `build.admit`.
    """
    held = admit(request, authorisation, at)
    exclusions = _exclusions(request, held, resolutions)
    permitted = permitted_by_name(request, held, resolutions)
    spans = [(span, ports) for span, ports in _spans(request, permitted)]
    tally = _Tally(held)
    for piece in pieces(spans, (span for span, _ in exclusions)):
        tally.take(piece)
    unresolved = any(not found for found in permitted.values())
    if not tally.addresses and not unresolved:
        listed = ", ".join(str(each) for each in request.targets) or "no target"
        raise AuthorisationError(
            "excluded", listed, "nothing is left to probe after the exclusions"
        )
    require_within_budget(sum(tally.endpoints.values()), held)
    rates, timing = rates_of(request, held), request.timing
    return Forecast(
        scope=request.scope,
        vantage=request.vantage,
        authorisation=held,
        engine=request.engine,
        discover=request.discover,
        rates=rates,
        timing=timing,
        addresses=tally.addresses,
        endpoints=tally.endpoints,
        not_asked=tally.not_asked,
        probes=tally.probes(timing),
        controls=sum(_speaks(each, spans) for each in held.controls),
        answered=_slowest(tally, rates, timing, attempts=1, waiting=False),
        silent=_slowest(
            tally,
            rates,
            timing,
            attempts=1 + timing.max_retries,
            # Only a connect holds a socket while it waits.
            waiting=request.engine == "connect",
        ),
        routed=_through_one_router(tally, rates),
        left_out=tuple(_left_out(tally.left_out, exclusions)),
        resolutions=tuple(
            of_version(each, request.ip_version) for each in resolutions if each.name in permitted
        ),
    )


def _spans(
    request: PlanRequest, permitted: Mapping[str, tuple[Address, ...]]
) -> Iterator[tuple[Span, PortSpec]]:
    for target in request.targets:
        ports = ports_of(target, request)
        if isinstance(target, NameTarget):
            yield from (((each, each), ports) for each in permitted.get(target.name, ()))
        else:
            yield from ((span, ports) for span in runs_of(target))


def _exclusions(
    request: PlanRequest, authorisation: Authorisation, resolutions: Sequence[Resolution]
) -> list[tuple[Span, str]]:
    """Give the stretches to be left alone, with the text of what asks for it."""
    asked: Iterable[NumericTarget] = excluded_targets(request, resolutions)
    return [
        *(
            ((each.network[0], each.network[-1]), str(each.network))
            for each in authorisation.exclusions
        ),
        *chain.from_iterable(((span, str(each)) for span in runs_of(each)) for each in asked),
    ]


def _left_out(
    counts: Mapping[int, int], exclusions: Sequence[tuple[Span, str]]
) -> Iterator[LeftOut]:
    by_text: dict[str, int] = {}
    for index, count in sorted(counts.items()):
        text = exclusions[index][1]
        by_text[text] = by_text.get(text, 0) + count
    return (LeftOut(text=text, addresses=count) for text, count in by_text.items())


class _Tally:
    """Adds the pieces up."""

    def __init__(self, authorisation: Authorisation) -> None:
        fragile = PortSet.of(*FRAGILE_PORTS) - authorisation.allow_fragile
        self._known_udp = udp_ports() - fragile
        self.addresses = 0
        self.endpoints = dict.fromkeys(Transport, 0)
        self.asked = dict.fromkeys(Transport, 0)
        self.busiest_host = dict.fromkeys(Transport, 0)
        self.busiest_subnet = 0
        self.left_out: dict[int, int] = {}

    @property
    def not_asked(self) -> int:
        return sum(self.endpoints.values()) - sum(self.asked.values())

    def take(self, piece: Piece) -> None:
        if piece.exclusions:
            # Where several hold an address, the first is named: the authorisation's come first.
            first = min(piece.exclusions)
            self.left_out[first] = self.left_out.get(first, 0) + piece.addresses
            return
        self.addresses += piece.addresses
        asked = {
            Transport.TCP: len(piece.ports.tcp),
            Transport.UDP: len(piece.ports.udp & self._known_udp),
        }
        self.endpoints[Transport.TCP] += piece.addresses * len(piece.ports.tcp)
        self.endpoints[Transport.UDP] += piece.addresses * len(piece.ports.udp)
        for transport, ports in asked.items():
            self.asked[transport] += piece.addresses * ports
            self.busiest_host[transport] = max(self.busiest_host[transport], ports)
        in_subnet = _most_in_one_subnet(piece) * sum(asked.values())
        self.busiest_subnet = max(self.busiest_subnet, in_subnet)

    def probes(self, timing: Timing) -> Probes:
        tcp, udp = self.asked[Transport.TCP], self.asked[Transport.UDP]
        return Probes(
            least=tcp + udp,
            silent=(tcp + udp) * (1 + timing.max_retries),
            most=tcp * timing.most_attempts + udp * (1 + timing.max_retries),
        )


def _most_in_one_subnet(piece: Piece) -> int:
    size = _SUBNET[piece.version]
    head_end = min(piece.last, piece.first | (size - 1))
    tail_begin = max(piece.first, piece.last & ~(size - 1))
    whole = size if tail_begin - head_end > size else 0
    return max(head_end - piece.first + 1, piece.last - tail_begin + 1, whole)


def _slowest(tally: _Tally, rates: Rates, timing: Timing, *, attempts: int, waiting: bool) -> Bound:
    """Give the limit that binds: the one that leaves no shorter time than the others."""
    asked = sum(tally.asked.values())
    on_one_host = sum(tally.busiest_host.values())
    bounds = [
        (asked * attempts / rates.global_pps, f"{rates.global_pps:,} probes/s in all"),
        (on_one_host * attempts / rates.per_host_pps, f"{rates.per_host_pps:,} probes/s per host"),
    ]
    if rates.per_subnet_pps is not None:
        limit = f"{rates.per_subnet_pps:,} probes/s per subnet"
        bounds.append((tally.busiest_subnet * attempts / rates.per_subnet_pps, limit))
    if waiting:
        wait_s = attempts * timing.timeout_ms / _MS
        tcp = tally.asked[Transport.TCP] * wait_s
        on_one = tally.busiest_host[Transport.TCP] * wait_s
        at_once, on_host = rates.max_connections, rates.per_host_connections
        bounds += [
            (tcp / at_once, f"{at_once:,} connections at once"),
            (on_one / on_host, f"{on_host:,} connections at once per host"),
        ]
    seconds, limit = max(bounds)
    return Bound(seconds=seconds, limit=limit)


def _through_one_router(tally: _Tally, rates: Rates) -> Bound | None:
    """Give the time that the flow budget leaves: a silent probe keeps its entry for minutes."""
    tcp = tally.asked[Transport.TCP]
    seconds = flow_limited_s(tcp, rates.max_flows)
    if rates.max_flows is None or not seconds:
        return None
    return Bound(seconds=seconds, limit=f"{rates.max_flows:,} entries in its state table")


def _speaks(control: Control, spans: Sequence[tuple[Span, PortSpec]]) -> bool:
    """Whether a control has a network around an address of the targets."""
    return any(
        net.version == first.version and int(first) <= int(net[-1]) and int(net[0]) <= int(last)
        for net in control.networks
        for (first, last), _ in spans
    )
