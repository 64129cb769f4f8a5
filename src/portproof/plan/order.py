"""The order of probes: a keyed permutation with random access, so that nothing is shuffled or kept.

Probe number i of a run is `order.block(i, 1)`; the same seed gives the same order, a shard is a
range of numbers, and a resumed run starts at a number. Memory does not depend on how many probes
there are.

The permutation is a Feistel network over the product of two rings (the construction FE1 of Black
and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002): a number is split into a pair below
(a, b) with a·b just above the size, each half is moved by a keyed hash of the other, and the few
results beyond the size walk on through the permutation until they fall inside it. It spreads load
over hosts and ports; it is no cipher, and nobody may rely on its order being secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import groupby
from math import isqrt
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost

_ROUNDS: Final = 4
_LARGEST: Final = 1 << 62  # the halves and their sums must stay within 64 bits

Numbers = NDArray[np.uint64]


class Permutation:
    """A bijection of 0 … size - 1 chosen by a seed; `block` gives any part of it."""

    def __init__(self, size: int, seed: int) -> None:
        """Prepare the permutation of `size` numbers.

        Raises:
            ValueError: the size is negative, or beyond 2^62.
        """
        if not 0 <= size <= _LARGEST:
            raise ValueError(f"a permutation has 0 to 2^62 numbers, not {size}")
        self._size = size
        rows = max(1, isqrt(size - 1) + 1 if size else 1)
        self._rows = np.uint64(rows)
        self._columns = np.uint64(max(1, -(-size // rows)))
        key = seed.to_bytes((seed.bit_length() + 8) // 8, "big", signed=True)
        digest = blake2b(key, digest_size=16 * _ROUNDS, person=b"portproof order").digest()
        self._keys = np.frombuffer(digest, dtype="<u8").astype(np.uint64)

    def __len__(self) -> int:
        return self._size

    def block(self, start: int, count: int) -> Numbers:
        """Give the permuted numbers of `start` … `start + count - 1`; fewer at the end."""
        stop = min(start + count, self._size)
        numbers = self._step(np.arange(start, max(start, stop), dtype=np.uint64))
        while (outside := numbers >= self._size).any():
            numbers[outside] = self._step(numbers[outside])
        return numbers

    def _step(self, numbers: Numbers) -> Numbers:
        """Permute 0 … rows·columns - 1, a slightly larger domain."""
        high, low = numbers // self._columns, numbers % self._columns
        for turn in range(_ROUNDS):
            high = (high + _mixed(low ^ self._keys[2 * turn]) % self._rows) % self._rows
            low = (low + _mixed(high ^ self._keys[2 * turn + 1]) % self._columns) % self._columns
        return high * self._columns + low


class Order(Protocol):
    """Endpoints to probe, numbered from 0: `ProbeOrder`, or a part of one."""

    def __len__(self) -> int:
        """Count the endpoints."""
        ...

    def block(self, start: int, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Give host indices and ports of `start` … `start + count - 1`; fewer at the end."""
        ...


class ProbeOrder:
    """The endpoints of a plan over one transport, in the order in which they are probed.

    Neighbours in the plan that are asked the same ports are kept as one run of hosts, so a whole
    network costs as much memory as one address.
    """

    def __init__(self, hosts: Sequence[PlannedHost], transport: Transport, seed: int) -> None:
        """Number the endpoints of the hosts, and permute the numbers by the seed."""
        grouped = groupby(host.ports(transport) for host in hosts)
        self._number(((sum(1 for _ in same), ports) for ports, same in grouped), seed)

    @classmethod
    def of_runs(cls, runs: Iterable[tuple[int, PortSet]], seed: int) -> Self:
        """Give the order over runs of hosts: how many in a row, and the ports asked of each.

        The same order as for the hosts one by one, without a look at each of millions.
        """
        order = cls.__new__(cls)
        order._number(runs, seed)  # noqa: SLF001 - a second constructor
        return order

    def _number(self, runs: Iterable[tuple[int, PortSet]], seed: int) -> None:
        kept = [(hosts, ports) for hosts, ports in runs if hosts]
        distinct: dict[PortSet, int] = {}
        self._which = np.array(
            [distinct.setdefault(ports, len(distinct)) for _, ports in kept], dtype=np.intp
        )
        self._ports = [ports.to_array() for ports in distinct]
        hosts = np.array([count for count, _ in kept], dtype=np.uint64)
        per_host = np.array([len(ports) for _, ports in kept], dtype=np.uint64)
        # Of each run: its first host, its first number, and the number after its last.
        self._ends = np.cumsum(hosts * per_host, dtype=np.uint64)
        self._begins = self._ends - hosts * per_host
        self._first_host = np.cumsum(hosts, dtype=np.uint64) - hosts
        self._permutation = Permutation(int(self._ends[-1]) if kept else 0, seed)

    def __len__(self) -> int:
        return len(self._permutation)

    def block(self, start: int, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Give host indices and ports of the probes `start` … `start + count - 1`."""
        numbers = self._permutation.block(start, count)
        runs = np.searchsorted(self._ends, numbers, side="right")
        hosts = np.zeros(len(numbers), dtype=np.uint32)
        ports = np.zeros(len(numbers), dtype=np.uint16)
        which = self._which[runs]
        for index in np.unique(which):
            rows = which == index
            held = self._ports[index]
            within = numbers[rows] - self._begins[runs[rows]]
            ports[rows] = held[(within % np.uint64(len(held))).astype(np.intp)]
            hosts[rows] = self._first_host[runs[rows]] + within // np.uint64(len(held))
        return hosts, ports


class Part:
    """Ranges of another order's numbers, in their sequence and numbered anew from 0.

    One range is the share of a worker; several are what is left of a sweep.
    """

    def __init__(self, order: Order, ranges: Sequence[range]) -> None:
        """Take the numbers of the ranges, each ascending by one and inside the order.

        Raises:
            ValueError: a range leaves the order, or has another step.
        """
        for each in ranges:
            if each.step != 1 or each.start < 0 or (len(each) and each.stop > len(order)):
                raise ValueError(f"{each} is no part of an order of {len(order)} numbers")
        self._order = order
        self._ranges = [each for each in ranges if len(each)]
        self._ends = np.cumsum([len(each) for each in self._ranges], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def block(self, start: int, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Give host indices and ports of `start` … `start + count - 1`; fewer at the end."""
        stop = min(start + count, len(self))
        pieces = []
        while start < stop:
            index = int(np.searchsorted(self._ends, start, side="right"))
            held = self._ranges[index]
            # Counted from the range's end, which is where `_ends` is known.
            first = held.stop - (int(self._ends[index]) - start)
            size = min(stop - start, held.stop - first)
            pieces.append(self._order.block(first, size))
            start += size
        if not pieces:
            return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.uint16)
        return (
            np.concatenate([hosts for hosts, _ in pieces]),
            np.concatenate([ports for _, ports in pieces]),
        )


def _mixed(numbers: Numbers) -> Numbers:
    """Mix 64 bits into 64 bits (the finaliser of SplitMix64: Steele, Lea, Flood, 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
