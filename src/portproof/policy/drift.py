"""Two runs side by side: which ports changed, or why nothing may be said.

Runs that did not ask the same of the same hosts in the same way differ for reasons of their own. A
comparison of them would invent changes, so it is refused, and each reason is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final

from portproof.model.endpoint import Address, Endpoint, Transport, endpoint_order
from portproof.model.observation import Observation, PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, RunRecord, RunStatus
from portproof.policy.services import identity

_NAMED_HOSTS = 5
"""Hosts that a reason lists before it only counts them."""
_OURS: Final = "portproof's own listener"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortChange:
    """One port that was, or is, open, and shows itself otherwise now."""

    endpoint: Endpoint
    before: PortState
    after: PortState
    service_before: str = ""
    """Name and product of the service that identified itself, or whose listener it was if it was
    portproof's own; empty when none did."""
    service_after: str = ""
    own_before: bool = False
    """It was portproof's own listener in the earlier run: nothing of others shows there."""
    own_after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StateShift:
    """Ports of one host that changed between states neither of which is open.

    A firewall that begins to drop moves tens of thousands of ports at once: that is one shift.
    """

    address: Address
    transport: Transport
    before: PortState
    after: PortState
    ports: PortSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What changed from one run to the other."""

    refused: tuple[str, ...] = ()
    """Why the runs cannot be compared; then there are no changes, and that says nothing."""
    changes: tuple[PortChange, ...] = ()
    shifts: tuple[StateShift, ...] = ()
    uncompared: int = 0
    """Endpoints that either run did not measure, or that only one of them had as portproof's own
    listener: nothing is said of them."""

    @property
    def differs(self) -> bool:
        """Whether something changed."""
        return bool(self.changes or self.shifts)


def compare(before: RunRecord, after: RunRecord) -> Drift:
    """Give what changed between two runs of the same kind, in the order of addresses and ports.

    A port that was portproof's own listener in both runs is left out. One that was its own in a
    single run shows nothing of others there: it is a change when someone else has it open in the
    other run, and uncompared otherwise. A service counts as changed only where it identified itself
    in both runs.
    """
    refused = tuple(_reasons(before, after))
    if refused:
        return Drift(refused=refused)
    earlier = {(each.host.address, each.transport): each for each in before.hosts}
    pairs = [(earlier[each.host.address, each.transport], each) for each in after.hosts]
    shared = [
        (_of_others(one, before, after), _of_others(two, before, after)) for one, two in pairs
    ]
    ours = [change for pair in pairs for change in _ours(pair, before, after)]
    changes = [change for pair in shared for change in _changes(*pair)]
    own_twice = [len(_own(two, before) & _own(two, after)) for _, two in pairs]
    return Drift(
        changes=tuple(sorted([*changes, *ours], key=lambda each: endpoint_order(each.endpoint))),
        shifts=tuple(shift for pair in shared for shift in _shifts(*pair)),
        uncompared=sum(_uncompared(*pair) for pair in shared) - sum(own_twice) - len(ours),
    )


# ---------------------------------------------------------------- may they be compared?


def _reasons(before: RunRecord, after: RunRecord) -> Iterator[str]:
    for which, run in (("earlier", before), ("later", after)):
        if run.status is not RunStatus.COMPLETE:
            yield f"the {which} run is {run.status}: {run.status_reason or 'no reason given'}"
    one, other = before.plan, after.plan
    if (one.vantage.id, one.vantage.zone) != (other.vantage.id, other.vantage.zone):
        places = [f"{each.vantage.id} in {each.vantage.zone}" for each in (one, other)]
        yield f"the vantages differ: {places[0]}, then {places[1]}"
    if one.engine != other.engine:
        yield f"the engines differ: {one.engine}, then {other.engine}"
    if one.silent_ports != other.silent_ports:
        yield "the ports that nothing is sent to differ"
    if _controls(before) != _controls(after):
        yield "the controls differ"
    yield from _host_reasons(before, after)


def _controls(run: RunRecord) -> frozenset[tuple[str, ...]]:
    """Give what the controls are; own listeners have another port in each run."""
    return frozenset(
        ("own", each.kind, str(each.endpoint.address.version))
        if each.own
        else (each.id, each.kind, str(each.endpoint))
        for each in run.plan.controls
    )


def _host_reasons(before: RunRecord, after: RunRecord) -> Iterator[str]:
    one = {(each.host.address, each.transport): each.host for each in before.hosts}
    other = {(each.host.address, each.transport): each.host for each in after.hosts}
    families = [_families(one), _families(other)]
    if families[0] != families[1]:
        yield f"the address families differ: {families[0]}, then {families[1]}"
    for which, missing in (
        ("earlier", one.keys() - other.keys()),
        ("later", other.keys() - one.keys()),
    ):
        if missing:
            yield f"asked in the {which} run only: {_listed(missing)}"
    changed = {
        (address, transport)
        for address, transport in one.keys() & other.keys()
        if one[address, transport].ports(transport) != other[address, transport].ports(transport)
    }
    if changed:
        yield f"the ports asked differ: {_listed(changed)}"


def _families(hosts: dict[tuple[Address, Transport], PlannedHost]) -> str:
    held = {"IPv4" if isinstance(address, IPv4Address) else "IPv6" for address, _ in hosts}
    return " and ".join(sorted(held)) or "none"


def _listed(hosts: set[tuple[Address, Transport]]) -> str:
    ordered = sorted(hosts, key=lambda each: (each[0].version, int(each[0]), each[1]))
    shown = ", ".join(f"{address} ({transport})" for address, transport in ordered[:_NAMED_HOSTS])
    rest = len(ordered) - _NAMED_HOSTS
    return f"{shown} and {rest} more" if rest > 0 else shown


# ---------------------------------------------------------------- portproof's own listeners


def _own(outcome: HostOutcome, run: RunRecord) -> PortSet:
    """Give the planned ports of the host that were portproof's own listeners in that run."""
    ours = PortSet.from_iterable(
        each.port
        for each in run.own_listeners
        if each.address == outcome.host.address and each.transport is outcome.transport
    )
    return ours & outcome.host.ports(outcome.transport)


