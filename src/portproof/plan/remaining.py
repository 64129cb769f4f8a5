"""What is left of an order of probes: all of it less what a continued run has measured already.

::

    numbers of the order   0 ─────────────────────────────────────────────── size
    drawn by earlier runs    ████████████████          ██████
    of these, measured       ███ ████ ███████          ████ █
    left                        ▲    ▲       ░░░░░░░░░░    ▲ ░░░░░░░░░░░░░░░░░░░
                                repeated: first                then the untouched

Only what was drawn is looked through once, at the start; all else has not been touched, and is kept
as two numbers a stretch. Of the drawn, one bit is kept for each number that has to be asked again.
So what is kept grows neither with the plan nor with what was measured.

Repeated probes come first: they were drawn longest ago, and when this run is interrupted too, what
both runs have drawn is one stretch again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from portproof.model.drawn import Stretch, joined
from portproof.plan.order import Order, Part

Block: TypeAlias = tuple[NDArray[np.uint32], NDArray[np.uint16]]
"""Host indices and ports."""

_AT_ONCE: Final = 1 << 18
_NEAR: Final = 512
"""Numbers closer than this are computed in one go, with what lies between them."""
_PORT_BITS: Final = np.uint64(16)


class Remaining:
    """The part of an order that has no outcome yet, as an order of its own."""

    def __init__(self, order: Order, drawn: Sequence[Stretch], done: BitMap64) -> None:
        """Find what is left.

        `done` holds the endpoints with an outcome (host index · 65536 + port). Some of them beyond
        what was drawn show that the stretches belong to another order: then all of it is looked
        through, and counts as drawn.
        """
        self._order = order
        self._drawn = joined(Stretch(each.begin, min(each.end, len(order))) for each in drawn)
        self._again, met = self._look_through(self._drawn, done)
        if met != len(done):
            self._drawn = joined([Stretch(0, len(order))])
            self._again, _ = self._look_through(self._drawn, done)
        self._beyond = tuple(_between(self._drawn, len(order)))
        self._untouched = Part(order, [range(each.begin, each.end) for each in self._beyond])

    def __len__(self) -> int:
        return len(self._again) + len(self._untouched)

    @property
    def repeated(self) -> int:
        """Count the endpoints that earlier runs may have asked; they are numbered first."""
        return len(self._again)

    def block(self, start: int, count: int) -> Block:
        """Give host indices and ports of `start` ... `start + count - 1`; fewer at the end."""
        again, stop = len(self._again), min(start + count, len(self))
        parts = list(self._blocks_again(start, min(stop, again)))
        if stop > again or not parts:
            first = max(start, again)
            parts.append(self._untouched.block(first - again, max(stop - first, 0)))
        hosts, ports = zip(*parts, strict=True)
        return np.concatenate(hosts), np.concatenate(ports)

    def drawn_with(self, own: Sequence[Stretch]) -> tuple[Stretch, ...]:
        """Give what was drawn in all, in numbers of the whole order; `own` are numbers of this one."""
        found, first = list(self._drawn), len(self._again)
        for beyond in self._beyond:
            size = beyond.end - beyond.begin
            for each in own:
                low, high = max(each.begin - first, 0), min(each.end - first, size)
                found.append(Stretch(beyond.begin + low, beyond.begin + high))
            first += size
        return joined(found)

    def _look_through(self, drawn: Sequence[Stretch], done: BitMap64) -> tuple[BitMap64, int]:
        """Give the drawn numbers that are not done, and how many of the done were met."""
        again, met = BitMap64(), 0
        for stretch in drawn:
            for begin in range(stretch.begin, stretch.end, _AT_ONCE):
                size = min(_AT_ONCE, stretch.end - begin)
                endpoints = endpoints_of(self._order.block(begin, size))
                # In order, because a bitmap of scattered numbers takes three times as long to make.
                ascending = np.argsort(endpoints)
                left = np.asarray((BitMap64(endpoints[ascending]) - done).to_array())
                met += size - len(left)
                rows = ascending[np.searchsorted(endpoints, left, sorter=ascending)]
                again.update(rows.astype(np.uint64) + np.uint64(begin))
        return again, met

    def _blocks_again(self, start: int, stop: int) -> Iterator[Block]:
        if start >= stop:
            return
        numbers = np.asarray(self._again[start:stop].to_array(), dtype=np.int64)
        for near in np.split(numbers, np.flatnonzero(np.diff(numbers) > _NEAR) + 1):
            hosts, ports = self._order.block(int(near[0]), int(near[-1] - near[0]) + 1)
            yield hosts[near - near[0]], ports[near - near[0]]


def endpoints_of(block: Block) -> NDArray[np.uint64]:
    """Give the endpoints of a block as numbers: host index · 65536 + port."""
    hosts, ports = block
    return (hosts.astype(np.uint64) << _PORT_BITS) | ports


def _between(drawn: Sequence[Stretch], size: int) -> Iterator[Stretch]:
    """Give what the stretches leave out."""
    begin = 0
    for each in (*drawn, Stretch(size, size)):
        if begin < each.begin:
            yield Stretch(begin, each.begin)
        begin = each.end
