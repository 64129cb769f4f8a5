"""What a sweep spares besides its hosts: subnets, state tables on the way, and what is overrun.

`ProbeSource` keeps the global rate and the limits of each host; here is the rest, as *gates* that a
probe passes before it leaves::

    global rate ─► path pace ─► [ subnet rate ─► flow budget of its router ─► pace of its host ]

Each gate grants so many probes at once and takes back what was not used. Where all hosts of a sweep
stand behind the same gates, a whole batch passes at once (`take`), and where there are none, which
is usual on one's own link, nothing is done per probe at all. Otherwise `chooses` is true, and each
probe is asked for by its host (`admit`).

A router is a firewall until proved otherwise: every target with a next hop counts towards the flow
budget of that hop. Our own addresses and hosts on our own links have nothing in between.

Several processes share each limit: each has a `Care` of its own, with its part of the rates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, Protocol, TypeAlias

import numpy as np

from portproof.model.batch import OutcomeBatch
from portproof.model.endpoint import Address
from portproof.model.rates import Rates
from portproof.plan.flows import DATAGRAM_S, SILENT_S
from portproof.scan.backoff import HostPace, PathPace
from portproof.scan.conditions import Conditions
from portproof.scan.flows import FlowBook
from portproof.scan.limiter import RateLimiter
from portproof.scan.routing import Route, route_to
from portproof.scan.witness import ANSWERED, PREFIX

RouteTo: TypeAlias = Callable[[Address], Route | None]
"""Which way the kernel would take to an address."""

_MOST_LISTED: Final = 65_536
"""Hosts that are looked at beforehand, to see whether anything limits them; beyond, as they come."""
_MOST_KEPT: Final = 65_536
_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class StateTables:
    """How the routers on the way are found, and how long they keep the entry of a silent probe."""

    route: RouteTo = route_to
    hold_s: float = SILENT_S


_TABLES: Final = StateTables()


class Gate(Protocol):
    """Grants probes, so many at a time."""

    def take(self, now: float, wanted: int) -> int:
        """Grant as many as may leave now, at most `wanted`."""
        ...

    def give_back(self, count: int) -> None:
        """Return grants that were not used."""
        ...

    def wait_s(self, now: float) -> float:
        """Give the seconds until a probe may leave; 0.0 when one may leave now."""
        ...


Gates: TypeAlias = tuple[Gate, ...]


class Care:
    """The gates of one sweep; `now` is monotonic seconds and never goes back."""

    def __init__(
        self,
        hosts: Sequence[Address],
        rates: Rates,
        *,
        timeout_s: float,
        began: float = 0.0,
        path: PathPace | None = None,
        tables: StateTables = _TABLES,
    ) -> None:
        """Prepare the gates of a sweep over `hosts`.

        `timeout_s` is the longest wait for an answer, `began` the run's start, which outcomes count
        from.
        """
        self._global_pps = rates.global_pps
        self._began = began
        self._lanes = _Lanes(hosts, rates, tables)
        self._path = path or PathPace()
        self._slow: tuple[float, RateLimiter] | None = None
        self.hosts = HostPace(
            full_pps=min(rates.global_pps, rates.per_host_pps), timeout_s=timeout_s
        )
        self._alone = len(hosts) == 1
        self._common = self._lanes.common()
        self._waiting_for: Gates = ()

    @property
    def chooses(self) -> bool:
        """Whether `admit` has to be asked for each probe; may change while a sweep goes on."""
        return self._common is None or (bool(self.hosts) and not self._alone)

    def take(self, now: float, wanted: int) -> int:
        """Grant as many probes as may leave now as far as all hosts are concerned."""
        gates = (*self._paced(), *(self._common or ()))
        if self._alone and (limiter := self.hosts.limiter(0)):
            gates = (*gates, limiter)
        self._waiting_for = gates
        return _through(gates, now, wanted)

    def give_back(self, count: int) -> None:
        """Return what `take` granted and nobody used."""
        for gate in self._waiting_for:
            gate.give_back(count)

    def admit(self, now: float, host: int) -> bool:
        """Whether one probe to this host may leave now; asked after `take`, where it `chooses`."""
        gates = self._lanes.gates(host) if self._common is None else ()
        if limiter := self.hosts.limiter(host):
            gates = (*gates, limiter)
        return not gates or _through(gates, now, 1) == 1

    def unsent(self, hosts: Sequence[int]) -> None:
        """Return grants for probes to these hosts that could not be sent after all."""
        for host in hosts:
            for gate in self._common if self._common is not None else self._lanes.gates(host):
                gate.give_back(1)

    def wait_s(self, now: float) -> float:
        """Give the seconds until `take` may grant something; 0.0 when it may now."""
        return max((gate.wait_s(now) for gate in self._waiting_for), default=0.0)

    def silence(self, host: int, now: float) -> None:
        """Hear that a question to the host was not answered in time."""
        self.hosts.silence(host, now)

    def heard(self, batch: OutcomeBatch, now: float) -> None:
        """Take outcomes in: entries that are given back, hosts that answer late."""
        self.hosts.heard(batch, now)
        if self._lanes.counts_flows:
            self._lanes.answered(batch.where(ANSWERED[batch.reason]), now, self._began)

    def _paced(self) -> Gates:
        """Give the limiter of the path's pace, while it is below the full rate."""
        share = self._path.share
        if share >= 1:
            self._slow = None
            return ()
        if self._slow is None or self._slow[0] != share:
            self._slow = (share, RateLimiter(max(1, int(self._global_pps * share))))
        return (self._slow[1],)


