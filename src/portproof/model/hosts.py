"""The hosts of a plan, kept as stretches of neighbouring addresses: a /8 costs as much as one.

`HostList` is a sequence of `PlannedHost` like any other; each is made when it is looked at. Whoever
can work by arithmetic reads `stretches` instead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import overload

from portproof.model.endpoint import Address
from portproof.model.scan import PlannedHost


@dataclass(frozen=True, slots=True)
class HostStretch:
    """Neighbouring addresses of which the same is asked: `first` as a host, and how many."""

    first: PlannedHost
    count: int

    def __post_init__(self) -> None:
        """Hold the stretch inside its address family.

        Raises:
            ValueError: it is empty, or goes beyond the last address there is.
        """
        address = self.first.address
        if not 1 <= self.count <= (1 << address.max_prefixlen) - int(address):
            raise ValueError(f"no {self.count} addresses begin at {address}")

    def __getitem__(self, offset: int) -> PlannedHost:
        first = self.first
        if not 0 <= offset < self.count:
            raise IndexError(offset)
        return PlannedHost(
            address=first.address + offset,
            target=first.target,
            name=first.name,
            also_named=first.also_named,
            tcp=first.tcp,
            udp=first.udp,
        )

    def __iter__(self) -> Iterator[PlannedHost]:
        return (self[offset] for offset in range(self.count))

    def offset_of(self, address: Address) -> int | None:
        """Give the address's place in the stretch; None when it lies outside."""
        first = self.first.address
        if address.version != first.version:
            return None
        offset = int(address) - int(first)
        return offset if 0 <= offset < self.count else None


class HostList(Sequence[PlannedHost]):
    """Hosts by their stretches; equal to any sequence of the same hosts in the same order."""

    __slots__ = ("_ends", "stretches")

    def __init__(self, stretches: Iterable[HostStretch]) -> None:
        """Keep the stretches, in their order; no address may be in two of them."""
        self.stretches = tuple(stretches)
        self._ends = list(accumulate(each.count for each in self.stretches))

    @classmethod
    def of(cls, hosts: Iterable[PlannedHost]) -> HostList:
        """Take hosts one by one; neighbours of which the same is asked become one stretch."""
        stretches: list[HostStretch] = []
        for host in hosts:
            last = stretches[-1] if stretches else None
            if last is not None and _continues(last, host):
                stretches[-1] = HostStretch(last.first, last.count + 1)
            else:
                stretches.append(HostStretch(host, 1))
        return cls(stretches)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> PlannedHost: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PlannedHost]: ...
    def __getitem__(self, index: int | slice) -> PlannedHost | Sequence[PlannedHost]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, place)
        stretch = self.stretches[number]
        return stretch[place - (self._ends[number] - stretch.count)]

    def __iter__(self) -> Iterator[PlannedHost]:
        return (host for stretch in self.stretches for host in stretch)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, HostList):
            if self.stretches == other.stretches:
                return True
        elif not isinstance(other, tuple):
            return NotImplemented
        return len(self) == len(other) and all(
            one == another for one, another in zip(self, other, strict=True)
        )

    def __hash__(self) -> int:
        # Of what does not depend on where the stretches are cut.
        return hash((len(self), self[0], self[-1]) if self else ())

    def __repr__(self) -> str:
        return f"HostList({len(self)} hosts in {len(self.stretches)} stretches)"


def _continues(stretch: HostStretch, host: PlannedHost) -> bool:
    first = stretch.first
    if host.address.version != first.address.version:
        return False
    follows = int(host.address) == int(first.address) + stretch.count
    return follows and _rest(host) == _rest(first)


def _rest(host: PlannedHost) -> tuple[object, ...]:
    return (host.target, host.name, host.also_named, host.tcp, host.udp)
