"""The entries that our probes hold in the state table of one router, and what is left of the budget.

Each probe is booked when it is sent, as if it were to stay silent, and booked again, for a shorter
time, when it was answered (`plan.flows` says for how long each). What is never told to have been
answered ends by itself: a lost report costs room for two minutes, and never breaks the budget.
Booked in bins of a quarter of a second, so that memory does not grow with the probes.
"""

from __future__ import annotations

from typing import Final

from portproof.plan.flows import CLOSED_S, SILENT_S

_BINS_PER_S: Final = 4


class FlowBook:
    """The entries behind one next hop; `now` is monotonic seconds and never goes back."""

    def __init__(self, budget: int, *, hold_s: float = SILENT_S) -> None:
        """Start with an empty book of `budget` entries, kept for `hold_s` when nothing answers.

        Raises:
            ValueError: the budget is below 1.
        """
        if budget < 1:
            raise ValueError(f"a budget is at least 1 entry, not {budget}")
        self._budget = budget
        self._silent = _Bins(hold_s)
        self._closed = _Bins(min(hold_s, CLOSED_S))

    def held(self, now: float) -> int:
        """Count the entries that may still be in the table."""
        return self._silent.count(now) + self._closed.count(now)

    def take(self, now: float, wanted: int) -> int:
        """Book as many probes as may be sent now, at most `wanted`; gives how many."""
        granted = max(0, min(wanted, self._budget - self.held(now)))
        if granted:
            self._silent.add(now, granted)
        return granted

    def give_back(self, count: int) -> None:
        """Return what was booked last and not sent."""
        self._silent.take_latest(count)

    def answered(self, now: float, sent: float, count: int = 1) -> None:
        """Book probes that were sent at about `sent` and have been answered."""
        if closed := self._silent.take_before(sent, count):
            self._closed.add(now, closed)

    def wait_s(self, now: float) -> float:
        """Give the seconds until an entry ends; 0.0 when a probe may leave now."""
        if self.held(now) < self._budget:
            return 0.0
        ends = [each.first_end() for each in (self._silent, self._closed) if each.count(now)]
        return max(0.0, min(ends) - now)


class _Bins:
    """Entries by the quarter of a second in which they were booked, each kept for `hold_s`."""

    def __init__(self, hold_s: float) -> None:
        self._hold = int(hold_s * _BINS_PER_S) + 1
        self._counts: dict[int, int] = {}
        self._total = 0

    def add(self, now: float, count: int) -> None:
        number = int(now * _BINS_PER_S)
        self._counts[number] = self._counts.get(number, 0) + count
        self._total += count

    def take_before(self, booked: float, count: int) -> int:
        """Take entries out of the bin of that time or those before it; gives how many there were.

        A probe is booked a little before it is sent.
        """
        latest = int(booked * _BINS_PER_S)
        return self._take([each for each in self._counts if each <= latest], count)

    def take_latest(self, count: int) -> int:
        """Take entries out of the latest bins."""
        return self._take(list(self._counts), count)

    def _take(self, bins: list[int], count: int) -> int:
        """Take entries out of those bins, which ascend, the last bin first."""
        left = count
        for number in reversed(bins):
            taken = min(left, self._counts[number])
            self._counts[number] -= taken
            left -= taken
            if not left:
                break
        self._total -= count - left
        return count - left

    def count(self, now: float) -> int:
        oldest = int(now * _BINS_PER_S) - self._hold
        while self._counts and (first := next(iter(self._counts))) < oldest:
            self._total -= self._counts.pop(first)
        return self._total

    def first_end(self) -> float:
        """Give when the first entry ends."""
        first = next(number for number, count in self._counts.items() if count)
        return (first + self._hold + 1) / _BINS_PER_S