def care_of(hosts: Sequence[Address], conditions: Conditions) -> Care:
    """Give the gates of a sweep over TCP under the conditions of its run."""
    return _care(hosts, conditions, StateTables())


def datagram_care_of(hosts: Sequence[Address], conditions: Conditions) -> Care:
    """Give the gates of a sweep over UDP, whose entries routers keep for a shorter time."""
    return _care(hosts, conditions, StateTables(hold_s=DATAGRAM_S))


def _care(hosts: Sequence[Address], conditions: Conditions, tables: StateTables) -> Care:
    return Care(
        hosts,
        conditions.rates,
        timeout_s=conditions.timing.timeout_ms / _MS,
        began=conditions.began,
        path=conditions.pace,
        tables=tables,
    )


class _Lanes:
    """The gates of each subnet: its own rate, and the flow budget of the router before it."""

    def __init__(self, hosts: Sequence[Address], rates: Rates, tables: StateTables) -> None:
        self._hosts = hosts
        self._rates = rates
        self._tables = tables
        self._books: dict[tuple[Address, int], FlowBook] = {}
        self._gates: dict[tuple[int, int], Gates] = {}
        self._of_host: dict[int, Gates] = {}
        self._split: set[tuple[int, int]] = set()
        """Subnets whose addresses are not all routed alike."""

    @property
    def counts_flows(self) -> bool:
        """Whether some host stands behind a router whose entries are counted."""
        return bool(self._books)

    def common(self) -> Gates | None:
        """Give the gates that all hosts share; None where each has to be asked for its own."""
        if self._rates.per_subnet_pps is None and self._rates.max_flows is None:
            return ()
        if len(self._hosts) > _MOST_LISTED:
            return None
        distinct = {self.gates(host) for host in range(len(self._hosts))}
        return distinct.pop() if len(distinct) == 1 else None

    def gates(self, host: int) -> Gates:
        """Give the gates before one host."""
        found = self._of_host.get(host)
        if found is None:
            if len(self._of_host) >= _MOST_KEPT:
                self._of_host.clear()
            found = self._of_host[host] = self._find(self._hosts[host])
        return found

    def answered(self, answers: OutcomeBatch, now: float, began: float) -> None:
        """Give back the entries of the questions that these rows answer."""
        hosts = np.unique(answers.host)
        for host in hosts.tolist():
            books = [gate for gate in self.gates(host) if isinstance(gate, FlowBook)]
            if not books:
                continue
            sent_ms, counts = np.unique(answers.sent_ms[answers.host == host], return_counts=True)
            for sent, count in zip(sent_ms.tolist(), counts.tolist(), strict=True):
                books[0].answered(now, began + sent / _MS, count)

    def _find(self, address: Address) -> Gates:
        prefix = PREFIX[address.version]
        key = (address.version, int(address) >> (address.max_prefixlen - prefix))
        if key not in self._gates:
            subnet = ip_network((address, prefix), strict=False)
            router = self._router(subnet[0])
            self._gates[key] = (*self._subnet_rate(), *self._book(router))
            if router != self._router(subnet[-1]) or router != self._router(address):
                self._split.add(key)
        if key not in self._split:
            return self._gates[key]
        shared = tuple(each for each in self._gates[key] if not isinstance(each, FlowBook))
        return (*shared, *self._book(self._router(address)))

    def _subnet_rate(self) -> Gates:
        pps = self._rates.per_subnet_pps
        return () if pps is None else (RateLimiter(pps),)

    def _router(self, address: Address) -> tuple[Address, int] | None:
        """Give the next hop and the interface; None on our own link, for our own, without a route."""
        if self._rates.max_flows is None:
            return None
        route = self._tables.route(address)
        if route is None or route.local or route.next_hop == address:
            return None
        return route.next_hop, route.interface

    def _book(self, router: tuple[Address, int] | None) -> Gates:
        if router is None or self._rates.max_flows is None:
            return ()
        if router not in self._books:
            self._books[router] = FlowBook(self._rates.max_flows, hold_s=self._tables.hold_s)
        return (self._books[router],)


def _through(gates: Gates, now: float, wanted: int) -> int:
    """Pass as many probes through all gates as each grants; the others get theirs back."""
    granted = wanted
    for number, gate in enumerate(gates):
        allowed = gate.take(now, granted)
        for earlier in gates[:number] if allowed < granted else ():
            earlier.give_back(granted - allowed)
        granted = allowed
    return granted
