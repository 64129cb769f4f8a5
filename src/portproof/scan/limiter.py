"""Rates that are kept, not aimed at: never more than `rate` probes in any second.

The leaky bucket in its virtual-time form (GCRA, ITU-T I.371 §A): one number, the instant up to
which everything granted has been paid for. A burst of a fiftieth of the rate is allowed, so that a
scanner may work in batches, and what it adds is taken off the steady rate.
"""

from __future__ import annotations

from typing import Final

_BURSTS_PER_SECOND: Final = 50
_SLOW_PPS: Final = 1000
_LATE: Final = 0.25
"""At higher rates sending takes a good part of the time, and a quarter of a burst may go by before a
grant counts as late; the steady rate is lower by as much."""


class RateLimiter:
    """Grants probes; `now` is monotonic seconds and never goes back."""

    def __init__(self, rate_pps: int, *, burst: int | None = None) -> None:
        """Start with a full burst: of a fiftieth of the rate, or of at most `burst` probes.

        Raises:
            ValueError: the rate is below 1 per second.
        """
        if rate_pps < 1:
            raise ValueError(f"a rate is at least 1 per second, not {rate_pps}")
        self._burst = max(1, rate_pps // _BURSTS_PER_SECOND)
        if burst is not None:
            self._burst = min(self._burst, burst)
        late = self._burst * _LATE if rate_pps > _SLOW_PPS else 0.0
        self._spacing_s = 1.0 / (rate_pps - self._burst - late + 1)
        self._tolerated_s = late * self._spacing_s
        self._paid_until: float | None = None
        self._granted_at = 0.0

    def take(self, now: float, wanted: int) -> int:
        """Grant as many probes as may leave now, at most `wanted`."""
        paid_until = now if self._paid_until is None else max(self._paid_until, now)
        # What is paid for in advance is what is left of the burst, negative.
        behind = (paid_until - now) / self._spacing_s
        granted = min(wanted, max(0, int(self._burst - behind + _ROUNDING)))
        self._paid_until = paid_until + granted * self._spacing_s
        self._granted_at = now
        return granted

    def sent_by(self, now: float) -> None:
        """Hear when the last of the latest grant had left.

        Whoever was held up between asking and sending (another process had the processor) sends
        later than the rate was reckoned for: the grant counts from then, or a second could see
        the end of one grant and too much of the next.
        """
        late_s = now - self._granted_at
        if self._paid_until is not None and late_s > self._tolerated_s:
            self._paid_until += late_s

    def give_back(self, count: int) -> None:
        """Return grants that were not used."""
        if self._paid_until is not None:
            self._paid_until -= count * self._spacing_s

    def idle(self, now: float) -> bool:
        """Whether everything granted is paid for: the limiter is as good as a new one."""
        return self._paid_until is None or self._paid_until <= now

    def wait_s(self, now: float) -> float:
        """Give the seconds until the next probe may leave; 0.0 when one may leave now."""
        if self._paid_until is None:
            return 0.0
        return max(0.0, self._paid_until - now - (self._burst - 1) * self._spacing_s)


_ROUNDING: Final = 1e-6
"""Sums of spacings differ from the clock by floating-point dust; a millionth of a probe is none."""
