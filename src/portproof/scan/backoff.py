"""How a sweep slows down where it loses answers, and speeds up again: pure, no clock of its own.

Two kinds of loss, told by two kinds of witness:

* the *path* loses: a control had to be asked more than once, or failed. `PathPace` halves the rate
  of the whole sweep, at most once a second, and adds a sixteenth of the full rate for each control
  that answered at once: additive increase, multiplicative decrease, as TCP does (RFC 5681 §3.1).
  Where that does not help, it stops for a while.
* one *host* answers so many and no more (Linux limits its ICMP errors, BSD its resets, firewalls
  both). `HostPace` looks for ports that were silent when asked first and answered when asked again:
  a firewall that drops never shows that. Then it tries whether asking slower helps::

      free ──answers came late──► trial ──the share of silence fell──► slowed ──► up or down
        ▲                           │
        └─── slowness did not help ─┘ (random loss: slower would only be slower; left alone a while)

  Meanwhile the silent ports of such a host get more attempts, because it answers late at all
  (`scan.patience`): what was lost to our own speed is no sign of a filter.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import OutcomeBatch
from portproof.scan.limiter import RateLimiter
from portproof.scan.witness import ANSWERED

_STEPS: Final = 16
_LEAST: Final = 1 / 64
"""Of the full rate: slower than this, a sweep of a day would take two months."""
_SLOW: Final = 1 / 4
"""From this share on it shows whether slowness helps."""
_REMEMBERED: Final = 6
_LEFT_ALONE_S: Final = 30.0
_PATIENT_S: Final = 1.0
"""A control is asked once a second: sooner, nobody can know whether a slower pace helped."""


class PathPace:
    """The share of the full rate that the path bears, between 1/64 and 1.

    Slowness has to help. A path that loses at random, or is gone, loses as much of what is sent
    slowly; so once the sweep is slow, as much loss as before ends the attempt, and the full rate is
    taken up again for half a minute. Otherwise a dead path would make a run last for hours.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self.lowest = 1.0
        self._changed: float | None = None
        self._fast: deque[bool] = deque(maxlen=_REMEMBERED)
        """Of the latest controls at the full rate: whether each was lost."""
        self._slow: deque[bool] = deque(maxlen=_REMEMBERED)
        """The same while the sweep is slow."""
        self._free_until = 0.0

    def lost(self, now: float) -> None:
        """Hear that a control was not answered at once."""
        self._note(lost=True)
        if now < self._free_until:
            return
        if len(self._slow) == _REMEMBERED and not self._helped():
            self._free_until = now + _LEFT_ALONE_S
            self.share = 1.0
            self._slow.clear()
        elif self._changed is None or now >= self._changed + _PATIENT_S:
            self.share = max(_LEAST, self.share / 2)
            self.lowest = min(self.lowest, self.share)
            self._changed = now

    def kept(self) -> None:
        """Hear that a control was answered at once."""
        self._note(lost=False)
        self.share = min(1.0, self.share + 1 / _STEPS)
        if self.share == 1.0:
            self._slow.clear()

    def _note(self, *, lost: bool) -> None:
        if self.share == 1.0:
            self._fast.append(lost)
        elif self.share <= _SLOW:
            self._slow.append(lost)

    def _helped(self) -> bool:
        """Whether clearly less is lost slowly than at the full rate: two thirds at most."""
        before = sum(self._fast) / max(1, len(self._fast))
        return sum(self._slow) / _REMEMBERED <= before * 2 / 3


_WINDOW_S: Final = 0.25
_ENOUGH: Final = 40
"""Questions in a window before anything is concluded from them."""
_LATE_ANSWERS: Final = 3
"""Answers at a later attempt, in one window, that tell loss from a filter."""
_LOSING: Final = 0.2
"""The share of silence from which it is worth finding out whether slowness helps."""
_CAUTION: Final = 0.7
"""Of the rate at which the host has answered: below its limit, whatever the limit is."""
_HELPED: Final = 1.4
"""So many times the share of answers, and slowness has helped."""
_LEAST_PPS: Final = 10
_STEPS_AT_FIRST: Final = 8
_STEPS_LATER: Final = 32
"""Steps to double a rate: few after the first guess, which is low; more once the limit was met."""
_EVENLY: Final = 3
"""Probes at once to a slowed host: limits have bursts of their own, mostly of five."""
_FORGOTTEN_S: Final = 5.0
"""A host that was asked too little in so long is not watched any more."""


@dataclass(slots=True)
class _Watch:
    """What is known of one host that stays silent now and then."""

    began: float
    """When the window began; in the future while answers to older questions still come in."""
    answered: int = 0
    silent: int = 0
    late: int = 0
    limiter: RateLimiter | None = None
    pps: int = 0
    step_pps: int = 0
    trial_share: float | None = None
    """The share of silence before the trial; None outside of one."""
    least_share: float = 1.0
    """The smallest share of silence since it is slowed: what a filter of the host's own would give."""

    def begin(self, at: float) -> None:
        self.began, self.answered, self.silent, self.late = at, 0, 0, 0


