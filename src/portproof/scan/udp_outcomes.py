"""The accounts of a UDP sweep: how each endpoint ended, and the columns that are handed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import NO_RTT, NONE, REASONS, STATES, TRANSPORTS, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.scan.asked import AskedTable
from portproof.scan.classify import Verdict
from portproof.scan.rows import CODES, Row, as_fault, batch_of

_ROWS: Final = 4_096
_MS: Final = 1_000


class Outcomes:
    """Takes endpoints out of the table as they are decided, and emits them in batches."""

    def __init__(
        self, table: AskedTable, emit: Callable[[OutcomeBatch], None], *, began: float
    ) -> None:
        self._table = table
        self._emit = emit
        self._began = began
        self._rows: list[Row] = []
        self._ended: set[int] = set()
        self.done = 0
        """Endpoints with an outcome so far."""

    def has(self, row: int) -> bool:
        """Whether the row was decided just now and still stands in the table."""
        return row in self._ended

    def end(self, row: int, verdict: Verdict, *, rtt_us: int | None, sent_ms: int) -> None:
        """Decide one endpoint; its row is free after the next `clear`."""
        self._ended.add(row)
        rtt = NO_RTT if rtt_us is None or isinstance(verdict, LocalFault) else rtt_us
        probe, attempts = int(self._table.probe[row]), int(self._table.attempts[row])
        sent = self._began + (sent_ms + 0.5) / _MS  # the middle: rounding must not cross a border
        self._rows.append((probe, CODES[verdict], rtt, attempts, sent))

    def clear(self) -> None:
        """Free the rows that were decided since the last time."""
        if self._ended:
            self._table.remove(np.fromiter(self._ended, dtype=np.int64, count=len(self._ended)))
            self._ended.clear()
        if len(self._rows) >= _ROWS:
            self.flush()

    def silent(self, rows: NDArray[np.int64]) -> None:
        """Decide endpoints that never answered: open|filtered."""
        table = self._table
        self._hand_on(_all_silent(table.probe[rows], table.attempts[rows], table.sent_ms[rows]))
        table.remove(rows)

    def not_probed(self, probes: NDArray[np.int64]) -> None:
        """Account for endpoints that nothing was sent to."""
        nothing = np.zeros(len(probes), dtype=np.uint8)
        batch = _all_silent(probes, nothing, nothing.astype(np.uint32))
        self._hand_on(as_fault(batch, LocalFault.NOT_PROBED))

    def flush(self) -> None:
        """Hand on what was decided so far."""
        if self._rows:
            batch = batch_of(self._rows, Transport.UDP, began=self._began)
            self._rows.clear()
            self._hand_on(batch)

    def _hand_on(self, batch: OutcomeBatch) -> None:
        if len(batch):
            self.done += len(batch)
            self._emit(batch)


def _all_silent(
    probes: NDArray[np.int64], attempts: NDArray[np.uint8], sent_ms: NDArray[np.uint32]
) -> OutcomeBatch:
    size = len(probes)
    return OutcomeBatch(
        host=(probes >> 16).astype(np.uint32),
        port=(probes & 0xFFFF).astype(np.uint16),
        transport=np.full(size, TRANSPORTS.index(Transport.UDP), dtype=np.uint8),
        state=np.full(size, STATES.index(PortState.OPEN_FILTERED), dtype=np.uint8),
        reason=np.full(size, REASONS.index(Reason.NO_RESPONSE), dtype=np.uint8),
        fault=np.full(size, NONE, dtype=np.uint8),
        rtt_us=np.full(size, NO_RTT, dtype=np.int32),
        attempts=attempts.copy(),
        sent_ms=sent_ms.copy(),
    )
