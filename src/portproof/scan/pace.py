"""When the next datagram may go: limits per second in all and per host, and for repetitions."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from portproof.model.endpoint import Address
from portproof.model.scan import Rates

RETRY_SPACING_S: Final = 1.0
"""Between two repetitions to one host: the pace at which Linux answers closed ports."""
_SHORTEST_SLEEP_S: Final = 0.001
"""Below it the event loop's own granularity: not worth a sleep, the next slot makes up for it."""


class Pace:
    """The slots of one run; each `wait` takes the next one and returns when it has come."""

    def __init__(self, rates: Rates) -> None:
        self._interval_s = 1 / max(1, rates.global_pps)
        self._host_interval_s = 1 / max(1, rates.per_host_pps)
        self._next = 0.0
        self._next_of_host: dict[Address, float] = {}
        self._next_repetition: dict[Address, float] = {}

    async def wait_to_repeat(self, host: Address) -> None:
        """Wait for this host's next slot for a repetition, and take it."""
        slot = max(time.monotonic(), self._next_repetition.get(host, 0.0))
        self._next_repetition[host] = slot + RETRY_SPACING_S
        await self._sleep_until(slot)

    async def wait(self, host: Address) -> None:
        """Wait for this host's next slot, then for the next one of all, and take both."""
        slot = max(time.monotonic(), self._next_of_host.get(host, 0.0))
        self._next_of_host[host] = slot + self._host_interval_s
        await self._sleep_until(slot)
        slot = max(time.monotonic(), self._next)
        self._next = slot + self._interval_s
        await self._sleep_until(slot)

    async def _sleep_until(self, slot: float) -> None:
        delay = slot - time.monotonic()
        if delay > _SHORTEST_SLEEP_S:
            await asyncio.sleep(delay)
