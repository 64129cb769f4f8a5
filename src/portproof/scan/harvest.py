"""The outcomes of a TCP sweep on their way out, and the look around that goes with it.

Rows gather in one list, which the engine appends to itself; a few times a second they leave as one
batch. An engine asks `now >= next_look` between rounds and calls nothing for a single probe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portproof.model.batch import OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.scan.conditions import Conditions
from portproof.scan.rows import Row, batch_of

_LOOK_S: Final = 0.1
_FLUSH_S: Final = 0.25


class Harvest:
    """Rows that are done, counted and handed over."""

    __slots__ = ("_conditions", "_emit", "_next_flush", "done", "next_look", "rows")

    def __init__(self, conditions: Conditions, emit: Callable[[OutcomeBatch], None]) -> None:
        """`emit` takes each batch."""
        self._conditions = conditions
        self._emit = emit
        self.rows: list[Row] = []
        """The same list all along."""
        self.done = 0
        """Endpoints with an outcome that was handed over."""
        self.next_look = self._next_flush = conditions.began

    def look(self, now: float) -> bool:
        """Let the run's controls take their turn, and hand over what is due; says whether it was."""
        self._conditions.tick()
        self.next_look = now + _LOOK_S
        if now < self._next_flush:
            return False
        self.flush()
        self._next_flush = now + _FLUSH_S
        return True

    def flush(self) -> None:
        """Hand over the rows there are."""
        if self.rows:
            batch = batch_of(self.rows, Transport.TCP, began=self._conditions.began)
            self.rows.clear()
            self.done += len(batch)
            self._emit(batch)
