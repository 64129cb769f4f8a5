"""What came of the probes, on its way to the parent: rows are told once, and then let go."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.rawwire import ENDED, ENDED_ICMP, End, Kind, Records, tell
from portproof.rawhelper.answers import Answers
from portproof.rawhelper.channel import Channel
from portproof.rawhelper.table import KEPT_SENDINGS, NO_RTT, ProbeTable, Slots

_ENOUGH_ROWS: Final = 8192
_FLUSH_S: Final = 0.02
_US: Final = 1_000_000
_LONGEST_RTT_US: Final = 2**31 - 1


class Ledger:
    """Collects outcomes and sends them in frames of some thousand, or fifty times a second."""

    def __init__(self, table: ProbeTable, channel: Channel) -> None:
        self._table = table
        self._channel = channel
        self._rows: list[tuple[Kind, Records]] = []
        self._held = 0
        self._next_flush_s = 0.0

    def answered(
        self, kind: Kind, slots: Slots, answers: Answers, back: NDArray[np.int64], now_s: float
    ) -> NDArray[np.int64]:
        """End probes with the answers they got (rows of both match); gives the RTTs in µs.

        `back` says which sending is answered: 0 the last, 1 the one before. `now_s` is monotonic.
        """
        rows = np.zeros(len(slots), dtype=ENDED if kind is Kind.ENDED else ENDED_ICMP)
        sent_s = self._table.sent_s(slots, np.minimum(back, KEPT_SENDINGS - 1), now_s)
        rtt_us = ((answers.received_s - sent_s) * _US).astype(np.int64)
        # The kernel may answer for itself while the batch is still being sent.
        rtt_us = np.clip(rtt_us, 0, _LONGEST_RTT_US)
        rtt_us[back >= KEPT_SENDINGS] = NO_RTT
        rows["end"], rows["rtt_us"], rows["sent_s"] = answers.end, rtt_us, sent_s
        if kind is Kind.ENDED_ICMP:
            rows["type"], rows["code"] = answers.icmp_type, answers.icmp_code
            rows["offender"], rows["version"] = answers.offender, answers.version
        self._tell(kind, slots, rows)
        return rtt_us

    def unanswered(self, slots: Slots, end: End, now_s: float, error: int = 0) -> None:
        """End probes without an answer: silence, or a fault of ours (`error` is its errno)."""
        rows = np.zeros(len(slots), dtype=ENDED)
        rows["end"], rows["rtt_us"], rows["code"] = end, NO_RTT, error
        sent = self._table.attempts[slots] > 0
        rows["sent_s"] = np.where(sent, self._table.sent_s(slots, 0, now_s), now_s)
        self._tell(Kind.ENDED, slots, rows)

    def flush(self, now_s: float, *, at_once: bool = False) -> None:
        """Send what is due."""
        if not self._rows or not (
            at_once or self._held >= _ENOUGH_ROWS or now_s >= self._next_flush_s
        ):
            return
        for kind in (Kind.ENDED, Kind.ENDED_ICMP):
            parts = [rows for of, rows in self._rows if of is kind]
            if parts:
                self._channel.send(tell(kind, parts))
        self._rows.clear()
        self._held = 0
        self._next_flush_s = now_s + _FLUSH_S

    @property
    def holding(self) -> bool:
        """Whether outcomes wait to be sent."""
        return bool(self._rows)

    def _tell(self, kind: Kind, slots: Slots, rows: Records) -> None:
        rows["slot"] = slots
        rows["attempts"] = self._table.attempts[slots]
        self._table.end(slots)
        self._rows.append((kind, rows))
        self._held += len(rows)
