"""Address arithmetic: how many addresses are asked which ports, without listing one of them.

Targets and exclusions are stretches of neighbouring addresses. They are cut where any of them
begins or ends (a sweep line), so that within each piece every address has the same targets and the
same exclusions. A /8 is one piece; time and memory grow with the number of targets alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from portproof.model.portspec import PortSpec
from portproof.plan.authorise import Span

_Event: TypeAlias = tuple[int, int, int, int]
"""IP version, address as a number, +1 begins there or -1 ended just before it, and a label: the
number of its ports, or the complement of an exclusion's index."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring addresses that share targets and exclusions; `first` and `last` as numbers."""

    version: int
    first: int
    last: int
    ports: PortSpec
    """The union of what their targets ask."""
    exclusions: frozenset[int]
    """Indices of the exclusions that hold them; empty: they are asked."""

    @property
    def addresses(self) -> int:
        """Count its addresses."""
        return self.last - self.first + 1


def pieces(asked: Iterable[tuple[Span, PortSpec]], excluded: Iterable[Span]) -> Iterator[Piece]:
    """Cut what is asked into pieces, in ascending order, IPv4 before IPv6."""
    # Lists name the same ports over and over: one number stands for equal ones.
    numbers: dict[PortSpec, int] = {}
    events: list[_Event] = []
    for span, ports in asked:
        events += _ends(span, numbers.setdefault(ports, len(numbers)))
    for index, span in enumerate(excluded):
        events += _ends(span, ~index)
    events.sort()
    return _cut(events, tuple(numbers))


def _ends(span: Span, label: int) -> tuple[_Event, _Event]:
    first, last = span
    return (first.version, int(first), 1, label), (first.version, int(last) + 1, -1, label)


def _cut(events: list[_Event], specs: tuple[PortSpec, ...]) -> Iterator[Piece]:
    active: Counter[int] = Counter()
    unions: dict[frozenset[int], PortSpec] = {}
    begin = 0
    for version, at, step, label in events:
        asked = frozenset(each for each in active if each >= 0)
        if asked and at > begin:
            if asked not in unions:
                unions[asked] = _union(specs[each] for each in asked)
            exclusions = frozenset(~each for each in active if each < 0)
            yield Piece(version, begin, at - 1, unions[asked], exclusions)
        begin = at
        active[label] += step
        if not active[label]:
            del active[label]


def _union(specs: Iterable[PortSpec]) -> PortSpec:
    first, *others = specs
    for each in others:
        first = PortSpec(first.tcp | each.tcp, first.udp | each.udp)
    return first
