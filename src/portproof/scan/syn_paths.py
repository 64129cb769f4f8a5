"""Which way each target is reached: addresses by host number, and paths for the raw helper.

Neighbouring addresses become runs, cut where the kernel may route differently, so that the kernel
is asked once per run and the columns of a block are computed, whatever the plan's size.
"""

from __future__ import annotations

import socket
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from portproof.model.endpoint import Address
from portproof.model.observation import LocalFault
from portproof.model.rawwire import ASK_V4, ASK_V6, Kind, Records
from portproof.scan.classify import fault_of_errno
from portproof.scan.family import family_of
from portproof.scan.routing import Route, link_addresses, route_starts, route_to

V4, V6 = 4, 6
_DISCARD_PORT: Final = 9  # RFC 863; nothing is sent there: connecting chooses a source address
_HALF: Final = 64
_LOW_HALF: Final = (1 << _HALF) - 1
_ETHERNET_ADDRESS: Final = 6
_NETWORK_BITS: Final = 8
_NETWORKS_BITS: Final = 10
"""So many bits number the networks that are told apart: accounts of each are kept, and take time."""


@runtime_checkable
class InRuns(Protocol):
    """A sequence of addresses that knows its neighbours: no look at each of millions is needed."""

    def runs(self) -> Iterator[tuple[Address, int]]:
        """Give the first address and the length of each run of neighbours, in order."""
        ...


@dataclass(frozen=True, slots=True)
class SynPath:
    """A way out; `next_hop` None: each target is its own."""

    interface: int
    source: Address
    next_hop: Address | None
    local: bool
    """To this machine's own addresses."""

    @property
    def routed(self) -> bool:
        """Whether a router stands between, which may keep state of each probe."""
        return self.next_hop is not None and not self.local

    def facts(self) -> dict[str, Any]:
        """Give what the helper has to know."""
        hop = None if self.next_hop is None else str(self.next_hop)
        return {
            "interface": self.interface,
            "source": str(self.source),
            "next_hop": hop,
            "local": self.local,
        }


