"""Notes which probes of an order were drawn, for the run that may have to go on from here.

An engine draws blocks of an order, in its own process or in several; `DrawnOrder` is that order,
and notes each block before it hands it out. The notes are one byte for each of at most 65 536 cells
of the order, in memory that forked workers share with the process they come from: the parent
learns of what they draw without a message, and two workers never write the same cell with different
values. A cell that was touched counts as a whole, which can only make the claim larger.
"""

from __future__ import annotations

import mmap
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from portproof.model.drawn import Drawn, Stretch, joined
from portproof.model.endpoint import Transport
from portproof.plan.order import Order
from portproof.plan.remaining import Remaining, endpoints_of

_MOST_CELLS: Final = 1 << 16
_AT_ONCE: Final = 1 << 16


class DrawnOrder:
    """An order that remembers what was drawn of it."""

    def __init__(self, whole: Order, transport: Transport, left: Remaining | None = None) -> None:
        """Wrap an order, or what is `left` of it when the run continues another."""
        self._whole = whole
        self._left = left
        # An order of which nothing is left counts as false, and is one all the same.
        self._order: Order = whole if left is None else left
        self._transport = transport
        self._cell = max(1, -(-len(self._order) // _MOST_CELLS))
        # Anonymous and shared: a fork inherits it as it is, and it goes with the last process.
        cells = -(-len(self._order) // self._cell)
        self._cells = np.frombuffer(mmap.mmap(-1, max(1, cells)), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._order)

    def block(self, start: int, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Give host indices and ports of `start` ... `start + count - 1`; fewer at the end."""
        stop = min(start + count, len(self._order))
        if start < stop:
            self._cells[start // self._cell : -(-stop // self._cell)] = 1
        return self._order.block(start, count)

    def drawn(self, *, ahead: int = 0) -> Drawn:
        """Give what was drawn so far, by this run and those before it.

        `ahead` more probes may be drawn, by whichever worker, before this is asked again.
        """
        own = [Stretch(each.begin, each.end + ahead) for each in self._own()]
        own = own or [Stretch(0, ahead)]
        if self._left is not None:
            stretches = self._left.drawn_with(own)
        else:
            stretches = joined(Stretch(each.begin, min(each.end, len(self))) for each in own)
        return Drawn(transport=self._transport, size=len(self._whole), stretches=stretches)

    def repeated(self, never_asked: BitMap64) -> int:
        """Count the endpoints drawn here that an earlier run had drawn, less those nobody asks."""
        if self._left is None:
            return 0
        count, again = 0, self._left.repeated
        for each in self._own():
            for begin in range(each.begin, min(each.end, again), _AT_ONCE):
                size = min(_AT_ONCE, min(each.end, again) - begin)
                asked = BitMap64(endpoints_of(self._left.block(begin, size))) - never_asked
                count += len(asked)
        return count

    def _own(self) -> tuple[Stretch, ...]:
        """Give what this run has drawn, in the numbers of what it was given."""
        touched = np.concatenate(([0], self._cells, [0])).astype(np.int8)
        edges = np.flatnonzero(np.diff(touched)).reshape(-1, 2) * self._cell
        return tuple(Stretch(begin, min(end, len(self))) for begin, end in edges.tolist())
