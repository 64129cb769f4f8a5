"""From listed targets to a frozen plan.

`lay_out` decides *which* endpoints will be asked: it checks each target against the authorisation,
counts them against the budget, and only then lists addresses. `complete` adds controls, rates and
order. Between the two, the vantage opens its own control listeners for the addresses laid out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_network
from typing import Final

from portproof.errors import AuthorisationError, BudgetError, SettingsError
from portproof.model.authorisation import FRAGILE_PORTS, Authorisation
from portproof.model.endpoint import Address, Network
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.rates import Rates
from portproof.model.scan import Control, PlannedHost, Resolution, ScanPlan, Timing
from portproof.model.targetspec import (
    AddressTarget,
    NameTarget,
    NetworkTarget,
    NumericTarget,
    RangeTarget,
    TargetSpec,
    address_at,
    addresses,
)
from portproof.model.targetspec import size as address_count
from portproof.model.vantage import Vantage
from portproof.model.way import Way
from portproof.plan.authorise import permitted_addresses, require_in_force, require_inside

MOST_ADDRESSES: Final = 1 << 20
"""Of one run: its plan and its record keep each host, in some kilobytes of memory by the end."""
_NO_PORTS: Final = PortSpec(PortSet.empty(), PortSet.empty())


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The endpoints that will be asked, before controls are known."""

    hosts: tuple[PlannedHost, ...]
    resolutions: tuple[Resolution, ...]
    excluded: tuple[Network, ...]
    """Authorised exclusions and asked-for ones that cut into the targets."""

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that will be probed."""
        return tuple(host.address for host in self.hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What a person asks for."""

    scope: str
    targets: tuple[TargetSpec, ...]
    ports: PortSpec
    exclude: tuple[TargetSpec, ...] = ()
    exclude_ports: PortSpec = _NO_PORTS
    """Left alone on every target, those with ports of their own too."""
    vantage: Vantage
    timing: Timing = field(default_factory=Timing)
    limits: Rates | None = None
    """Lower rates than the authorisation's, asked for; None: the authorisation's alone bind."""
    min_rate: int | None = None
    """Probes per second that the run must be allowed to send; None: any rate will do."""
    ip_version: int | None = None
    """4 or 6: ask only the addresses of names that are of this version; None: all of them."""
    engine: str = "connect"
    discover: bool = False
    through: Way | None = None
    """The proxy or jump host that opens the connections (engine `relay`); None: the vantage itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """What makes a run this one: its id, and the seed that chooses the order of its probes."""

    run_id: str
    seed: int


def names_to_resolve(request: PlanRequest) -> tuple[str, ...]:
    """Give the DNS names among the targets and exclusions, each once, in their order."""
    listed = (*request.targets, *request.exclude)
    return tuple(dict.fromkeys(each.name for each in listed if isinstance(each, NameTarget)))


def admit(request: PlanRequest, authorisation: Authorisation | None, at: datetime) -> Authorisation:
    """Give the authorisation if everything listed may be probed under it at that instant.

    Needs no resolver: it is asked before the first DNS question leaves.

    Raises:
        AuthorisationError: the authorisation does not hold at `at`, a target lies outside it, or
            its rates lie below the lowest one asked for (`rate`).
        BudgetError: more endpoints than the authorisation's `max_probes`.
        SettingsError: a target is of the other IP version than the one asked for.
    """
    held = require_in_force(authorisation, at)
    for target in request.targets:
        _require_version(target, request.ip_version)
        require_inside(target, held)
        if not ports_of(target, request):
            raise AuthorisationError("excluded", str(target), "every port asked of it is excluded")
    _require_rate(request, held)
    require_budget(request, held)
    return held


def rates_of(request: PlanRequest, authorisation: Authorisation) -> Rates:
    """Give the rates of the run: the lowest of the authorisation's, the vantage's, those asked for."""
    held = authorisation.rates
    for lower in (request.vantage.rates, request.limits):
        held = held.stricter(lower) if lower is not None else held
    return held


def lay_out(
    request: PlanRequest,
    *,
    authorisation: Authorisation | None,
    resolutions: Sequence[Resolution],
    at: datetime,
) -> Layout:
    """Give the hosts and ports that may and will be probed.

    Addresses listed twice are probed once, over the union of their ports. A name that did not
    resolve is kept in the resolutions; the rest of the plan goes on without it.

    Raises:
        AuthorisationError: as `admit`; or a name resolves outside it, or nothing is left to probe.
        BudgetError: as `admit`; or more addresses than one run takes.
    """
    held = admit(request, authorisation, at)
    _require_one_run(request)
    exclude = excluded_targets(request, resolutions)
    resolutions = [of_version(each, request.ip_version) for each in resolutions]
    by_name = {each.name: each for each in resolutions}
    permitted = permitted_by_name(request, held, resolutions)
    merged: dict[Address, PlannedHost] = {}
    left_out: dict[Network, None] = {}
    for host in _listed(request, permitted):
        gone = _exclusion(host.address, held, exclude)
        if gone is None:
            merged[host.address] = _joined(merged.get(host.address), host)
        else:
            left_out[gone] = None
    _require_something(merged, request, by_name)
    require_within_budget(sum(len(each.tcp) + len(each.udp) for each in merged.values()), held)
    return Layout(
        hosts=tuple(merged.values()),
        resolutions=tuple(
            _asked(each, request, permitted[each.name])
            for each in resolutions
            if each.name in permitted
        ),
        excluded=tuple(left_out),
    )


def complete(
    layout: Layout,
    request: PlanRequest,
    *,
    identity: RunIdentity,
    authorisation: Authorisation,
    own_controls: Sequence[Control],
) -> ScanPlan:
    """Freeze the plan: the layout, the controls that can speak for it, rates and order."""
    return ScanPlan(
        run_id=identity.run_id,
        vantage=request.vantage,
        scope=request.scope,
        hosts=layout.hosts,
        resolutions=layout.resolutions,
        controls=(*own_controls, *_speaking(authorisation.controls, layout.addresses)),
        authorisation=authorisation.ref(),
        rates=rates_of(request, authorisation),
        timing=request.timing,
        silent_ports=PortSet.of(*FRAGILE_PORTS) - authorisation.allow_fragile,
        seed=identity.seed,
        excluded=layout.excluded,
        engine=request.engine,
        discover=request.discover,
        through=request.through,
    )


def permitted_by_name(
    request: PlanRequest, authorisation: Authorisation, resolutions: Sequence[Resolution]
) -> dict[str, tuple[Address, ...]]:
    """Give the addresses that may be probed of each name among the targets.

    Raises:
        AuthorisationError: as `plan.authorise.permitted_addresses`.
    """
    wanted = {each.name for each in request.targets if isinstance(each, NameTarget)}
    asked = (of_version(each, request.ip_version) for each in resolutions if each.name in wanted)
    return {each.name: permitted_addresses(each, authorisation) for each in asked}


def require_budget(request: PlanRequest, authorisation: Authorisation) -> None:
    """Count before listing: a name counts as one address until it is resolved.

    Raises:
        BudgetError: the targets, each by itself, are more than the authorisation allows.
    """
    probes = 0
    for target in request.targets:
        asked = ports_of(target, request)
        probes += (len(asked.tcp) + len(asked.udp)) * (address_count(target) or 1)
    require_within_budget(probes, authorisation)


def _require_one_run(request: PlanRequest) -> None:
    """Refuse before listing what would exhaust the memory of a machine hours later."""
    listed = sum(address_count(each) or 1 for each in request.targets)
    if listed > MOST_ADDRESSES:
        raise BudgetError(
            f"{listed:,} addresses",
            f"one run keeps a record of each, of {MOST_ADDRESSES:,} at most: scan its /12s in turn",
        )


def require_within_budget(probes: int, authorisation: Authorisation) -> None:
    """Let that many endpoints through.

    Raises:
        BudgetError: they are more than the authorisation allows.
    """
    if probes > authorisation.max_probes:
        raise BudgetError(
            f"{probes:,} endpoints",
            f"authorisation {authorisation.id} allows {authorisation.max_probes:,} in one run; "
            "name fewer targets or ports, or have max_probes raised",
        )


def _listed(
    request: PlanRequest, permitted: dict[str, tuple[Address, ...]]
) -> Iterator[PlannedHost]:
    """Give each address of each target, in the order of the list."""
    for target in request.targets:
        asked = ports_of(target, request)
        name = target.name if isinstance(target, NameTarget) else None
        held = (
            permitted.get(target.name, ()) if isinstance(target, NameTarget) else addresses(target)
        )
        for address in held:
            yield PlannedHost(
                address=address, target=str(target), name=name, tcp=asked.tcp, udp=asked.udp
            )


def _joined(before: PlannedHost | None, host: PlannedHost) -> PlannedHost:
    """Probe an address once: the union of ports, the first target, and every name it has."""
    if before is None:
        return host
    names = tuple(dict.fromkeys((*before.names, *host.names)))
    return replace(
        before,
        name=names[0] if names else None,
        also_named=names[1:],
        tcp=before.tcp | host.tcp,
        udp=before.udp | host.udp,
    )


def excluded_targets(
    request: PlanRequest, resolutions: Sequence[Resolution]
) -> tuple[NumericTarget, ...]:
    """Give what a person wants left alone, names by the addresses they have now.

    Raises:
        AuthorisationError: a name does not resolve, so that nobody can leave its addresses alone.
    """
    return tuple(_excluded(request, {each.name: each for each in resolutions}))


def _excluded(request: PlanRequest, by_name: dict[str, Resolution]) -> Iterator[NumericTarget]:
    for target in request.exclude:
        if not isinstance(target, NameTarget):
            yield target
            continue
        known = by_name.get(target.name)
        if known is None or not known.addresses:
            raise AuthorisationError(
                "excluded",
                target.name,
                "it is to be left alone but does not resolve; exclude its addresses instead",
            )
        yield from map(AddressTarget, known.addresses)


def _exclusion(
    address: Address, authorisation: Authorisation, exclude: Sequence[NumericTarget]
) -> Network | None:
    """Give the exclusion that holds the address: the authorisation's, or one asked for."""
    for each in authorisation.exclusions:
        if each.network.version == address.version and address in each.network:
            return each.network
    return next((ip_network(address) for each in exclude if _stands_for(each, address)), None)