def _of_others(outcome: HostOutcome, before: RunRecord, after: RunRecord) -> HostOutcome:
    """Give what a run saw of the host without the ports that were ours in either run."""
    ours = _own(outcome, before) | _own(outcome, after)
    states = {state: ports - ours for state, ports in outcome.states.items()}
    return replace(outcome, states=states)


def _ours(
    pair: tuple[HostOutcome, HostOutcome], before: RunRecord, after: RunRecord
) -> Iterator[PortChange]:
    """Give the ports that were ours in one run, and that someone else has open in the other."""
    one, two = pair
    own_before, own_after = _own(one, before), _own(two, after)
    for port in (own_before | own_after) - (own_before & own_after):
        was, is_now = one.state_of(port), two.state_of(port)
        theirs = is_now if port in own_before else was
        if (
            isinstance(was, PortState)
            and isinstance(is_now, PortState)
            and theirs is PortState.OPEN
        ):
            change = _change((one, was), (two, is_now), port)
            yield (
                replace(change, own_before=True, service_before=_OURS)
                if port in own_before
                else replace(change, own_after=True, service_after=_OURS)
            )


# ---------------------------------------------------------------- what changed?


def _changes(before: HostOutcome, after: HostOutcome) -> Iterator[PortChange]:
    for was, held in before.states.items():
        for is_now, holds in after.states.items():
            if PortState.OPEN not in (was, is_now):
                continue
            for port in held & holds:
                change = _change((before, was), (after, is_now), port)
                if change.before is not change.after or _other_service(change):
                    yield change


def _change(
    before: tuple[HostOutcome, PortState], after: tuple[HostOutcome, PortState], port: int
) -> PortChange:
    return PortChange(
        endpoint=Endpoint(after[0].host.address, after[0].transport, port),
        before=before[1],
        after=after[1],
        service_before=_service(before[0].observation(port)),
        service_after=_service(after[0].observation(port)),
    )


def _other_service(change: PortChange) -> bool:
    both = bool(change.service_before and change.service_after)
    return both and change.service_before != change.service_after


def _service(seen: Observation | None) -> str:
    service = seen.service if seen else None
    name = identity(service)
    if service is None or name is None:
        return ""
    return f"{name} {service.product}".strip()


def _shifts(before: HostOutcome, after: HostOutcome) -> Iterator[StateShift]:
    for was, held in before.states.items():
        for is_now, holds in after.states.items():
            ports = held & holds
            if was is not is_now and PortState.OPEN not in (was, is_now) and ports:
                yield StateShift(
                    address=after.host.address,
                    transport=after.transport,
                    before=was,
                    after=is_now,
                    ports=ports,
                )


def _uncompared(before: HostOutcome, after: HostOutcome) -> int:
    planned = after.host.ports(after.transport)
    both = _measured(before) & _measured(after)
    return len(planned - both)


def _measured(outcome: HostOutcome) -> PortSet:
    held = PortSet.empty()
    for ports in outcome.states.values():
        held = held | ports
    return held
