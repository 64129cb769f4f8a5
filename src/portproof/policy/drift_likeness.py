"""In what two runs are unlike, and which statements that makes impossible.

Runs that did not ask the same in the same way differ for reasons of their own. What follows from
each difference:

==================  ============================================================================
unlike in           what cannot be said
==================  ============================================================================
status, vantage,    anything: an inconclusive run proves nothing, another place (or proxy) sees
way                 another network
hosts, ports,       anything about what one run did not ask: a port not asked before is not new
families, names
engine              closed against filtered (TCP): an ICMP 3/3 is closed to one, filtered to other
patience            silence of the run that waited less against an answer in the other
negative controls   open in the run without one: something in between may have answered
silent ports,       another service: one run did not ask for it, asked by another name, or knew
tool version, name  fewer protocols
scope, controls,    nothing: each run's silence had its own witness (law 2), and whoever was not
discovery           discovered is Unmeasured
==================  ============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, TypeAlias

from portproof.model.drift import Difference
from portproof.model.endpoint import Address, Transport
from portproof.model.ports import PortSet
from portproof.model.scan import Control, ControlKind, HostOutcome, RunRecord, RunStatus, ScanPlan

HostKey: TypeAlias = tuple[Address, Transport]
_Hosts: TypeAlias = Mapping[HostKey, HostOutcome]

_NAMED_HOSTS: Final = 5
"""Hosts that a difference lists before it only counts them."""
_NOTHING: Final = "none"
_SERVICES: Final = "services are not compared"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run waited for an answer over one transport, in ms, and how often it asked again."""

    timeout_ms: int
    max_retries: int

    def less_than(self, other: Patience) -> bool:
        """Whether silence here may be an answer there."""
        return self.timeout_ms < other.timeout_ms or self.max_retries < other.max_retries


def refusals(before: RunRecord, after: RunRecord) -> Iterator[str]:
    """Say why the two runs can say nothing of each other at all; nothing where they can."""
    for which, run in (("earlier", before), ("later", after)):
        if run.status is not RunStatus.COMPLETE:
            yield f"the {which} run is {run.status}: {run.status_reason or 'no reason given'}"
    one, other = before.plan.vantage, after.plan.vantage
    if (one.id, one.zone) != (other.id, other.zone):
        places = [f"{each.id} in {each.zone}" for each in (one, other)]
        yield f"the vantages differ: {places[0]}, then {places[1]}"
    ways = [str(run.plan.through or "its own network") for run in (before, after)]
    if ways[0] != ways[1]:
        yield f"the ways to the targets differ: {ways[0]}, then {ways[1]}"


def differences(before: RunRecord, after: RunRecord) -> tuple[Difference, ...]:
    """Give everything in which the runs are unlike, with what cannot be said because of it."""
    return (
        *_plan_differences(before.plan, after.plan),
        *_tool(before, after),
        *_control_differences(before, after),
        *_host_differences(by_host(before), by_host(after)),
    )


def by_host(run: RunRecord) -> dict[HostKey, HostOutcome]:
    """Give the outcomes of a run by address and transport."""
    return {(each.host.address, each.transport): each for each in run.hosts}


def patience(plan: ScanPlan, transport: Transport) -> Patience:
    """Give how patient a run was over one transport."""
    timing = plan.timing
    match transport:
        case Transport.TCP:
            return Patience(timing.timeout_ms, timing.max_retries)
        case Transport.UDP:
            return Patience(timing.udp_timeout_ms, timing.max_retries)


def negative_control(plan: ScanPlan, address: Address) -> bool:
    """Whether a negative control spoke for the address."""
    return any(
        each.kind is ControlKind.NEGATIVE
        and any(address.version == net.version and address in net for net in each.networks)
        for each in plan.controls
    )


# ---------------------------------------------------------------- the plans


def _plan_differences(one: ScanPlan, other: ScanPlan) -> Iterator[Difference]:
    yield from _told("scope", one.scope, other.scope, "")
    if one.probes(Transport.TCP) and other.probes(Transport.TCP):
        consequence = "closed against filtered is not compared over TCP"
        yield from _told("engine", one.engine, other.engine, consequence)
    for transport in Transport:
        if one.probes(transport) and other.probes(transport):
            consequence = "an answer where the hastier run heard nothing is not compared"
            waited = [_waited(patience(each, transport)) for each in (one, other)]
            yield from _told(f"patience over {transport}", waited[0], waited[1], consequence)
    yield from _told("host discovery", _yes(one.discover), _yes(other.discover), "")
    changed = one.silent_ports ^ other.silent_ports
    silent = [str(each.silent_ports) or _NOTHING for each in (one, other)]
    consequence = f"services on ports {changed} are not compared"
    yield from _told("ports that nothing is sent to", silent[0], silent[1], consequence)
    lost = [_unresolved(each) for each in (one, other)]
    yield from _told("names that did not resolve", lost[0], lost[1], "their ports are not compared")


