"""Which probes leave next: retries first, then what had to wait for its host, then new ones.

The limits are kept here. The global rate is one limiter; per host there are a limiter and a count
of what is under way, looked at only when they can bind at all (a single host is covered by the
smaller of the two limits). A probe whose host is at its limit is set aside; when too many are, no
new ones are drawn, so what is kept in memory is bounded whatever the plan's size.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from portproof.model.scan import Rates
from portproof.scan.limiter import RateLimiter

Waiting: TypeAlias = tuple[int, int]
"""A probe (host index · 65536 + port), and how often it has been sent."""

_DRAWN_AT_ONCE: Final = 4096
_MOST_SET_ASIDE: Final = 16_384


class Order(Protocol):
    """The endpoints to probe, numbered (`plan.order.ProbeOrder`)."""

    def __len__(self) -> int:
        """Count the endpoints."""
        ...

    def block(self, start: int, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Give host indices and ports of a range of numbers."""
        ...


class ProbeSource:
    """Hands out probes within the rates; takes back what has to be sent again."""

    def __init__(self, order: Order, hosts: int, rates: Rates) -> None:
        self._order = order
        self._next = 0
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
        self._under_way = [0] * hosts
        self.counts_hosts = not alone and (
            rates.per_host_pps < rates.global_pps
            or rates.per_host_connections < rates.max_connections
        )
        """Whether `finished` has to be told of each probe that ended."""

    def __bool__(self) -> bool:
        return bool(self._drawn or self._again or self._aside or self._next < len(self._order))

    def take(self, now: float, room: int) -> list[Waiting]:
        """Give up to `room` probes that may leave now."""
        granted = self._limiter.take(now, room)
        if not self.counts_hosts:
            taken = [self._again.popleft() for _ in range(min(granted, len(self._again)))]
            taken += [(probe, 0) for probe in self._draw(granted - len(taken))]
        else:
            taken = self._within_host_limits(now, granted)
        self._limiter.give_back(granted - len(taken))
        return taken

    def wait_s(self, now: float) -> float:
        """Give the seconds until the global rate lets a probe leave."""
        return self._limiter.wait_s(now)

    def again(self, probe: int, sent: int) -> None:
        """Take a probe back that was under way and has to be sent again."""
        self._again.append((probe, sent))
        self.finished(probe >> 16)

    def put_back(self, waiting: list[Waiting]) -> None:
        """Take probes back that were handed out and could not be sent; they come first again."""
        self._again.extendleft(reversed(waiting))
        self._limiter.give_back(len(waiting))
        for probe, _ in waiting:
            self.finished(probe >> 16)

    def finished(self, host: int) -> None:
        """Hear that a probe of the host is no longer under way."""
        if self.counts_hosts:
            self._under_way[host] -= 1

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
        if self._under_way[host] < self._per_host_connections and self._in_pace(host, now):
            self._under_way[host] += 1
            taken.append(waiting)
        else:
            self._aside.append(waiting)

    def _in_pace(self, host: int, now: float) -> bool:
        if not self._limits_pace:
            return True
        limiter = self._limiters.get(host)
        if limiter is None:
            limiter = self._limiters[host] = RateLimiter(self._per_host_pps)
        return limiter.take(now, 1) == 1

    def _draw(self, count: int) -> list[int]:
        """Give the next new probes, in order; fewer at the end."""
        if len(self._drawn) < count and self._next < len(self._order):
            hosts, ports = self._order.block(self._next, _DRAWN_AT_ONCE)
            self._next += len(ports)
            probes = (hosts.astype(np.int64) << 16) | ports
            # Kept backwards, so that taking from the end gives them in order.
            self._drawn = probes[::-1].tolist() + self._drawn
        cut = max(0, len(self._drawn) - count)
        drawn = self._drawn[cut:][::-1]
        del self._drawn[cut:]
        return drawn
