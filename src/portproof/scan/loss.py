"""How much the path loses, and how often a silent port must be asked before silence means anything.

An endpoint that answers at its k-th asking has left k - 1 askings unanswered. If each asking is
lost with the same probability p, on its own, k is geometric; endpoints that never answer are not
counted, so it is cut off at the largest number of askings that a silent endpoint is given. p is
estimated by maximum likelihood from all that answered (open and closed alike, and the controls).
A port that would have answered stays silent through n askings with probability p to the n: only
where that is below `MOST_DOUBT` is silence the peer's doing.

Few answers say little, and what they say errs either way. So decisions rest on the cautious
estimate, 1.645 standard errors (by the Fisher information) above the likeliest: too low once in
twenty. A path with fewer than 20 answers of its own takes the worse of its own estimate and that of
the whole run. Where not one asking was lost, the estimate is zero and nothing is raised: no number
of answers could show that a path never loses anything.

What this does not see: losses that come together. A path that is gone for seconds loses all askings
of a port at once; that is what witnesses are for (`scan.witness`). And a peer that rations its
resets looks like a lossy path: its silence is not believed either, which is right.

An asking is one packet there and one back as long as time-outs stay below a second, after which the
kernel sends a SYN again by itself (RFC 6298 §2.1). With the same loss q both ways, which nobody can
tell apart from here, p = 1 - (1 - q)²; `packet_loss` gives that q.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_DOUBT: Final = 1e-6
"""How likely it may be, at most, that a port called silent has answered and every answer was lost."""
_AIM: Final = 1e-7
"""What an engine asks for: estimates move, and what is asked too seldom is Unmeasured."""
ENOUGH_ANSWERS: Final = 20
"""From so many on, answers speak for themselves."""
_ONE_IN_TWENTY: Final = 1.645
"""Standard normal quantile of 0.95."""
_NEARLY_ALL: Final = 0.999
"""The highest loss reckoned with; silence proves nothing long before."""
_HALVINGS: Final = 40
CONTROL_ASKINGS: Final = 31
"""How often a control is asked at most until it answers; whatever the plan allows for its ports."""
_MOST_PATHS: Final = 16_384
"""Paths that keep an account of their own; older ones fall back on the run's. Bounds the memory."""


@dataclass(slots=True)
class Tally:
    """What endpoints needed until they answered, all of them cut off after the same askings."""

    answers: int = 0
    repeats: int = 0
    """Askings that stayed unanswered before the one that was answered, in sum."""

    def add(self, answers: int, repeats: int) -> None:
        """Count answers and the unanswered askings before them."""
        self.answers += answers
        self.repeats += repeats


@dataclass(frozen=True, slots=True)
class Estimate:
    """The probability that one asking stays unanswered although the target answers."""

    likeliest: float
    cautious: float
    """Above the likeliest by what few answers leave open."""


NO_LOSS: Final = Estimate(0.0, 0.0)


def estimate(tallies: Iterable[tuple[Tally, int]]) -> Estimate:
    """Estimate the loss of askings from tallies, each with the askings after which it is cut off.

    A tally cut off after one asking says nothing: whatever was lost there is not in it.
    """
    telling = [(each, most) for each, most in tallies if most > 1 and each.answers]
    repeats = sum(each.repeats for each, _ in telling)
    if not repeats:
        return NO_LOSS
    likeliest = _likeliest(telling, repeats)
    information = sum(each.answers * _moments(likeliest, most)[1] for each, most in telling)
    margin = _ONE_IN_TWENTY * likeliest / math.sqrt(information)
    return Estimate(likeliest, min(likeliest + margin, _NEARLY_ALL))


def _likeliest(tallies: list[tuple[Tally, int]], repeats: int) -> float:
    """Find where the expected repeats equal the counted ones: there the likelihood is largest."""
    low, high = 0.0, _NEARLY_ALL
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = sum(each.answers * _moments(middle, most)[0] for each, most in tallies)
        low, high = (middle, high) if expected < repeats else (low, middle)
    return (low + high) / 2