def _stands_for(target: NumericTarget, address: Address) -> bool:
    """Whether a listed target holds the address."""
    match target:
        case AddressTarget(address=listed):
            return listed == address
        case NetworkTarget(network=network):
            return network.version == address.version and address in network
        case RangeTarget(octets=octets):
            packed = address.packed
            return address.version == 4 and all(  # noqa: PLR2004 - the IP version
                low <= octet <= high for octet, (low, high) in zip(packed, octets, strict=True)
            )


def _require_something(
    merged: dict[Address, PlannedHost], request: PlanRequest, by_name: dict[str, Resolution]
) -> None:
    """Refuse an empty plan, except when names failed to resolve: that is a result (UNKNOWN)."""
    unresolved = any(not each.addresses for each in by_name.values())
    if not merged and not unresolved:
        listed = ", ".join(str(each) for each in request.targets) or "no target"
        raise AuthorisationError(
            "excluded", listed, "nothing is left to probe after the exclusions"
        )


def _asked(
    resolution: Resolution, request: PlanRequest, permitted: tuple[Address, ...]
) -> Resolution:
    """Add to a resolution what was left alone, and which ports are asked of the name."""
    tcp = udp = PortSet.empty()
    for target in request.targets:
        if isinstance(target, NameTarget) and target.name == resolution.name:
            more = ports_of(target, request)
            tcp, udp = tcp | more.tcp, udp | more.udp
    outside = tuple(each for each in resolution.addresses if each not in permitted)
    return replace(resolution, outside=outside, tcp=tcp, udp=udp)


