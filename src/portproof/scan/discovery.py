"""Host discovery, where a person asks for it: who of the planned hosts is there at all?

    echo (ICMP) ─► who is left: TCP pings ─► who is left, on our own links: the neighbour table
                                                  │
                                     nobody answered: not-discovered, nothing more is asked

A host counts as there when it answered an echo, answered a handshake or a reset on one of a few
common ports, or answered ARP or ND on a link of ours (a packet to it makes the kernel ask). One of
our own addresses is there.

What stays unanswered is not *closed* and not *filtered*: nothing was asked of its ports, and a host
that drops everything looks the same as none. Its endpoints become Unmeasured(NOT_DISCOVERED), and
an audit therefore leaves discovery off and asks every authorised address.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from portproof.model.batch import FAULTS, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost
from portproof.plan.order import ProbeOrder
from portproof.scan.connect import Conditions, ConnectSweep
from portproof.scan.echo import EchoConditions, EchoSweep, unavailable
from portproof.scan.routing import answering_neighbours, doubted_neighbours, is_own, route_to
from portproof.scan.witness import ANSWERED

PING_PORTS: Final = PortSet.of(22, 80, 443, 3389)
"""Ports of which one is mostly open or at least answered by a reset."""
_SEED: Final = 1
_NOT_ASKED: Final = [
    FAULTS.index(fault)
    for fault in (LocalFault.NO_ROUTE, LocalFault.NO_PERMISSION, LocalFault.NO_SOCKETS)
]
_MS: Final = 1000
_DOUBT_S: Final = 9.0
"""How long the kernel may take over a neighbour it knew: 5 s of delay and three askings of 1 s."""
_LOOK_S: Final = 0.1


@dataclass(slots=True)
class Discovered:
    """How each host that is there was found, by its index; and which ways could not be gone."""

    how: dict[int, str] = field(default_factory=dict)
    """`own address`, `echo reply`, `tcp answer`, `neighbour answer`; or `could not be asked`, which
    is no sign of a host and none of its absence."""
    notes: list[str] = field(default_factory=list)
    finished: bool = True
    """False: it was stopped, and who has not been found says nothing."""


def discover(hosts: Sequence[PlannedHost], conditions: Conditions) -> Discovered:
    """Ask the hosts, within the rates, which of them are there."""
    found = Discovered()
    for index, host in enumerate(hosts):
        if is_own(host.address):
            found.how[index] = "own address"
    for way in (_by_echo, _by_tcp):
        if found.finished:
            way(hosts, found, conditions)
    if found.finished:
        _by_neighbours(hosts, found, conditions)
    return found


def _by_echo(hosts: Sequence[PlannedHost], found: Discovered, conditions: Conditions) -> None:
    left = _left(hosts, found)
    versions = []
    for version in sorted({hosts[index].address.version for index in left}):
        why_not = unavailable(version)
        if why_not:
            found.notes.append(why_not)
        else:
            versions.append(version)
    if not versions:
        return
    timing = conditions.timing

    def stop() -> bool:
        conditions.tick()
        return conditions.stop()

    sweep = EchoSweep(
        [hosts[index].address for index in left],
        lambda number: found.how.update({left[number]: "echo reply"}),
        EchoConditions(
            rate_pps=min(conditions.rates.global_pps, conditions.rates.per_host_pps * len(left)),
            requests=1 + timing.max_retries,
            timeout_s=timing.timeout_ms / _MS,
            clock=conditions.clock,
            stop=stop,
        ),
    )
    found.finished = sweep.run(versions)


def _by_tcp(hosts: Sequence[PlannedHost], found: Discovered, conditions: Conditions) -> None:
    """Knock at a few ports with the connect engine: its limits and its reading of answers hold."""
    left = _left(hosts, found)
    if not left:
        return
    asked = tuple(replace(hosts[index], tcp=PING_PORTS, udp=PortSet.empty()) for index in left)

    def took(batch: OutcomeBatch) -> None:
        for number in batch.host[ANSWERED[batch.reason]].tolist():
            found.how.setdefault(left[number], "tcp answer")
        for number in batch.host[np.isin(batch.fault, _NOT_ASKED)].tolist():
            # Nobody asked it, so it did not fail to answer: the sweep will name the fault.
            found.how.setdefault(left[number], "could not be asked")

    sweep = ConnectSweep(
        [host.address for host in asked],
        ProbeOrder(asked, Transport.TCP, _SEED),
        took,
        replace(conditions, noted=frozenset()),
    )
    found.finished = sweep.run()


def _by_neighbours(hosts: Sequence[PlannedHost], found: Discovered, conditions: Conditions) -> None:
    """Take those for there whose link-layer address the kernel has learnt from their answer."""
    on_link = {}
    for index in _left(hosts, found):
        address = hosts[index].address
        route = route_to(address)
        if route is not None and route.next_hop == address:
            on_link[address] = index
    deadline = conditions.clock() + _DOUBT_S
    while on_link.keys() & doubted_neighbours() and conditions.clock() < deadline:
        conditions.tick()
        if conditions.stop():
            found.finished = False
            return
        time.sleep(_LOOK_S)
    there = answering_neighbours() if on_link else frozenset[Address]()
    found.how.update({on_link[each]: "neighbour answer" for each in on_link.keys() & there})


def _left(hosts: Sequence[PlannedHost], found: Discovered) -> list[int]:
    return [index for index in range(len(hosts)) if index not in found.how]