def _moments(p: float, most: int) -> tuple[float, float]:
    """Give mean and variance of k - 1 for k geometric in 1..most, failures having probability p."""
    cut = p**most
    rest = 1.0 - cut
    mean = p / (1.0 - p) - most * cut / rest
    variance = p / (1.0 - p) ** 2 - most * most * cut / rest**2
    return mean, max(variance, 0.0)


def packet_loss(asking_loss: float) -> float:
    """Give the loss of single packets that makes such a share of askings go unanswered.

    Assumes the same loss in both directions.
    """
    return 1.0 - math.sqrt(1.0 - asking_loss)


def askings_for(asking_loss: float, doubt: float = _AIM) -> int:
    """Give how many askings in a row a port that answers leaves unanswered less often than `doubt`."""
    if asking_loss <= 0.0:
        return 1
    return math.floor(math.log(doubt) / math.log(asking_loss)) + 1


class LossBook:
    """The answers of a run, by path; what a path is, its keeper decides."""

    def __init__(self) -> None:
        """Begin without answers."""
        self._most_given = 1
        self._targets: dict[Hashable, Tally] = {}
        self._controls: dict[Hashable, Tally] = {}
        self._all = (Tally(), Tally())
        self._known: dict[Hashable, Estimate] = {}
        self._of_all: Estimate | None = NO_LOSS

    @property
    def answers(self) -> int:
        """How many answers the estimates rest on."""
        return sum(each.answers for each in self._all)

    @property
    def lossy(self) -> bool:
        """Whether any answer came after more than one asking."""
        return any(each.repeats for each in self._all)

    def given(self, attempts: NDArray[np.uint8]) -> None:
        """Take note of how often endpoints were asked, whether they answered or not."""
        most = int(attempts.max(initial=1))
        if most > self._most_given:
            self._most_given = most
            self._forget_estimates()

    def targets_answered(self, path: Hashable, answers: int, attempts: int) -> None:
        """Count endpoints of a path that answered, and the askings it took for all of them."""
        self._count(self._targets, path, 0, (answers, attempts - answers))

    def control_answered(self, path: Hashable, attempts: int) -> None:
        """Count a control that answered at its `attempts`-th asking."""
        self._count(self._controls, path, 1, (1, attempts - 1))

    def of(self, path: Hashable) -> Estimate:
        """Give what is to be reckoned with on a path."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._estimate(path)
        return known

    def of_all(self) -> Estimate:
        """Give the estimate over all paths."""
        if self._of_all is None:
            self._of_all = estimate(zip(self._all, self._cuts(), strict=True))
        return self._of_all

    def _estimate(self, path: Hashable) -> Estimate:
        of_run = self.of_all()
        own = [held.get(path, Tally()) for held in (self._targets, self._controls)]
        if of_run is NO_LOSS:
            return NO_LOSS
        alone = estimate(zip(own, self._cuts(), strict=True))
        if sum(each.answers for each in own) >= ENOUGH_ANSWERS:
            return alone
        return max(alone, of_run, key=lambda each: each.cautious)

    def _cuts(self) -> tuple[int, int]:
        """Give after how many askings targets and controls are given up."""
        return self._most_given, CONTROL_ASKINGS

    def _count(
        self, tallies: dict[Hashable, Tally], path: Hashable, kind: int, counts: tuple[int, int]
    ) -> None:
        tally = tallies.get(path)
        if tally is None:
            if len(tallies) >= _MOST_PATHS:
                del tallies[next(iter(tallies))]
            tally = tallies[path] = Tally()
        tally.add(*counts)
        self._all[kind].add(*counts)
        self._forget_estimates()

    def _forget_estimates(self) -> None:
        self._known.clear()
        self._of_all = None