class HostPace:
    """The rates of those hosts that answer so fast and no faster; most hosts have none."""

    def __init__(self, *, full_pps: int, timeout_s: float) -> None:
        """Start with every host free, asked at up to `full_pps`.

        `timeout_s` is the longest wait for an answer: how long questions from before a change are
        still being answered, or not.
        """
        self._full_pps = full_pps
        self._settle_s = timeout_s + _WINDOW_S
        self._watched: dict[int, _Watch] = {}
        self._slowed = 0
        self.lowest_pps: int | None = None
        """The lowest rate that a host was asked at; None while none was slowed."""

    def __bool__(self) -> bool:
        """Whether some host is slowed just now."""
        return self._slowed > 0

    def limiter(self, host: int) -> RateLimiter | None:
        """Give the limiter of a slowed host; None for all others."""
        watch = self._watched.get(host)
        return watch.limiter if watch is not None else None

    def silence(self, host: int, now: float) -> None:
        """Hear that a question was not answered in time; hosts nobody doubts are not counted."""
        watch = self._watched.get(host)
        if watch is not None and now >= watch.began:
            watch.silent += 1

    def heard(self, batch: OutcomeBatch, now: float) -> None:
        """Take the outcomes in, and change what has to be changed."""
        answers = batch.where(ANSWERED[batch.reason])
        late = answers.attempts > 1
        if late.any():
            for host in np.unique(answers.host[late]).tolist():
                self._watched.setdefault(host, _Watch(now))
        if not self._watched:
            return
        self._count(answers.host, late, now)
        for host, watch in list(self._watched.items()):
            elapsed_s = now - watch.began
            if elapsed_s >= _WINDOW_S and watch.answered + watch.silent >= _ENOUGH:
                self._conclude(host, watch, now)
            elif elapsed_s >= _FORGOTTEN_S and watch.limiter is None:
                del self._watched[host]

    def _count(self, hosts: NDArray[np.uint32], late: NDArray[np.bool_], now: float) -> None:
        found, where = np.unique(hosts, return_inverse=True)
        answered = np.bincount(where, minlength=len(found)).tolist()
        answered_late = np.bincount(where[late], minlength=len(found)).tolist()
        for host, count, late_count in zip(found.tolist(), answered, answered_late, strict=True):
            watch = self._watched.get(host)
            if watch is not None and now >= watch.began:
                watch.answered += count
                watch.late += late_count

    def _conclude(self, host: int, watch: _Watch, now: float) -> None:
        share = watch.silent / (watch.answered + watch.silent)
        if watch.trial_share is not None:
            self._end_trial(watch, share, now)
        elif watch.limiter is not None:
            self._adjust(watch, share, now)
        elif watch.late >= _LATE_ANSWERS and share >= _LOSING:
            answered_pps = watch.answered / (now - watch.began)
            self._slowed += 1
            self._slow(watch, answered_pps * _CAUTION, now, steps=_STEPS_AT_FIRST)
            watch.trial_share = share
        else:
            del self._watched[host]

    def _end_trial(self, watch: _Watch, share: float, now: float) -> None:
        before, watch.trial_share = watch.trial_share or 0.0, None
        # Beside the limit the host may have a filter, whose silence stays: so both ways of helping.
        if share <= before / 2 or 1 - share >= _HELPED * (1 - before):
            watch.least_share = share
            watch.begin(now)
        else:
            self._free(watch)
            watch.begin(now + _LEFT_ALONE_S)

    def _adjust(self, watch: _Watch, share: float, now: float) -> None:
        watch.least_share = min(watch.least_share, share)
        if share >= watch.least_share + _LOSING:
            self._slow(watch, watch.pps * _CAUTION, now, steps=_STEPS_LATER)
            return
        if watch.pps + watch.step_pps >= self._full_pps:
            self._free(watch)
        else:
            self._set(watch, watch.pps + watch.step_pps, now)
        watch.begin(now)

    def _free(self, watch: _Watch) -> None:
        watch.limiter = None
        self._slowed -= 1

    def _slow(self, watch: _Watch, pps: float, now: float, *, steps: int) -> None:
        self._set(watch, max(_LEAST_PPS, int(pps)), now)
        watch.step_pps = max(1, watch.pps // steps)
        self.lowest_pps = min(watch.pps, self.lowest_pps or watch.pps)
        watch.begin(now + self._settle_s)

    def _set(self, watch: _Watch, pps: int, now: float) -> None:
        watch.pps, watch.limiter = pps, RateLimiter(pps, burst=_EVENLY)
        # Without the burst that a limiter starts with: one for each change would add up.
        watch.limiter.take(now, pps)
