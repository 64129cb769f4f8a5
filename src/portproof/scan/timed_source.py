"""The connect engine's probes, but for hosts whose time (`host_time`) is over: those are given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from portproof.model.observation import LocalFault
from portproof.model.scan import Rates
from portproof.plan.order import Order
from portproof.scan.care import Care
from portproof.scan.conditions import Conditions
from portproof.scan.host_time import HostTime
from portproof.scan.rows import CODES
from portproof.scan.source import ProbeSource, Waiting

End: TypeAlias = Callable[[int, int, int, float], None]
"""Ends a probe: its number, its outcome's code, how often it was sent, and when last."""

_MOST_ROUNDS: Final = 64
"""Draws at once of nothing but given-up probes: between them, the sweep looks after its answers."""


def source_of(
    order: Order, hosts: int, conditions: Conditions, care: Care | None, end: End
) -> ProbeSource:
    """Give the source of a sweep: one that keeps time where a time-out per host is asked for."""
    timeout_ms = conditions.timing.host_timeout_ms
    if timeout_ms is None:
        return ProbeSource(order, hosts, conditions.rates, care)
    return TimedSource(order, hosts, conditions.rates, care, HostTime(timeout_ms), end)


class TimedSource(ProbeSource):
    """A source that hands out probes of hosts whose time is not over yet."""

    def __init__(
        self,
        order: Order,
        hosts: int,
        rates: Rates,
        care: Care | None,
        host_time: HostTime,
        end: End,
    ) -> None:
        super().__init__(order, hosts, rates, care)
        self._end = end
        self._host_time = host_time

    def take(self, now: float, room: int) -> list[Waiting]:
        """Give up to `room` probes that may leave now; what is given up costs none of the rate."""
        for _ in range(_MOST_ROUNDS):
            taken = super().take(now, room)
            kept = [each for each in taken if self._in_time(each[0] >> 16, now)]
            if len(kept) < len(taken):
                self._limiter.give_back(len(taken) - len(kept))
                for probe, attempts in taken:
                    if not self._in_time(probe >> 16, now):
                        self._end(probe, CODES[LocalFault.HOST_TIMEOUT], attempts, now)
            if kept or not taken:
                return kept
        return []

    def _in_time(self, host: int, now: float) -> bool:
        return not self._host_time.over(host, now)
