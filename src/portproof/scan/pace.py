"""The rate per host, kept strictly: which datagrams may go now, and when the others may."""

from __future__ import annotations

from typing import Final

from portproof.model.scan import Rates
from portproof.scan.limiter import RateLimiter

_LEAST_S: Final = 1e-4
_KEPT_S: Final = 1.0
"""A limiter that granted nothing for so long is as good as a new one."""


class HostPace:
    """One limiter for each host that was sent something just now."""

    def __init__(self, rates: Rates, hosts: int) -> None:
        # One host alone is covered by the smaller of the two limits: `overall_pps`.
        self._binds = hosts > 1 and rates.per_host_pps < rates.global_pps
        self._pps = rates.per_host_pps
        self._limiters: dict[int, tuple[RateLimiter, float]] = {}
        self._next_look = 0.0

    def wait_s(self, host: int, now: float) -> float:
        """Take a slot of the host, and give 0.0; or give the seconds until there is one."""
        if not self._binds:
            return 0.0
        limiter, _ = self._limiters.get(host) or (RateLimiter(self._pps), now)
        self._limiters[host] = (limiter, now)
        if limiter.take(now, 1):
            return 0.0
        return max(limiter.wait_s(now), _LEAST_S)

    def forget_idle(self, now: float) -> None:
        """Drop the limiters that nobody has asked for in a while; they would grant all again."""
        if now >= self._next_look:
            self._next_look = now + _KEPT_S
            self._limiters = {
                host: kept for host, kept in self._limiters.items() if now - kept[1] < _KEPT_S
            }


def overall_pps(rates: Rates, hosts: int) -> int:
    """Give the rate of all datagrams together."""
    return min(rates.global_pps, rates.per_host_pps) if hosts <= 1 else rates.global_pps