def _tool(before: RunRecord, after: RunRecord) -> Iterator[Difference]:
    consequence = f"{_SERVICES}: another version may name them otherwise"
    yield from _told("portproof", before.tool_version, after.tool_version, consequence)


def _told(what: str, before: str, after: str, consequence: str) -> Iterator[Difference]:
    if before != after:
        yield Difference(what=what, before=before, after=after, consequence=consequence)


def _yes(held: bool) -> str:  # noqa: FBT001 - the answer to a question
    return "yes" if held else "no"


def _waited(held: Patience) -> str:
    return f"{held.timeout_ms} ms, asked again {held.max_retries} times"


def _unresolved(plan: ScanPlan) -> str:
    return ", ".join(each.name for each in plan.resolutions if not each.addresses) or _NOTHING


# ---------------------------------------------------------------- the controls


def _control_differences(before: RunRecord, after: RunRecord) -> Iterator[Difference]:
    for kind in ControlKind:
        one, other = (_controls(run.plan, kind) for run in (before, after))
        consequence = ""
        if kind is ControlKind.NEGATIVE:
            consequence = "open is not compared where one run had no negative control"
        yield from _told(f"{kind} controls", one, other, consequence)


def _controls(plan: ScanPlan, kind: ControlKind) -> str:
    held = sorted({_control(each) for each in plan.controls if each.kind is kind})
    return ", ".join(held) or _NOTHING


def _control(each: Control) -> str:
    # Own listeners have another port in each run, and are the same control all the same.
    if each.own:
        return f"our own (IPv{each.endpoint.address.version})"
    return f"{each.id} ({each.endpoint})"


# ---------------------------------------------------------------- the hosts


def _host_differences(one: _Hosts, other: _Hosts) -> Iterator[Difference]:
    families = [_families(each) for each in (one, other)]
    missing = "what only one run asked is not compared"
    yield from _told("address families", families[0], families[1], missing)
    only = [_listed(one.keys() - other.keys()), _listed(other.keys() - one.keys())]
    yield from _told("hosts of this run only", only[0], only[1], missing)
    shared = one.keys() & other.keys()
    asked = {key for key in shared if _planned(one[key]) != _planned(other[key])}
    if asked:
        told = [_ports_only(asked, mine, theirs) for mine, theirs in ((one, other), (other, one))]
        yield Difference(
            what="ports of this run only", before=told[0], after=told[1], consequence=missing
        )
    named = {key for key in shared if one[key].host.name != other[key].host.name}
    if named:
        names = [_names(named, each) for each in (one, other)]
        consequence = f"{_SERVICES} there: servers answer by name"
        yield Difference(
            what="name asked by", before=names[0], after=names[1], consequence=consequence
        )


def _planned(outcome: HostOutcome) -> PortSet:
    return outcome.host.ports(outcome.transport)


def _families(hosts: _Hosts) -> str:
    held = {"IPv4" if isinstance(address, IPv4Address) else "IPv6" for address, _ in hosts}
    return " and ".join(sorted(held)) or _NOTHING


def _listed(hosts: set[HostKey]) -> str:
    ordered = _ordered(hosts)
    shown = ", ".join(f"{address} ({transport})" for address, transport in ordered[:_NAMED_HOSTS])
    return (shown + _rest(ordered)) or _NOTHING


def _ports_only(keys: set[HostKey], mine: _Hosts, theirs: _Hosts) -> str:
    ordered = [key for key in _ordered(keys) if _planned(mine[key]) - _planned(theirs[key])]
    shown = "; ".join(
        f"{key[0]} ({key[1]}) {_planned(mine[key]) - _planned(theirs[key])}"
        for key in ordered[:_NAMED_HOSTS]
    )
    return (shown + _rest(ordered)) or _NOTHING


def _names(keys: set[HostKey], hosts: _Hosts) -> str:
    ordered = _ordered(keys)
    shown = ", ".join(f"{key[0]} as {hosts[key].host.name}" for key in ordered[:_NAMED_HOSTS])
    return shown + _rest(ordered)


def _ordered(keys: set[HostKey]) -> list[HostKey]:
    return sorted(keys, key=lambda each: (each[0].version, int(each[0]), each[1]))


def _rest(ordered: list[HostKey]) -> str:
    rest = len(ordered) - _NAMED_HOSTS
    return f" and {rest} more" if rest > 0 else ""
