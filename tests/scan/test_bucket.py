"""The bucket's estimate against hosts that limit their ICMP errors in ways that exist."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from portproof.scan.bucket import IcmpBucket


@dataclass(slots=True)
class Host:
    """A host with a token bucket: so many errors at once, and so many a second."""

    burst: int
    per_s: float
    tokens: float = 0.0
    at: float = 0.0

    def refuses(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_s)
        self.at = now
        spare = self.tokens >= 1
        self.tokens -= spare
        return spare


def rounds_of(host: Host, closed: int) -> tuple[int, float]:
    """Ask until all closed ports are proved or the host had its time; gives what is left, and when."""
    bucket, now = IcmpBucket(0.0), 0.0
    bucket.joined(closed)
    while closed and not bucket.given_up(now):
        asked = bucket.round_size(closed)
        answered = sum(host.refuses(now) for _ in range(asked))
        spare = host.refuses(now)
        now += bucket.gap_s
        bucket.round_over(now, asked=asked, answered=answered, spare=spare)
        closed -= answered
    return closed, now


def test_behind_the_limit_of_linux_a_port_costs_little_more_than_a_second() -> None:
    left, took_s = rounds_of(Host(burst=6, per_s=1.0), 30)
    assert (left, took_s < 35) == (0, True)


def test_a_host_without_a_limit_is_asked_everything_at_once() -> None:
    assert rounds_of(Host(burst=10**6, per_s=10**6, tokens=10**6), 1000) == (0, 1.05)


def test_behind_the_limit_of_freebsd_a_thousand_ports_take_some_seconds() -> None:
    left, took_s = rounds_of(Host(burst=200, per_s=200), 1000)
    assert (left, took_s < 10) == (0, True)


@given(burst=st.integers(1, 50), per_s=st.floats(0.5, 500), closed=st.integers(1, 60))
def test_every_closed_port_is_proved_where_a_second_gives_half_an_error(
    burst: int, per_s: float, closed: int
) -> None:
    assert rounds_of(Host(burst, per_s), closed)[0] == 0


def test_a_host_that_falls_silent_has_its_time_and_no_more() -> None:
    left, took_s = rounds_of(Host(burst=0, per_s=0.0), 1_000)
    assert left == 1_000
    assert took_s < 45


def test_known_errors_to_spare_make_the_next_round_larger() -> None:
    bucket = IcmpBucket(0.0)
    bucket.round_over(1.0, asked=20, answered=1, spare=False)
    assert bucket.round_size(100) == 2
    bucket.round_over(2.0, asked=2, answered=1, spare=True)
    assert bucket.round_size(100) == 4
