"""Time-outs follow round-trip times, attempts the loss of the path, both within the plan's bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import overload

from hypothesis import given
from hypothesis import strategies as st

from portproof.model.batch import NO_RTT
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import PortState, Reason
from portproof.model.scan import Timing
from portproof.scan.patience import Patience
from portproof.scan.rows import CODES, batch_of

TIMING = Timing(timeout_ms=1_000, min_timeout_ms=100)
HOSTS = [ip_address("10.0.0.1"), ip_address("10.0.0.2")]


def learnt(*batches: list[int]) -> float:
    patience = Patience(HOSTS, TIMING)
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


# ---------------------------------------------------------------- how often

ELSEWHERE = ip_address("10.0.9.1")


def attempts(patience: Patience, answered_at: list[int], host: int = 0) -> int:
    """Learn of answers of the host at those attempts; gives how often its silent ports are asked."""
    rows = [
        (host << 16 | port, CODES[PortState.CLOSED, Reason.RESET], 500, attempt, 0.0)
        for port, attempt in enumerate(answered_at, 1)
    ]
    patience.learn(batch_of(rows, Transport.TCP, began=0.0))
    return patience.attempts[host]


def test_where_nothing_is_lost_a_silent_port_is_asked_as_the_plan_says() -> None:
    patience = Patience(HOSTS, TIMING)
    assert patience.attempts[0] == 3
    assert attempts(patience, [1] * 100) == 3


def test_where_half_is_lost_it_is_asked_some_twenty_times_more() -> None:
    assert 24 <= attempts(Patience(HOSTS, TIMING), [1, 2, 1, 3, 1, 2, 1, 4, 1, 3] * 20) <= 31


def test_never_more_often_than_a_person_allows() -> None:
    timing = replace(TIMING, max_retries=4, most_retries=4)
    assert attempts(Patience(HOSTS, timing), [1, 2, 3] * 50) == 5


def test_a_path_that_loses_nothing_is_not_asked_more_for_the_sake_of_another() -> None:
    patience = Patience([*HOSTS, ELSEWHERE], TIMING)
    attempts(patience, [1] * 50, host=2)
    assert attempts(patience, [1, 2, 3] * 50, host=0) > 3
    assert patience.attempts[1] > 3, "its neighbour lies on the same path"
    assert patience.attempts[2] == 3


class Slash8(Sequence[Address]):
    """Sixteen million hosts that nobody has listed."""

    def __len__(self) -> int:
        return 1 << 24

    @overload
    def __getitem__(self, index: int) -> Address: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Address]: ...
    def __getitem__(self, index: int | slice) -> Address | Sequence[Address]:
        assert isinstance(index, int)
        return IPv4Address((10 << 24) + index)


def test_only_the_latest_hosts_that_answered_are_remembered() -> None:
    patience = Patience(Slash8(), TIMING)
    rows = [
        (host << 16 | 80, CODES[PortState.CLOSED, Reason.RESET], 500, 1, 0.0)
        for host in range(70_000)
    ]
    patience.learn(batch_of(rows, Transport.TCP, began=0.0))
    assert len(patience.timeout_s) < 70_000
    assert (patience.timeout_s[0], patience.timeout_s[69_999]) == (1.0, 0.1)
