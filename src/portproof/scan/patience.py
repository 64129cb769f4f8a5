"""How long to wait for each host: from its round-trip times, as TCP itself does (RFC 6298 §2).

Times are learnt per batch of outcomes, as columns, and rounded up to steps, so that probes with the
same patience share one first-in-first-out queue of deadlines instead of a heap.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.scan import Timing

_STEP_MS: Final = 50
_GAIN: Final = 0.125  # RFC 6298 §2.3, alpha
_VARIATIONS: Final = 4  # RFC 6298 §2.2, K
_US_PER_MS: Final = 1000


class Patience:
    """The time-out of each host in seconds, between the plan's shortest and longest."""

    def __init__(self, hosts: int, timing: Timing) -> None:
        self._longest_ms = timing.timeout_ms
        self._shortest_ms = min(timing.min_timeout_ms, timing.timeout_ms)
        self._mean_us = np.zeros(hosts)
        self._variation_us = np.zeros(hosts)
        self._known = np.zeros(hosts, dtype=bool)
        self.timeout_s: list[float] = [timing.timeout_ms / _US_PER_MS] * hosts
        self.attempts: list[int] = [1 + timing.max_retries] * hosts
        """How often a silent port of each host is asked."""

    def learn(self, batch: OutcomeBatch) -> None:
        """Take the round-trip times of a batch into account."""
        answered = batch.rtt_us != NO_RTT
        if not answered.any():
            return
        hosts, where = np.unique(batch.host[answered], return_inverse=True)
        rtt_us = batch.rtt_us[answered].astype(np.float64)
        counts = np.bincount(where)
        mean = np.bincount(where, weights=rtt_us) / counts
        # The largest deviation in the batch, not the mean one: a time-out must outlast the slowest.
        spread = np.zeros(len(hosts))
        np.maximum.at(spread, where, np.abs(rtt_us - mean[where]))
        self._smooth(hosts, counts, mean, np.maximum(spread, mean / 2))

    def _smooth(
        self,
        hosts: np.ndarray[tuple[int], np.dtype[np.uint32]],
        counts: np.ndarray[tuple[int], np.dtype[np.intp]],
        mean: np.ndarray[tuple[int], np.dtype[np.float64]],
        spread: np.ndarray[tuple[int], np.dtype[np.float64]],
    ) -> None:
        gain = np.where(self._known[hosts], 1 - (1 - _GAIN) ** counts, 1.0)
        shift = np.abs(mean - self._mean_us[hosts]) * self._known[hosts]
        self._mean_us[hosts] += gain * (mean - self._mean_us[hosts])
        before = self._variation_us[hosts]
        self._variation_us[hosts] = before + gain * (np.maximum(spread, shift) - before)
        self._known[hosts] = True
        wanted = self._mean_us[hosts] + _VARIATIONS * self._variation_us[hosts]
        for host, wanted_us in zip(hosts.tolist(), wanted.tolist(), strict=True):
            self.timeout_s[host] = self._fitted_ms(wanted_us / _US_PER_MS) / _US_PER_MS

    def _fitted_ms(self, wanted_ms: float) -> float:
        stepped = -(-wanted_ms // _STEP_MS) * _STEP_MS
        return min(max(stepped, self._shortest_ms), self._longest_ms)