class SynPaths:
    """The hosts of a sweep in runs of one path each."""

    def __init__(self, hosts: Sequence[Address]) -> None:
        """Look at all hosts, and ask the kernel about each stretch of them."""
        self.paths: list[SynPath] = []
        self._places: dict[SynPath, int] = {}
        self._neighbours = list(link_addresses())
        self._faults: dict[int, LocalFault] = {}
        first_host, versions, bases, paths = [0], [], [], []
        for first, count, path in self._cut(_runs_of(hosts)):
            versions.append(first.version)
            bases.append(int(first))
            paths.append(path)
            first_host.append(first_host[-1] + count)
        self._first_host = np.array(first_host[:-1], dtype=np.int64)
        self._version = np.array(versions, dtype=np.uint8)
        self._high = np.array([base >> _HALF for base in bases], dtype=np.uint64)
        self._low = np.array([base & _LOW_HALF for base in bases], dtype=np.uint64)
        excess = max(1, first_host[-1] >> _NETWORK_BITS >> _NETWORKS_BITS)
        self._network_bits = np.uint64(_NETWORK_BITS + (excess - 1).bit_length())
        # A run without a path carries its fault, as a negative number.
        self._path = np.array(paths, dtype=np.int64)

    def neighbours(self) -> list[dict[str, Any]]:
        """Give the link addresses that the kernel knows on the interfaces of our paths."""
        ours = {path.interface for path in self.paths}
        return [
            {"interface": interface, "address": str(address), "link_address": mac.hex()}
            for interface, address, mac in self._neighbours
            if interface in ours and len(mac) == _ETHERNET_ADDRESS
        ]

    def unroutable(self, hosts: NDArray[np.uint32]) -> dict[LocalFault, NDArray[np.intp]]:
        """Give the rows whose host cannot be sent to, by the reason."""
        paths = self._path[self._run_of(hosts)]
        faults = {number: self._faults[number] for number in np.unique(paths[paths < 0]).tolist()}
        return {fault: np.flatnonzero(paths == number) for number, fault in faults.items()}

    def ask(
        self, kind: Kind, hosts: NDArray[np.uint32], ports: NDArray[np.uint16]
    ) -> tuple[NDArray[np.intp], Records]:
        """Give the rows that are of that IP version and have a path, and their records."""
        runs = self._run_of(hosts)
        version = V6 if kind is Kind.ASK_V6 else V4
        rows = np.flatnonzero((self._version[runs] == version) & (self._path[runs] >= 0))
        runs, hosts = runs[rows], hosts[rows]
        records = np.zeros(len(rows), dtype=ASK_V6 if version == V6 else ASK_V4)
        offset = hosts.astype(np.uint64) - self._first_host[runs].astype(np.uint64)
        records["host"], records["port"], records["path"] = hosts, ports[rows], self._path[runs]
        low = self._low[runs] + offset
        if version == V6:
            # A run does not cross a boundary of 64 bits (`_cut`).
            records["high"], records["low"] = self._high[runs], low
        else:
            records["address"] = low
        return rows, records

    def networks(self, hosts: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """Give the IPv4 /24 or IPv6 /64 of each host, as a number; larger ones in a very large plan."""
        runs = self._run_of(hosts)
        low = self._low[runs] + hosts.astype(np.uint64) - self._first_host[runs].astype(np.uint64)
        return np.where(self._version[runs] == V6, self._high[runs], low >> self._network_bits)

    def _run_of(self, hosts: NDArray[np.uint32]) -> NDArray[np.intp]:
        if len(self._first_host) == 1:
            return np.zeros(len(hosts), dtype=np.intp)
        return np.searchsorted(self._first_host, hosts, side="right") - 1

    # ------------------------------------------------------------ what the kernel says

    def _cut(self, runs: Iterator[tuple[Address, int]]) -> Iterator[tuple[Address, int, int]]:
        """Cut runs where routes begin; gives each piece with the number of its path."""
        starts: dict[int, tuple[int, ...]] = {}
        known: dict[tuple[int, int], int] = {}
        for begin, length in runs:
            first, count, version = begin, length, begin.version
            if version not in starts:
                starts[version] = route_starts(version)
            while count:
                place = bisect_right(starts[version], int(first))
                end = starts[version][place] if place < len(starts[version]) else None
                room = _LOW_HALF + 1 - (int(first) & _LOW_HALF)
                size = min(count, room if end is None else min(room, end - int(first)))
                if (version, place) not in known:
                    known[version, place] = self._path_to(first)
                yield first, size, known[version, place]
                count -= size
                if count:
                    first += size

    def _path_to(self, address: Address) -> int:
        """Give the place of the path that holds for an address; negative for a fault."""
        found = self._found_to(address)
        if isinstance(found, LocalFault):
            number = -1 - list(LocalFault).index(found)
            self._faults[number] = found
            return number
        if found not in self._places:
            self._places[found] = len(self.paths)
            self.paths.append(found)
        return self._places[found]

    def _found_to(self, address: Address) -> SynPath | LocalFault:
        route = route_to(address)
        if route is None or not route.interface or address.is_multicast:
            return LocalFault.NO_ROUTE
        try:
            with socket.socket(family_of(address), socket.SOCK_DGRAM) as trial:
                trial.connect((str(address), _DISCARD_PORT))
                source = ip_address(trial.getsockname()[0])
        except OSError as refused:
            return fault_of_errno(refused.errno or 0)
        hop = self._hop_of(route, address, source)
        return (
            hop
            if isinstance(hop, LocalFault)
            else SynPath(route.interface, source, hop, route.local)
        )

    def _hop_of(
        self, route: Route, address: Address, source: Address
    ) -> Address | LocalFault | None:
        if route.local:
            return source  # loopback frames have no link address: one hop serves all targets
        if route.next_hop == address:
            return None
        if route.next_hop.version != address.version:
            # RFC 5549: the helper asks for neighbours of the probes' own family only.
            known = {(interface, each) for interface, each, _ in self._neighbours}
            if (route.interface, route.next_hop) not in known:
                return LocalFault.NO_NEIGHBOUR
        return route.next_hop


def _runs_of(hosts: Sequence[Address]) -> Iterator[tuple[Address, int]]:
    """Give runs of neighbours, as long as they are."""
    parts = hosts.runs() if isinstance(hosts, InRuns) else ((address, 1) for address in hosts)
    first: Address | None = None
    count = follows = 0
    for address, length in parts:
        number = int(address)
        if first is not None and number == follows and address.version == first.version:
            count += length
        else:
            if first is not None:
                yield first, count
            first, count = address, length
        follows = number + length
    if first is not None:
        yield first, count
