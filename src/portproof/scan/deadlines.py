"""Deadlines of many things that wait: put and dropped in constant time, looked at by the tick.

The connect engine gives equal patience to equal probes, so that a first-in-first-out queue for
each patience is enough. A conversation's deadline moves with every turn, and shortens once the
peer has begun to speak. So time is cut into ticks here, and each tick has its own queue; nothing
is left in it of what has ended meanwhile.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

TICK_S: Final = 0.01
"""A deadline is noticed at most so late, and never early."""

Waiting = TypeVar("Waiting", bound=Hashable)


class Deadlines(Generic[Waiting]):
    """One deadline for each thing that waits; the clock is the caller's, in monotonic seconds."""

    def __init__(self, now: float) -> None:
        """Begin at `now`: what is put for an earlier moment is due at the next tick."""
        self._next = int(now / TICK_S)
        self._tick_of: dict[Waiting, int] = {}
        self._due_at: dict[int, dict[Waiting, None]] = {}

    def put(self, waiting: Waiting, at: float) -> None:
        """Set the deadline, in place of an earlier one."""
        tick = int(at / TICK_S) + 1
        if tick <= self._next:
            tick = self._next + 1
        before = self._tick_of.get(waiting)
        if before == tick:
            return
        if before is not None:
            self._take_out(waiting, before)
        self._tick_of[waiting] = tick
        queue = self._due_at.get(tick)
        if queue is None:
            self._due_at[tick] = {waiting: None}
        else:
            queue[waiting] = None

    def drop(self, waiting: Waiting) -> None:
        """Forget the deadline, if there is one."""
        tick = self._tick_of.pop(waiting, None)
        if tick is not None:
            self._take_out(waiting, tick)

    def due(self, now: float) -> list[Waiting]:
        """Give what has reached its deadline, the earliest first, and forget it."""
        until = int(now / TICK_S)
        ready: list[Waiting] = []
        while self._next < until:
            self._next += 1
            ready.extend(self._due_at.pop(self._next, ()))
        for waiting in ready:
            del self._tick_of[waiting]
        return ready

    def _take_out(self, waiting: Waiting, tick: int) -> None:
        queue = self._due_at[tick]
        del queue[waiting]
        if not queue:
            del self._due_at[tick]
