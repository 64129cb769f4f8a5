"""Slower where answers are lost to our own speed, and only there; and faster again afterwards."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.endpoint import Transport
from portproof.model.observation import PortState, Reason
from portproof.scan.backoff import HostPace, PathPace
from portproof.scan.limiter import RateLimiter
from portproof.scan.rows import CODES, batch_of

RESET = CODES[(PortState.CLOSED, Reason.RESET)]
TIMEOUT_S = 0.25


def test_a_path_that_loses_gets_half_the_rate() -> None:
    pace = PathPace()
    pace.lost(0.0)
    assert pace.share == 0.5


def test_it_is_halved_once_a_second_at_most() -> None:
    pace = PathPace()
    for hundredth in range(100):
        pace.lost(hundredth / 100)
    assert pace.share == 0.5
    pace.lost(1.0)
    assert pace.share == 0.25


def test_it_recovers_by_equal_steps() -> None:
    pace = PathPace()
    pace.lost(0.0)
    shares = []
    while pace.share < 1:
        shares.append(pace.share)
        pace.kept()
    assert {later - earlier for earlier, later in pairwise(shares)} == {1 / 16}
    assert pace.lowest == 0.5


def test_a_path_that_loses_as_much_when_asked_slowly_gets_its_full_rate_back() -> None:
    pace, shares = PathPace(), []
    for second in range(20):
        pace.lost(float(second))
        shares.append(pace.share)
    assert min(shares) < 1 / 4
    assert set(shares[-10:]) == {1.0}


def test_after_a_while_it_is_tried_again() -> None:
    pace = PathPace()
    for second in range(120):
        pace.lost(float(second))
        if second > 20 and pace.share < 1:
            break
    assert pace.share == 0.5


def test_where_slowness_helps_it_stays_slow() -> None:
    # A path that bears an eighth of the rate, and loses every control above that.
    pace, shares = PathPace(), []
    for second in range(300):
        if pace.share > 1 / 8:
            pace.lost(float(second))
        else:
            pace.kept()
        shares.append(pace.share)
    assert max(shares[10:]) < 1 / 4


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans())))
def test_the_share_never_leaves_its_bounds(heard: list[tuple[float, bool]]) -> None:
    pace, now = PathPace(), 0.0
    for pause_s, lost in heard:
        now += pause_s
        if lost:
            pace.lost(now)
        else:
            pace.kept()
        assert 1 / 64 <= pace.lowest <= pace.share <= 1


class Sweep:
    """One host and a clock: asks at most 20,000 times a second and asks the silent ones again."""

    def __init__(self, ports: int, answers: Callable[[float, int], bool]) -> None:
        self._answers = answers
        self.pace = HostPace(full_pps=20_000, timeout_s=TIMEOUT_S)
        self.closed: set[int] = set()
        self.filtered: set[int] = set()
        self._waiting = deque((port, 1) for port in range(ports))
        self._asked: deque[tuple[float, int, int]] = deque()
        self.lasted_s = self._run()

    @property
    def attempts(self) -> int:
        """Three, and up to thirty where answers come late, as `scan.patience` has it."""
        return 3 if self.pace.lowest_pps is None else 30

    def _run(self) -> float:
        own, now, heard_until = RateLimiter(20_000), 0.0, 0.0
        rows = []
        while self._waiting or self._asked:
            now += 0.002
            limiter = self.pace.limiter(0) or own
            for _ in range(limiter.take(now, min(len(self._waiting), 2_000 - len(self._asked)))):
                port, attempt = self._waiting.popleft()
                if self._answers(now, port):
                    self.closed.add(port)
                    rows.append((port, RESET, 100, attempt, now))
                else:
                    self._asked.append((now + TIMEOUT_S, port, attempt))
            while self._asked and self._asked[0][0] <= now:
                self._silent(now, *self._asked.popleft()[1:])
            if now >= heard_until + 0.05 and rows:
                self.pace.heard(batch_of(rows, Transport.TCP, began=0.0), now)
                rows, heard_until = [], now
        return now

    def _silent(self, now: float, port: int, attempt: int) -> None:
        self.pace.silence(0, now)
        if attempt < self.attempts:
            self._waiting.appendleft((port, attempt + 1))
        else:
            self.filtered.add(port)


def at_most(pps: int) -> Callable[[float, int], bool]:
    """Answer up to `pps` questions a second, by a token bucket of five, and drop the others."""
    tokens, last = 5.0, 0.0

    def answers(now: float, _port: int) -> bool:
        nonlocal tokens, last
        tokens, last = min(5.0, tokens + (now - last) * pps), now
        if tokens < 1:
            return False
        tokens -= 1
        return True

    return answers


def test_a_host_with_limited_resets_comes_out_closed() -> None:
    sweep = Sweep(3_000, at_most(500))
    assert len(sweep.closed) == 3_000
    assert not sweep.filtered


def test_it_is_asked_slower_than_it_answers_but_not_much() -> None:
    sweep = Sweep(3_000, at_most(500))
    assert sweep.pace.lowest_pps is not None
    assert 200 <= sweep.pace.lowest_pps < 500
    assert sweep.lasted_s < 20


@settings(deadline=None, max_examples=25)
@given(st.integers(100, 5_000))
def test_whatever_the_limit_is(pps: int) -> None:
    assert not Sweep(1_500, at_most(pps)).filtered


def test_a_filter_beside_the_limit_stays_a_filter() -> None:
    limited = at_most(500)
    sweep = Sweep(3_000, lambda now, port: port % 2 == 0 and limited(now, port))
    assert sweep.closed == set(range(0, 3_000, 2))
    assert sweep.filtered == set(range(1, 3_000, 2))


def test_a_host_that_only_filters_is_not_slowed() -> None:
    sweep = Sweep(3_000, lambda _now, port: port % 2 == 0)
    assert sweep.pace.lowest_pps is None


def test_random_loss_does_not_slow_a_host_for_long() -> None:
    chance = random.Random(7)
    sweep = Sweep(20_000, lambda _now, _port: chance.random() > 0.3)
    assert sweep.lasted_s < 6
    assert not sweep.pace


def test_the_same_answers_give_the_same_sweep() -> None:
    one, other = Sweep(2_000, at_most(700)), Sweep(2_000, at_most(700))
    assert one.lasted_s == other.lasted_s
