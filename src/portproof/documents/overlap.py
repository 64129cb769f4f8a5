"""Finds entries that approve the same thing twice, without comparing each with each.

Two entries overlap when they share a direction, a transport, a zone, a host and a port. Host
networks are nested or apart, never crossing. So when they are walked in order of their first
address, the larger first, the networks around the current one form a stack; one port-set
intersection with each of those (at most 33 or 129, usually none) tells whether an overlap is
there, and only then is it looked up which entry it is. The work grows with the entries, times
the nesting, and not with their square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, TypeAlias

from portproof.model.baseline import BaselineEntry
from portproof.model.endpoint import Network
from portproof.model.ports import PortSet

MOST_REPORTED: Final = 200
"""Overlapping pairs; a file with more has one mistake two hundred times."""

_Claim: TypeAlias = tuple[int, PortSet]
"""Position of the entry, and its ports."""
_Interval: TypeAlias = tuple[int, int, int, Network]
"""IP version, first address, minus the last address, and the network: sorts the larger first."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two entries by position, `first` earlier in the file, and one thing both approve."""

    first: int
    second: int
    host: str
    ports: PortSet
    zone: str


@dataclass(slots=True)
class _Claims:
    """All that is approved of one host set; `ports` is the union, asked first."""

    ports: PortSet = field(default_factory=PortSet.empty)
    claims: list[_Claim] = field(default_factory=list)

    def meeting(self, ports: PortSet) -> Iterator[tuple[int, PortSet]]:
        """Give the claims that share ports with these."""
        if self.ports & ports:
            for position, claimed in self.claims:
                if common := claimed & ports:
                    yield position, common

    def add(self, claim: _Claim) -> None:
        self.claims.append(claim)
        self.ports = self.ports | claim[1]


def overlaps(entries: Sequence[BaselineEntry]) -> list[Overlap]:
    """Give each overlapping pair once, in file order; at most `MOST_REPORTED` of them."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for position, entry in enumerate(entries):
        for zone in dict.fromkeys(entry.zones):
            groups[entry.direction, entry.transport, zone].append(position)
    found: dict[tuple[int, int], Overlap] = {}
    for (_, _, zone), positions in groups.items():
        for overlap in _in_group(entries, positions, zone):
            found.setdefault((overlap.second, overlap.first), overlap)
            if len(found) >= MOST_REPORTED:
                break
    return [found[pair] for pair in sorted(found)[:MOST_REPORTED]]


def _in_group(
    entries: Sequence[BaselineEntry], positions: list[int], zone: str
) -> Iterator[Overlap]:
    by_network: dict[Network, list[_Claim]] = defaultdict(list)
    by_name: dict[str, _Claims] = defaultdict(_Claims)
    for position in positions:
        entry = entries[position]
        for network in entry.networks:
            by_network[network].append((position, entry.ports))
        for name in (*entry.names, *(f"id:{each}" for each in entry.ids)):
            yield from _against(by_name[name], (position, entry.ports), name, zone)
            by_name[name].add((position, entry.ports))
    yield from _nested(by_network, zone)


def _nested(by_network: dict[Network, list[_Claim]], zone: str) -> Iterator[Overlap]:
    around: list[tuple[_Interval, _Claims]] = []
    for interval in sorted(map(_interval, by_network), key=itemgetter(0, 1, 2)):
        while around and not _inside(interval, around[-1][0]):
            around.pop()
        here = _Claims()
        around.append((interval, here))
        network = interval[3]
        for claim in by_network[network]:
            for _, outer in around:
                yield from _against(outer, claim, str(network), zone)
            here.add(claim)


def _against(claims: _Claims, claim: _Claim, host: str, zone: str) -> Iterator[Overlap]:
    position, ports = claim
    for other, common in claims.meeting(ports):
        if other != position:
            yield Overlap(min(other, position), max(other, position), host, common, zone)


def _interval(network: Network) -> _Interval:
    first, last = int(network.network_address), int(network.broadcast_address)
    return network.version, first, -last, network


def _inside(inner: _Interval, outer: _Interval) -> bool:
    return inner[0] == outer[0] and -inner[2] <= -outer[2]
