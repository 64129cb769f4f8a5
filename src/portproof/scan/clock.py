"""The vantage's clock, and what the kernel says of its synchronisation."""

from __future__ import annotations

import ctypes
from datetime import UTC, datetime

from portproof.model.scan import ClockFacts

_STA_UNSYNC = 0x0040  # <linux/timex.h>
_STATUS_WORD = 5
_ESTIMATED_ERROR_WORD = 4
_TIMEX_WORDS = 32  # struct timex is 208 bytes on LP64: 26 longs; room to spare


class SystemClock:
    """This machine's wall clock."""

    def now(self) -> datetime:
        """Give the wall clock in UTC."""
        return datetime.now(UTC)

    def facts(self) -> ClockFacts:
        """Ask the kernel whether a time daemon keeps its clock (adjtimex(2), read only).

        `synchronised` is None where the kernel cannot be asked.
        """
        words = (ctypes.c_long * _TIMEX_WORDS)()
        try:
            state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(words))
        except (OSError, AttributeError):
            return ClockFacts(
                source="unknown", synchronised=None, detail="adjtimex is not available"
            )
        if state < 0:
            return ClockFacts(source="unknown", synchronised=None, detail="adjtimex was refused")
        synchronised = not words[_STATUS_WORD] & _STA_UNSYNC
        detail = (
            f"estimated error {words[_ESTIMATED_ERROR_WORD]} µs"
            if synchronised
            else "the kernel reports no time synchronisation"
        )
        return ClockFacts(source="kernel (adjtimex)", synchronised=synchronised, detail=detail)
