"""How long to wait for each host, and how often to ask its silent ports.

Time-outs come from round-trip times, as TCP itself does it (RFC 6298 §2). They are learnt per batch
of outcomes, as columns, and rounded up to steps, so that probes with the same patience share one
first-in-first-out queue of deadlines instead of a heap.

How often comes from the loss of the path (`scan.loss`): the network around the host stands for its
path here, because an engine, perhaps one of several processes, knows no routes. The judgement,
which does, has the last word on silence.

Only hosts that answered are remembered, and the latest of them at that: memory does not grow with
the plan. A forgotten host is waited for longest, as an unknown one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address
from portproof.model.scan import Timing
from portproof.scan.loss import LossBook, askings_for
from portproof.scan.witness import ANSWERED, PREFIX

PathKey: TypeAlias = tuple[int, int]
"""IP version, and the leading bits of the address that name the network around it."""

_STEP_MS: Final = 50
_GAIN: Final = 0.125  # RFC 6298 §2.3, alpha
_VARIATIONS: Final = 4  # RFC 6298 §2.2, K
_US_PER_MS: Final = 1000
_MOST_HOSTS: Final = 16_384


@dataclass(slots=True)
class RoundTrip:
    """Smoothed round-trip time of one host, and how much it varies, in µs (RFC 6298 §2)."""

    mean_us: float
    variation_us: float

    def smooth(self, count: int, mean_us: float, spread_us: float) -> None:
        """Take the mean of `count` further times in, and the largest deviation among them."""
        gain = 1 - (1 - _GAIN) ** count
        shift_us = abs(mean_us - self.mean_us)
        self.mean_us += gain * (mean_us - self.mean_us)
        self.variation_us += gain * (max(spread_us, shift_us) - self.variation_us)

    def timeout_s(self, timing: Timing) -> float:
        """Give how long to wait for an answer, between the plan's shortest and longest."""
        wanted_ms = (self.mean_us + _VARIATIONS * self.variation_us) / _US_PER_MS
        stepped = -(-wanted_ms // _STEP_MS) * _STEP_MS
        shortest = min(timing.min_timeout_ms, timing.timeout_ms)
        return min(max(stepped, shortest), timing.timeout_ms) / _US_PER_MS


class Timeouts(dict[int, float]):
    """Seconds by host; one that is not known has the plan's longest."""

    def __init__(self, longest_s: float) -> None:
        """Begin without a known host."""
        super().__init__()
        self._longest_s = longest_s

    def __missing__(self, _host: int) -> float:
        return self._longest_s


class Attempts:
    """How often a silent port of each host is asked."""

    def __init__(self, path_of: Callable[[int], PathKey], loss: LossBook, timing: Timing) -> None:
        """Read the present estimates of `loss` by the paths of hosts."""
        self._path_of = path_of
        self._loss = loss
        self._timing = timing

    def __getitem__(self, host: int) -> int:
        loss = self._loss.of(self._path_of(host)).cautious if self._loss.lossy else 0.0
        wanted = max(1 + self._timing.max_retries, askings_for(loss))
        return min(wanted, self._timing.most_attempts)


class Patience:
    """The time-out of each host in seconds, and how often its silent ports are asked."""

    def __init__(self, hosts: Sequence[Address], timing: Timing) -> None:
        """Begin with the plan's own numbers; `hosts` is looked at by index, never listed."""
        self._hosts = hosts
        self._timing = timing
        self._known: dict[int, RoundTrip] = {}
        self._loss = LossBook()
        self.timeout_s = Timeouts(timing.timeout_ms / _US_PER_MS)
        self.attempts = Attempts(self._path_of, self._loss, timing)

    def learn(self, batch: OutcomeBatch) -> None:
        """Take the round-trip times and the attempts of a batch into account."""
        self._loss.given(batch.attempts)
        self._learn_loss(batch.where(ANSWERED[batch.reason]))
        self._learn_times(batch.where(batch.rtt_us != NO_RTT))

    def _learn_loss(self, answers: OutcomeBatch) -> None:
        if not len(answers):
            return
        hosts, where = np.unique(answers.host, return_inverse=True)
        counts = np.bincount(where).tolist()
        askings = np.bincount(where, weights=answers.attempts).tolist()
        for host, count, asked in zip(hosts.tolist(), counts, askings, strict=True):
            self._loss.targets_answered(self._path_of(host), count, int(asked))

    def _learn_times(self, answers: OutcomeBatch) -> None:
        if not len(answers):
            return
        hosts, where = np.unique(answers.host, return_inverse=True)
        rtt_us = answers.rtt_us.astype(np.float64)
        counts = np.bincount(where)
        mean = np.bincount(where, weights=rtt_us) / counts
        # The largest deviation in the batch, not the mean one: a time-out must outlast the slowest.
        spread: NDArray[np.float64] = np.zeros(len(hosts))
        np.maximum.at(spread, where, np.abs(rtt_us - mean[where]))
        spread = np.maximum(spread, mean / 2)
        columns = (hosts.tolist(), counts.tolist(), mean.tolist(), spread.tolist())
        for host, count, mean_us, spread_us in zip(*columns, strict=True):
            self._smooth(host, count, mean_us, spread_us)

    def _smooth(self, host: int, count: int, mean_us: float, spread_us: float) -> None:
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= _MOST_HOSTS:
                oldest = next(iter(self._known))
                del self._known[oldest], self.timeout_s[oldest]
            known = self._known[host] = RoundTrip(mean_us, spread_us)
        else:
            known.smooth(count, mean_us, spread_us)
        self.timeout_s[host] = known.timeout_s(self._timing)

    def _path_of(self, host: int) -> PathKey:
        address = self._hosts[host]
        kept = PREFIX[address.version]
        return address.version, int(address) >> (address.max_prefixlen - kept)
