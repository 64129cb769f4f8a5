"""Which probes leave next: retries first, then what had to wait for its host, then new ones.

The limits are kept here. The global rate is one limiter; per host there are a limiter and a count
of what is under way, looked at only when they can bind at all (a single host is covered by the
smaller of the two limits). A probe whose host is at its limit is set aside; when too many are, no
new ones are drawn, so what is kept in memory is bounded whatever the plan's size.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

import numpy as np

from portproof.model.scan import Rates
from portproof.plan.order import Order
from portproof.scan.care import Care
from portproof.scan.limiter import RateLimiter

Waiting: TypeAlias = tuple[int, int]
"""A probe (host index · 65536 + port), and how often it has been sent."""

_DRAWN_AT_ONCE: Final = 4096
_DRAWN_AT_LEAST: Final = 64
"""At a low rate few are drawn ahead: what a killed run had drawn, its continuation asks again."""
_MOST_SET_ASIDE: Final = 16_384
_MOST_LIMITERS: Final = 8_192
_HELD_UP_S: Final = 0.002
"""All that waits is at a limit of its host or network: how long until it is looked at again."""


class ProbeSource:
    """Hands out probes within the rates; takes back what has to be sent again."""

    def __init__(self, order: Order, hosts: int, rates: Rates, care: Care | None = None) -> None:
        self._order = order
        self._care = care
        self._held_up = False
        self._next = 0
        eighth_s = rates.global_pps // 8
        self._drawn_at_once = min(_DRAWN_AT_ONCE, max(_DRAWN_AT_LEAST, eighth_s))
        self._drawn: list[int] = []
        self._again: deque[Waiting] = deque()
        self._aside: deque[Waiting] = deque()
        alone = hosts <= 1
        pps = min(rates.global_pps, rates.per_host_pps) if alone else rates.global_pps
        self._limiter = RateLimiter(pps)
        self._per_host_pps = rates.per_host_pps
        self._per_host_connections = rates.per_host_connections
        self._limits_pace = rates.per_host_pps < rates.global_pps
        self._limiters: dict[int, RateLimiter] = {}
        self._most_limiters = _MOST_LIMITERS
        self._under_way: dict[int, int] = {}
        self.counts_hosts = not alone and (
            rates.per_host_pps < rates.global_pps
            or rates.per_host_connections < rates.max_connections
        )
        """Whether `finished` has to be told of each probe that ended."""

    def __bool__(self) -> bool:
        return bool(self._drawn or self._again or self._aside or self._next < len(self._order))

    def take(self, now: float, room: int) -> list[Waiting]:
        """Give up to `room` probes that may leave now."""
        granted = allowed = self._limiter.take(now, room)
        if self._care is not None:
            allowed = self._care.take(now, granted)
        if not self.counts_hosts and not (self._care is not None and self._care.chooses):
            taken = [self._again.popleft() for _ in range(min(allowed, len(self._again)))]
            taken += [(probe, 0) for probe in self._draw(allowed - len(taken))]
        else:
            taken = self._within_host_limits(now, allowed)
        self._limiter.give_back(granted - len(taken))
        if self._care is not None:
            self._care.give_back(allowed - len(taken))
        self._held_up = granted > 0 and not taken
        return taken

    def sent_by(self, now: float) -> None:
        """Hear when the last of what was handed out had left."""
        self._limiter.sent_by(now)

    def wait_s(self, now: float) -> float:
        """Give the seconds until a probe may leave, as far as that is known beforehand."""
        known_s = self._limiter.wait_s(now)
        if self._care is not None:
            known_s = max(known_s, self._care.wait_s(now))
        return max(known_s, _HELD_UP_S) if self._held_up else known_s

    def again(self, probe: int, sent: int) -> None:
        """Take a probe back that was under way and has to be sent again."""
        self._again.append((probe, sent))
        self.finished(probe >> 16)

    def put_back(self, waiting: list[Waiting]) -> None:
        """Take probes back that were handed out and could not be sent; they come first again."""
        self._again.extendleft(reversed(waiting))
        self._limiter.give_back(len(waiting))
        if self._care is not None:
            self._care.unsent([probe >> 16 for probe, _ in waiting])
        for probe, _ in waiting:
            self.finished(probe >> 16)

    def finished(self, host: int) -> None:
        """Hear that a probe of the host is no longer under way."""
        if self.counts_hosts:
            left = self._under_way[host] - 1
            if left:
                self._under_way[host] = left
            else:
                del self._under_way[host]

    def _within_host_limits(self, now: float, granted: int) -> list[Waiting]:
        taken: list[Waiting] = []
        for queue in (self._again, self._aside):
            for _ in range(min(len(queue), granted)):
                if len(taken) == granted:
                    return taken
                self._admit(now, queue.popleft(), taken)
        while len(taken) < granted and len(self._aside) < _MOST_SET_ASIDE:
            drawn = self._draw(granted - len(taken))
            if not drawn:
                break
            for probe in drawn:
                self._admit(now, (probe, 0), taken)
        return taken

    def _admit(self, now: float, waiting: Waiting, taken: list[Waiting]) -> None:
        """Take the probe, or set it aside when its host is at a limit."""
        host = waiting[0] >> 16
        under_way = self._under_way.get(host, 0)
        if under_way < self._per_host_connections and self._in_pace(host, now):
            if self.counts_hosts:
                self._under_way[host] = under_way + 1
            taken.append(waiting)
        else:
            self._aside.append(waiting)

    def _in_pace(self, host: int, now: float) -> bool:
        """Whether the host's own rate, and what else is cared for, let a probe leave."""
        if not self._at_own_rate(host, now):
            return False
        admitted = self._care is None or self._care.admit(now, host)
        if not admitted and self._limits_pace:
            self._limiters[host].give_back(1)
        return admitted

    def _at_own_rate(self, host: int, now: float) -> bool:
        if not self._limits_pace:
            return True
        limiter = self._limiters.get(host)
        if limiter is None:
            if len(self._limiters) >= self._most_limiters:
                self._forget_idle(now)
            limiter = self._limiters[host] = RateLimiter(self._per_host_pps)
        return limiter.take(now, 1) == 1

    def _forget_idle(self, now: float) -> None:
        """Drop the limiters that have earned their whole burst again: a new one is the same."""
        busy = {host: each for host, each in self._limiters.items() if not each.idle(now)}
        self._limiters = busy
        self._most_limiters = max(_MOST_LIMITERS, 2 * len(busy))

    def _draw(self, count: int) -> list[int]:
        """Give the next new probes, in order; fewer at the end."""
        if len(self._drawn) < count and self._next < len(self._order):
            hosts, ports = self._order.block(self._next, max(count, self._drawn_at_once))
            self._next += len(ports)
            probes = (hosts.astype(np.int64) << 16) | ports
            # Kept backwards, so that taking from the end gives them in order.
            self._drawn = probes[::-1].tolist() + self._drawn
        cut = max(0, len(self._drawn) - count)
        drawn = self._drawn[cut:][::-1]
        del self._drawn[cut:]
        return drawn
