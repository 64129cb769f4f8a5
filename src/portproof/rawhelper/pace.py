"""Rates that are kept, not aimed at: never more than `rate` probes in any second.

The same leaky bucket as every engine's (GCRA, ITU-T I.371 §A): one instant, up to which everything
granted has been paid for, and a burst of a fiftieth of the rate. `KeyedPace` keeps one for each key
(a host, a network) that has something to pay, so memory follows the rate and not the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BURSTS_PER_SECOND: Final = 50
_ROUNDING: Final = 1e-6
"""Sums of spacings differ from the clock by floating-point dust; a millionth of a probe is none."""
_TIDY_S: Final = 1.0


class Pace:
    """One bucket; `now` is monotonic seconds."""

    def __init__(self, rate_pps: int) -> None:
        self.burst = max(1, rate_pps // _BURSTS_PER_SECOND)
        self.spacing_s = 1.0 / (rate_pps - self.burst + 1)
        self._paid_until = -np.inf

    def granted(self, now: float, wanted: int) -> int:
        """Give how many of the wanted probes may leave now; `spend` what does leave."""
        behind = max(self._paid_until - now, 0.0) / self.spacing_s
        return min(wanted, max(0, int(self.burst - behind + _ROUNDING)))

    def spend(self, now: float, count: int) -> None:
        """Pay for probes that leave."""
        self._paid_until = max(self._paid_until, now) + count * self.spacing_s

    def wait_s(self, now: float) -> float:
        """Give the seconds until the next probe may leave."""
        return float(max(0.0, self._paid_until - now - (self.burst - 1) * self.spacing_s))


class KeyedPace:
    """A bucket for each key."""

    def __init__(self, rate_pps: int) -> None:
        self._bucket = Pace(rate_pps)
        self._paid_until: dict[int, float] = {}
        self._tidied = 0.0

    def admit(self, now: float, keys: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Say for each probe, named by its key, whether it may leave now; nothing is paid yet."""
        distinct, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
        bucket = self._bucket
        behind = np.maximum(self._debts(distinct.tolist(), now), 0.0) / bucket.spacing_s
        allowed = np.maximum(0, (bucket.burst - behind + _ROUNDING).astype(np.int64))
        # The rank of each probe among those of its key, in the order given.
        order = np.argsort(which, kind="stable")
        first = np.cumsum(counts) - counts
        rank = np.empty(len(keys), dtype=np.int64)
        rank[order] = np.arange(len(keys)) - np.repeat(first, counts)
        return np.asarray(rank < allowed[which])

    def spend(self, now: float, keys: NDArray[np.integer]) -> None:
        """Pay for probes that leave."""
        distinct, counts = np.unique(keys, return_counts=True)
        for key, count in zip(distinct.tolist(), counts.tolist(), strict=True):
            paid_until = max(self._paid_until.get(key, now), now)
            self._paid_until[key] = paid_until + count * self._bucket.spacing_s
        if now - self._tidied > _TIDY_S:
            self._tidied = now
            self._paid_until = {key: at for key, at in self._paid_until.items() if at > now}

    def _debts(self, keys: Sequence[int], now: float) -> NDArray[np.float64]:
        held = self._paid_until
        return np.array([held.get(key, now) for key in keys]) - now
