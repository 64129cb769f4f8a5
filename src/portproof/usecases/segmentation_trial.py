"""A segmentation test from one vantage: what has to be asked of each zone, and asked again.

From a vantage outside, each target zone is asked the ports that its cell wants. From a vantage
inside a zone the same ports are asked of it, which proves its targets alive. What an ICMP error
answered is asked once more with the sender kept: a router's word and the target's own mean opposite
things, and a sweep keeps neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portproof.errors import SettingsError
from portproof.model.endpoint import Address, Network, Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.scan import RunRecord
from portproof.model.segmentation import CellRule, Segmentation, TargetZone
from portproof.model.targetspec import AddressTarget, NetworkTarget, TargetSpec
from portproof.model.vantage import Vantage
from portproof.model.way import Way
from portproof.plan.build import PlanRequest
from portproof.policy.segmentation import STARTED_BY
from portproof.policy.segmentation_refusals import BY_ICMP

MOST_ASKED_AGAIN: Final = 65_536
"""Endpoints asked again with all that came kept: each is an object in memory and a record."""


def trial_requests(
    policy: Segmentation,
    vantage: Vantage,
    *,
    started_by: str,
    targets: tuple[str, ...] = (),
    ports: PortSpec | None = None,
    through: Way | None = None,
) -> Iterator[tuple[str, PlanRequest]]:
    """Give what has to be asked from the vantage, zone by zone.

    `targets` are the zones to ask, empty for all; `ports` replace those of the cells; `through` is
    the proxy or jump host that the vantage probes through, None for none.

    Raises:
        SettingsError: a zone is not in the policy.
    """
    known = [each.name for each in policy.zones]
    for name in targets:
        if name not in known:
            raise SettingsError(
                f"the policy has no target zone {name!r}; it has {', '.join(known)}"
            )
    for zone in policy.zones:
        if not targets or zone.name in targets:
            asked = ports or _ports(policy, vantage, zone)
            yield (
                zone.name,
                PlanRequest(
                    scope=f"segmentation {vantage.zone} to {zone.name}{STARTED_BY}{started_by}",
                    targets=tuple(map(_target, zone.targets or zone.networks)),
                    ports=asked,
                    vantage=vantage,
                    through=through,
                ),
            )


def refusals(record: RunRecord) -> int:
    """Count the endpoints of a run that an ICMP error answered for."""
    return sum(
        len(outcome.reasons.get(reason, PortSet.empty()))
        for outcome in record.hosts
        for reason in BY_ICMP
    )


def again(record: RunRecord, request: PlanRequest) -> PlanRequest | None:
    """Give what of a run is to be asked again, with the sender of each refusal kept.

    None when no ICMP error answered, or more endpoints than are asked again.
    """
    ports = {each: PortSet.empty() for each in Transport}
    hosts: dict[Address, None] = {}
    for outcome in record.hosts:
        for reason in BY_ICMP:
            refused = outcome.reasons.get(reason, PortSet.empty())
            if refused:
                ports[outcome.transport] = ports[outcome.transport] | refused
                hosts[outcome.host.address] = None
    count = len(hosts) * sum(map(len, ports.values()))
    if not 0 < count <= MOST_ASKED_AGAIN:
        return None
    return PlanRequest(
        scope=request.scope,
        targets=tuple(map(AddressTarget, hosts)),
        ports=PortSpec(ports[Transport.TCP], ports[Transport.UDP]),
        vantage=request.vantage,
        through=request.through,
        timing=request.timing,
        limits=request.limits,
    )


def _ports(policy: Segmentation, vantage: Vantage, zone: TargetZone) -> PortSpec:
    """Give the ports of the cell; from inside, those of every cell that leads there."""
    rules = [policy.cell(vantage.zone, zone.name)]
    if vantage.zone == zone.name:
        rules += [each for each in policy.cells if each.target == zone.name]
    return PortSpec(_union(rules, Transport.TCP), _union(rules, Transport.UDP))


def _union(rules: list[CellRule], transport: Transport) -> PortSet:
    held = PortSet.empty()
    for each in rules:
        held = held | each.ports(transport)
    return held


def _target(network: Network) -> TargetSpec:
    return AddressTarget(network[0]) if network.num_addresses == 1 else NetworkTarget(network)
