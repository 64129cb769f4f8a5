"""Which probes leave next: those to be sent again first, then those set aside, then new ones.

Set aside is what a limit or a next hop holds up: its host or network is at its rate, or no link
address is known yet. Given up is what cannot leave any more: no link address is to be had, or the
time of its host is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from portproof.model.rawwire import End
from portproof.rawhelper.frames import ROWS
from portproof.rawhelper.host_time import HostTime
from portproof.rawhelper.neighbours import KNOWN, SILENT, WAITING, Neighbours
from portproof.rawhelper.pace import KeyedPace
from portproof.rawhelper.table import ProbeTable, Slots

Pacer: TypeAlias = tuple[KeyedPace, Callable[[Slots], NDArray[np.integer]]]
"""A limit, and what gives the key (host, network) of each slot."""

_NONE: Final = np.zeros(0, dtype=np.int64)
_LOOK_S: Final = 0.002
"""How long probes stay set aside before they are looked at again."""


class Backlog:
    """Rows of the table that have to be sent, in queues of slots."""

    def __init__(
        self,
        table: ProbeTable,
        neighbours: Neighbours,
        host_time: HostTime,
        pacers: Sequence[Pacer] = (),
    ) -> None:
        self._table = table
        self._neighbours = neighbours
        self._host_time = host_time
        self._pacers = pacers
        self._again: deque[Slots] = deque()
        self._fresh: deque[Slots] = deque()
        self._aside: deque[Slots] = deque()
        self._aside_until = 0.0
        self._given_up: list[tuple[End, Slots]] = []

    def __bool__(self) -> bool:
        return bool(self._again or self._fresh or self._aside)

    def add(self, slots: Slots) -> None:
        """Take new probes."""
        self._fresh.append(slots)

    def again(self, slots: Slots) -> None:
        """Take probes that stayed silent."""
        self._again.append(slots)

    def take(self, now: float, most: int) -> Slots:
        """Give up to `most` probes that leave now, paid for at each limit but the global one."""
        if self._aside and now >= self._aside_until:
            taken = self._admitted(now, _part_of(self._aside, most))
            if len(taken):
                return taken
            self._aside_until = now + _LOOK_S
        while queue := self._again or self._fresh:
            taken = self._admitted(now, _part_of(queue, most))
            if len(taken):
                return taken
        return _NONE

    def wait_s(self, now: float) -> float:
        """Give the seconds until `take` may give something; infinity when it holds nothing."""
        if self._again or self._fresh:
            return 0.0
        return max(0.0, self._aside_until - now) if self._aside else inf

    def given_up(self) -> list[tuple[End, Slots]]:
        """Give, once, the probes that cannot leave any more, and why."""
        given_up, self._given_up = self._given_up, []
        return given_up

    def _admitted(self, now: float, slots: Slots) -> Slots:
        """Give those that leave now; the others are set aside, or given up."""
        slots = slots[self._table.waiting[slots]]  # an answer to an earlier sending may have come
        state = self._neighbours.state[self._table.hop[slots]]
        if (state != KNOWN).any():
            self._give_up(End.NO_NEIGHBOUR, slots[state == SILENT])
            self._set_aside(slots[state == WAITING])
            slots = slots[state == KNOWN]
        late = self._host_time.over(now, self._table.host[slots])
        if late.any():
            self._give_up(End.LATE, slots[late])
            slots = slots[~late]
        for pace, key_of in self._pacers:
            admitted = pace.admit(now, key_of(slots))
            self._set_aside(slots[~admitted])
            slots = slots[admitted]
        for pace, key_of in self._pacers:
            pace.spend(now, key_of(slots))
        return slots

    def _give_up(self, end: End, slots: Slots) -> None:
        if len(slots):
            self._given_up.append((end, slots))

    def _set_aside(self, slots: Slots) -> None:
        if not len(slots):
            return
        # Many small pieces would make each look a short one.
        if self._aside and len(self._aside[-1]) + len(slots) <= ROWS:
            slots = np.concatenate((self._aside.pop(), slots))
        self._aside.append(slots)


def _part_of(queue: deque[Slots], most: int) -> Slots:
    """Take at most so many from the head of a queue."""
    head = queue.popleft()
    if len(head) > most:
        queue.appendleft(head[most:])
    return head[:most]