def ports_of(target: TargetSpec, request: PlanRequest) -> PortSpec:
    """Give the ports asked of a target: its own, else those of the request, less the excluded."""
    own = target.ports
    asked = request.ports if own is None else PortSpec(own, PortSet.empty())
    return asked - request.exclude_ports


def _require_version(target: TargetSpec, version: int | None) -> None:
    """Refuse what could not be asked, rather than leave it out in silence."""
    if version is None or isinstance(target, NameTarget):
        return
    listed = 4 if isinstance(target, RangeTarget) else address_at(target, 0).version
    if listed != version:
        raise SettingsError(
            f"{target} is an IPv{listed} target, but -{version} asks for IPv{version} alone"
        )


def of_version(resolution: Resolution, version: int | None) -> Resolution:
    """Keep a name's addresses of one IP version; a name without any is one that does not resolve."""
    if version is None or not resolution.addresses:
        return resolution
    kept = tuple(each for each in resolution.addresses if each.version == version)
    detail = resolution.detail if kept else f"it has no IPv{version} address"
    return replace(resolution, addresses=kept, detail=detail)


def _require_rate(request: PlanRequest, authorisation: Authorisation) -> None:
    """Refuse a lowest rate that the limits in force do not allow: they are never exceeded."""
    allowed = rates_of(request, authorisation).global_pps
    if request.min_rate is not None and request.min_rate > allowed:
        raise AuthorisationError(
            "rate",
            f"at least {request.min_rate:,} probes/s",
            f"authorisation {authorisation.id} and the limits of this scan allow {allowed:,}/s",
        )


def _speaking(controls: Sequence[Control], planned: Sequence[Address]) -> tuple[Control, ...]:
    """Keep the controls with a network around an address of the plan: the others say nothing here."""
    return tuple(
        control
        for control in controls
        if any(
            net.version == each.version and each in net
            for net in control.networks
            for each in planned
        )
    )
