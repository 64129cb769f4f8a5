"""A rate is a promise about every second, whatever the caller does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.scan.limiter import RateLimiter

rates = st.integers(1, 5_000)
steps = st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 3_000)), max_size=60)


@given(rates, steps)
def test_no_second_ever_sees_more_than_the_rate(rate: int, calls: list[tuple[float, int]]) -> None:
    limiter, now, grants = RateLimiter(rate), 1000.0, []
    for pause_s, wanted in calls:
        now += pause_s
        grants.append((now, limiter.take(now, wanted)))
    for begin, _ in grants:
        inside = sum(count for at, count in grants if begin <= at < begin + 0.999)
        assert inside <= rate


@given(
    st.sampled_from([1, 7, 100, 500, 1_000, 2_000, 20_000]),
    st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.2), st.integers(0, 3_000)), max_size=60),
)
def test_no_second_sees_more_than_the_rate_leave_when_some_leave_late(
    rate: int, calls: list[tuple[float, float, int]]
) -> None:
    limiter, now, left = RateLimiter(rate), 1000.0, []
    for pause_s, late_s, wanted in calls:
        now += pause_s
        granted = limiter.take(now, wanted)
        now += late_s
        limiter.sent_by(now)
        left.append((now, granted))
    for begin, _ in left:
        inside = sum(count for at, count in left if begin <= at < begin + 0.999)
        assert inside <= rate


@given(rates)
def test_a_greedy_caller_gets_nearly_the_whole_rate_in_the_long_run(rate: int) -> None:
    # It asks once a millisecond; without a burst, what falls between two questions is lost.
    limiter, granted = RateLimiter(rate), 0
    for millisecond in range(10_000):
        granted += limiter.take(millisecond / 1000, 10_000)
    assert granted >= rate * 10 * 0.9


@given(rates, st.integers(1, 500))
def test_waiting_as_long_as_told_earns_the_next_probe(rate: int, wanted: int) -> None:
    limiter = RateLimiter(rate)
    limiter.take(5.0, wanted)
    now = 5.0 + limiter.wait_s(5.0)
    assert limiter.take(now + 1e-9, 1) == 1


def test_one_per_second_is_one_per_second() -> None:
    limiter = RateLimiter(1)
    assert [limiter.take(now, 5) for now in (0.0, 0.5, 0.99, 1.0, 1.5, 2.0, 9.0)] == [
        1,
        0,
        0,
        1,
        0,
        1,
        1,
    ]


def test_what_was_not_used_can_be_given_back() -> None:
    limiter = RateLimiter(1)
    assert limiter.take(0.0, 1) == 1
    limiter.give_back(1)
    assert limiter.take(0.0, 1) == 1


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 per second"):
        RateLimiter(0)
