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

from collections.abc import Sequence
from hashlib import blake2b
from math import isqrt
from typing import Final

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


class ProbeOrder:
    """The endpoints of a plan over one transport, in the order in which they are probed."""

    def __init__(self, hosts: Sequence[PlannedHost], transport: Transport, seed: int) -> None:
        distinct: dict[PortSet, int] = {}
        which = [distinct.setdefault(host.ports(transport), len(distinct)) for host in hosts]
        self._ports = [ports.to_array() for ports in distinct]
        self._ports_of_host = np.array(which, dtype=np.int64)
        counts = [len(host.ports(transport)) for host in hosts]
        self._ends = np.cumsum(np.array(counts, dtype=np.uint64), dtype=np.uint64)
        self._permutation = Permutation(sum(counts), seed)

    def __len__(self) -> int:
        return len(self._permutation)

    def block(self, start: int, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Give host indices and ports of the probes `start` … `start + count - 1`."""
        numbers = self._permutation.block(start, count)
        hosts = np.searchsorted(self._ends, numbers, side="right")
        begins = np.concatenate((np.zeros(1, dtype=np.uint64), self._ends[:-1]))
        within = (numbers - begins[hosts]).astype(np.int64)
        ports = np.zeros(len(numbers), dtype=np.uint16)
        which = self._ports_of_host[hosts]
        for index in np.unique(which):
            rows = which == index
            ports[rows] = self._ports[index][within[rows]]
        return hosts.astype(np.uint32), ports


def _mixed(numbers: Numbers) -> Numbers:
    """Mix 64 bits into 64 bits (the finaliser of SplitMix64: Steele, Lea, Flood, 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
