"""The probes under way, a row in columns for each; row number = slot (`model.rawwire`).

A row's life: added and *waiting*; sent once or several times; ended by an answer, by silence or by
a fault of ours. Only then may its slot be taken again.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.rawwire import BLOCK_BITS, BLOCK_ROWS, BLOCKS, SLOTS, Kind, Records, WireError
from portproof.rawhelper.cookies import Cookies

Slots = NDArray[np.int64]
Mask = NDArray[np.bool_]

V4, V6 = 4, 6
KEPT_SENDINGS: Final = 2
"""Sendings of a probe whose instants are kept: the latest ones."""
NO_RTT: Final = -1
NEVER_SENT: Final = 0
_US: Final = 1_000_000
_WRAP: Final = 1 << 32


class ProbeTable:
    """Columns over all slots; untouched ones take no memory (the kernel's zero pages)."""

    def __init__(self, cookies: Cookies, began_s: float) -> None:
        self._cookies = cookies
        self._began_s = began_s
        self._version = np.zeros(BLOCKS, dtype=np.uint8)
        self.host = np.zeros(SLOTS, dtype=np.uint32)
        self.port = np.zeros(SLOTS, dtype=np.uint16)
        self.path = np.zeros(SLOTS, dtype=np.uint16)
        self.hop = np.zeros(SLOTS, dtype=np.uint32)
        self.v4 = np.zeros(SLOTS, dtype=np.uint32)
        self.v6 = np.zeros((SLOTS, 2), dtype=np.uint64)
        self.cookie = np.zeros(SLOTS, dtype=np.uint32)
        self.attempts = np.zeros(SLOTS, dtype=np.uint8)
        """How often the row was sent, before it came here too."""
        self.until = np.zeros(SLOTS, dtype=np.uint8)
        """How often it is sent in all while it stays silent."""
        self.waiting = np.zeros(SLOTS, dtype=np.bool_)
        self.turn = np.zeros(SLOTS, dtype=np.uint32)
        """Number of the batch in which the row was sent last; NEVER_SENT before."""
        self._sent_us = np.zeros((KEPT_SENDINGS, SLOTS), dtype=np.uint32)

    def add(self, block: int, kind: Kind, records: Records) -> Slots:
        """Take a block's rows in; gives their slots.

        Raises:
            WireError: rows of that block have not ended yet.
        """
        start, count = block << BLOCK_BITS, len(records)
        if self.waiting[start : start + BLOCK_ROWS].any():
            raise WireError(f"block {block} is taken: some of its rows have not ended")
        rows = slice(start, start + count)
        self.host[rows] = records["host"]
        self.port[rows] = records["port"]
        self.path[rows] = records["path"]
        if kind is Kind.ASK_V6:
            self._version[block] = V6
            self.v6[rows, 0], self.v6[rows, 1] = records["high"], records["low"]
            cookie = self._cookies.of_v6(records["high"], records["low"], records["port"])
        else:
            self._version[block] = V4
            self.v4[rows] = records["address"]
            cookie = self._cookies.of_v4(records["address"], records["port"])
        slots = np.arange(start, start + count)
        self.cookie[rows] = cookie ^ slots.astype(np.uint32)
        self.attempts[rows], self.until[rows] = records["before"], records["until"]
        self.waiting[rows] = True
        # Deadlines of whatever had the slots before are still kept, by the number of its batch.
        self.turn[rows] = NEVER_SENT
        return slots

    def end(self, slots: Slots) -> None:
        """Let rows go whose outcome is told."""
        self.waiting[slots] = False

    def subnet_of(self, slots: Slots) -> NDArray[np.uint64]:
        """Give the IPv4 /24 or IPv6 /64 of each row, as a number."""
        six = self._version[slots >> BLOCK_BITS] == V6
        return np.where(six, self.v6[slots, 0], self.v4[slots].astype(np.uint64) >> np.uint64(8))

    # ------------------------------------------------------------ which probe an answer is for

    def find_v4(
        self, addresses: NDArray[np.uint32], ports: NDArray[np.uint16], sequence: NDArray[np.uint32]
    ) -> tuple[Slots, Mask]:
        """Give the slot of each endpoint and sequence number, and whether a probe waits there."""
        slots = (sequence ^ self._cookies.of_v4(addresses, ports)).astype(np.int64)
        fits = slots < SLOTS
        slots[~fits] = 0
        fits &= self.waiting[slots] & (self._version[slots >> BLOCK_BITS] == V4)
        fits &= (self.v4[slots] == addresses) & (self.port[slots] == ports)
        return slots, fits

    def find_v6(
        self, halves: NDArray[np.uint64], ports: NDArray[np.uint16], sequence: NDArray[np.uint32]
    ) -> tuple[Slots, Mask]:
        """Do the same for IPv6; `halves` is a row of two numbers for each address."""
        cookies = self._cookies.of_v6(halves[:, 0], halves[:, 1], ports)
        slots = (sequence ^ cookies).astype(np.int64)
        fits = slots < SLOTS
        slots[~fits] = 0
        fits &= self.waiting[slots] & (self._version[slots >> BLOCK_BITS] == V6)
        fits &= (self.v6[slots] == halves).all(axis=1) & (self.port[slots] == ports)
        return slots, fits

    # ------------------------------------------------------------ when

    def sent(self, slots: Slots, turn: int, left_s: NDArray[np.float64]) -> None:
        """Note when rows were sent, in which batch."""
        attempts = self.attempts[slots] + np.uint8(1)
        self.attempts[slots] = attempts
        self.turn[slots] = turn
        since_us = ((left_s - self._began_s) * _US).astype(np.int64)
        self._sent_us[attempts % KEPT_SENDINGS, slots] = since_us.astype(np.uint32)

    def sent_s(
        self, slots: Slots, back: NDArray[np.int64] | int, now_s: float
    ) -> NDArray[np.float64]:
        """Give when rows were sent: the last time (`back` 0), or the time before (1)."""
        kept = (self.attempts[slots] - back) % KEPT_SENDINGS
        now_us = int((now_s - self._began_s) * _US)
        # 32 bits of microseconds wrap after 71 minutes, far longer than a row waits.
        ago_us = (np.uint32(now_us % _WRAP) - self._sent_us[kept, slots]).astype(np.uint32)
        return np.asarray(now_s - ago_us / _US)
