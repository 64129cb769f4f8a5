"""How many ICMP errors a host has to spare, as far as its answers tell.

Hosts limit their ICMP errors. Linux keeps a bucket of six per peer, refilled by one a second
(icmp(7), `icmp_ratelimit`; over IPv6 up to sixteen times as fast); FreeBSD sends 200 a second;
routers send one in half a second. A closed port behind an empty bucket is as silent as an open one, so silence
is worth something only while the bucket is not empty.

That can be seen. Each round asks some of the silent ports, and *last* one that is known to be
closed. If that one answers, there was an error to spare for every port before it, and their silence
is their own. If it does not, the errors that came say how many there were, and the next round asks
no more than that can serve. A known port that finds the bucket empty has cost nothing, so rounds
are as fast as the host's own limit, whatever it is.

A host has its time: `_START_S` and `_EACH_S` per port that was silent after the first blast, and no
more than `_DARK_S` without any error from it. After that, silence is what it is.
"""

from __future__ import annotations

from typing import Final

_SHORTEST_GAP_S: Final = 1.05
"""Between two rounds: what Linux needs for one error more, and a little. Where the way there and
back takes longer, a round seems to give nothing, and the next gap is longer."""
_LONGEST_GAP_S: Final = 8.0
_START_S: Final = 60.0
_EACH_S: Final = 2.0
_DARK_S: Final = 30.0


class IcmpBucket:
    """The bucket of one host; instants are seconds of one monotonic clock."""

    def __init__(self, now: float) -> None:
        """Begin with nothing known: the first round may ask everything."""
        self._ends = now + _START_S
        self._heard = now
        self._size: int | None = None
        self.gap_s = _SHORTEST_GAP_S
        """Between the beginnings of two rounds, at least."""

    def joined(self, ports: int) -> None:
        """Hear that so many silent ports more have to be asked."""
        self._ends += _EACH_S * ports

    def round_size(self, waiting: int) -> int:
        """Give how many of the waiting ports to ask in the next round."""
        return waiting if self._size is None else min(waiting, self._size)

    def round_over(self, now: float, *, asked: int, answered: int, spare: bool) -> None:
        """Learn from a round: how many errors came, and whether the known port's was among them."""
        if answered or spare:
            self._heard = now
        if spare:
            self._size = None if self._size is None else 2 * max(asked, self._size)
            self.gap_s = _SHORTEST_GAP_S
        elif answered:
            self._size = 2 * answered
            self.gap_s = max(self.gap_s / 2, _SHORTEST_GAP_S)
        else:
            self._size = max(1, asked // 2)
            self.gap_s = min(2 * self.gap_s, _LONGEST_GAP_S)

    def given_up(self, now: float) -> bool:
        """Whether this host has had its time."""
        return now >= self._ends or now - self._heard >= _DARK_S
