"""Time-outs follow round-trip times, between the plan's bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portproof.model.batch import NO_RTT
from portproof.model.endpoint import Transport
from portproof.model.observation import PortState, Reason
from portproof.model.scan import Timing
from portproof.scan.patience import Patience
from portproof.scan.rows import CODES, batch_of

TIMING = Timing(timeout_ms=1_000, min_timeout_ms=100)


def learnt(*batches: list[int]) -> float:
    patience = Patience(2, TIMING)
    for rtts_us in batches:
        rows = [
            (0 << 16 | 80, CODES[PortState.CLOSED, Reason.RESET], rtt, 1, 0.0) for rtt in rtts_us
        ]
        patience.learn(batch_of(rows, Transport.TCP, began=0.0))
    assert patience.timeout_s[1] == 1.0  # the other host has not been heard of
    return patience.timeout_s[0]


def test_nothing_heard_is_waited_for_longest() -> None:
    assert learnt() == 1.0
    assert learnt([NO_RTT]) == 1.0


def test_a_quick_host_is_not_waited_for_long_but_as_long_as_the_plan_demands() -> None:
    assert learnt([200] * 50) == 0.1


def test_a_slow_host_is_waited_for_longer_than_its_answers_take() -> None:
    assert 0.2 < learnt([150_000, 160_000, 170_000]) <= 0.6


def test_a_host_that_becomes_slow_is_waited_for_longer() -> None:
    assert learnt([1_000] * 50, [200_000] * 50) > learnt([1_000] * 50)


@given(st.lists(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=20), max_size=10))
def test_the_time_out_stays_within_the_plan_and_shared_by_many(batches: list[list[int]]) -> None:
    timeout_s = learnt(*batches)
    assert 0.1 <= timeout_s <= 1.0
    assert round(timeout_s * 1000) % 50 == 0
