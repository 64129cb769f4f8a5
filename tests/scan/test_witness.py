"""Silence counts between two witnesses and nowhere else (law 2)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import PortState, Reason
from portproof.model.scan import Control, ControlKind, ControlSample, Timing
from portproof.scan.classify import Verdict
from portproof.scan.routing import Route
from portproof.scan.rows import CODES, batch_of
from portproof.scan.witness import (
    Instants,
    WitnessBook,
    bracketed_by_witnesses,
    longest_gap_ms,
    network_around,
)
from vantage import control, planned_hosts

SILENT = (PortState.FILTERED, Reason.NO_RESPONSE)
OPEN = (PortState.OPEN, Reason.HANDSHAKE)
RESET = (PortState.CLOSED, Reason.RESET)
REJECTED = (PortState.FILTERED, Reason.HOST_UNREACH)


def judged(sent: int, witnesses: list[int], failures: list[int] | None = None) -> bool:
    answer = bracketed_by_witnesses(
        np.array([sent]), np.array(witnesses, dtype=np.int64), np.array(failures or []), 5_000
    )
    return bool(answer[0])


def test_a_witness_before_and_one_after_suffice() -> None:
    assert judged(1_500, [1_000, 2_000])
    assert judged(1_000, [1_000])


def test_one_side_alone_does_not() -> None:
    assert not judged(1_500, [1_000])
    assert not judged(500, [1_000])
    assert not judged(500, [])


def test_witnesses_too_far_apart_do_not() -> None:
    assert judged(3_000, [0, 5_000])
    assert not judged(3_000, [0, 5_001])


def test_a_control_that_failed_in_between_spoils_them() -> None:
    assert not judged(1_500, [1_000, 2_000], [1_700])
    assert judged(1_500, [1_000, 2_000], [500, 2_500])


moments = st.lists(st.integers(0, 20_000), max_size=12).map(lambda each: sorted(set(each)))


@given(st.integers(0, 20_000), moments, moments, st.integers(0, 20_000))
def test_the_columns_say_what_the_rule_says(
    sent: int, witnesses: list[int], failures: list[int], max_gap_ms: int
) -> None:
    before = max((each for each in witnesses if each <= sent), default=None)
    after = min((each for each in witnesses if each >= sent), default=None)
    expected = (
        before is not None
        and after is not None
        and after - before <= max_gap_ms
        and not any(before <= each <= after for each in failures)
    )
    answer = bracketed_by_witnesses(
        np.array([sent, sent]),
        np.array(witnesses, dtype=np.int64),
        np.array(failures, dtype=np.int64),
        max_gap_ms,
    )
    assert answer.tolist() == [expected, expected]


@given(moments, moments, st.integers(0, 20_000), st.integers(0, 5_000))
def test_fewer_witnesses_or_more_failures_never_make_silence_good(
    witnesses: list[int], failures: list[int], sent: int, max_gap_ms: int
) -> None:
    def answer(held: list[int], failed: list[int]) -> bool:
        columns = (
            np.array([sent]),
            np.array(held, dtype=np.int64),
            np.array(failed, dtype=np.int64),
        )
        return bool(bracketed_by_witnesses(*columns, max_gap_ms)[0])

    for index in range(len(witnesses)):
        if answer(witnesses[:index] + witnesses[index + 1 :], []):
            assert answer(witnesses, [])
    if answer(witnesses, failures):
        assert answer(witnesses, [])


@given(st.lists(st.integers(0, 100_000), min_size=1))
def test_of_many_moments_real_ones_are_kept_first_and_last_among_them(given_ms: list[int]) -> None:
    kept = Instants()
    for part in (given_ms[::2], given_ms[1::2]):
        kept.add(np.array(part, dtype=np.int64))
    ascending = kept.ascending().tolist()
    assert ascending == sorted(set(ascending))
    assert set(ascending) <= set(given_ms)
    assert (ascending[0], ascending[-1]) == (min(given_ms), max(given_ms))


def test_the_longest_gap_includes_the_ends() -> None:
    assert longest_gap_ms(np.array([400, 500]), 0, 2_000) == 1_500
    assert longest_gap_ms(np.array([], dtype=np.int64), 0, 2_000) == 2_000
    assert longest_gap_ms(np.array([-100, 1_000, 2_500]), 0, 2_000) == 1_000
    assert longest_gap_ms(np.array([1]), 5, 5) == 0


def test_a_network_is_a_24_or_64_and_an_address_of_ours_stands_alone() -> None:
    around = [network_around(ip_address(each), own=False) for each in ("10.1.2.3", "2001:db8::5")]
    assert around == [ip_network("10.1.2.0/24"), ip_network("2001:db8::/64")]
    assert network_around(ip_address("10.1.2.3"), own=True) == ip_network("10.1.2.3/32")


# ---------------------------------------------------------------- the book

HOSTS = planned_hosts(["10.0.0.5", "10.0.0.200", "10.0.9.5"], "1-9")
CANARY = control("canary", ControlKind.POSITIVE, "192.0.2.7:443", ["10.0.0.0/25"])
TIMING = Timing(max_witness_gap_ms=5_000)
DECOY = control("decoy", ControlKind.NEGATIVE, "192.0.2.8:9", ["10.0.0.0/24"])


def book(*controls: Control) -> WitnessBook:
    return WitnessBook(HOSTS, controls, on_link, TIMING)


def on_link(address: Address) -> Route:
    return Route(local=False, next_hop=address, interface=2)


def rows(*given_rows: tuple[int, Verdict, int]) -> OutcomeBatch:
    """Rows of host, verdict and milliseconds; each at a port of its own."""
    return batch_of(
        [
            (host << 16 | port, CODES[verdict], NO_RTT, 1, sent_ms / 1000)
            for port, (host, verdict, sent_ms) in enumerate(given_rows, 1)
        ],
        Transport.TCP,
        began=0.0,
    )


def sample(at_ms: int, *, good: bool = True, name: str = "canary") -> ControlSample:
    return ControlSample(control_id=name, at_ms=at_ms, as_expected=good, seen="")


def witnessed(held: WitnessBook, *given_rows: tuple[int, Verdict, int]) -> list[bool]:
    return held.witnessed(rows(*given_rows), 10**6).tolist()


def test_a_canary_speaks_for_the_hosts_of_its_networks_only() -> None:
    held = book(CANARY)
    for at_ms in (0, 1_000):
        held.sampled(sample(at_ms))
    assert witnessed(held, (0, SILENT, 500), (1, SILENT, 500), (2, SILENT, 500)) == [
        True,
        False,
        False,
    ]


def test_an_answer_speaks_for_the_24_around_it() -> None:
    held = book()
    held.answered(rows((0, OPEN, 100), (0, RESET, 900)))
    assert witnessed(held, (0, SILENT, 500), (1, SILENT, 500), (2, SILENT, 500)) == [
        True,
        True,
        False,
    ]


def test_a_router_that_rejects_is_no_witness() -> None:
    held = book()
    held.answered(rows((0, REJECTED, 100), (0, REJECTED, 900)))
    assert witnessed(held, (0, SILENT, 500)) == [False]


def test_a_failed_canary_spoils_its_hosts_even_where_something_answered() -> None:
    held = book(CANARY)
    held.answered(rows((0, OPEN, 100), (0, OPEN, 900)))
    held.sampled(sample(600, good=False))
    assert witnessed(held, (0, SILENT, 500)) == [False]
    assert held.failed_controls(ControlKind.POSITIVE) == {"canary": 1}


def test_a_witness_beyond_the_horizon_does_not_count_yet() -> None:
    held = book(CANARY)
    held.sampled(sample(0))
    held.sampled(sample(1_000))
    silence = rows((0, SILENT, 500))
    assert not held.witnessed(silence, 999)[0]
    assert held.witnessed(silence, 1_000)[0]


def test_a_network_without_a_canary_wants_one_of_its_endpoints_adopted() -> None:
    held = book(CANARY)
    hosts = np.arange(3, dtype=np.uint32)
    assert held.unspoken_for(hosts).tolist() == [False, True, True]
    held.adopt(2, "10.0.9.5:22/tcp")
    assert held.unspoken_for(hosts).tolist() == [False, True, False]
    held.sampled(sample(0, name="10.0.9.5:22/tcp"))
    held.sampled(sample(900, name="10.0.9.5:22/tcp"))
    assert witnessed(held, (2, SILENT, 500)) == [True]
    # Nobody promised that it answers: its silence is no failed control.
    held.sampled(sample(950, good=False, name="10.0.9.5:22/tcp"))
    assert held.failed_controls(ControlKind.POSITIVE) == {}


def test_a_negative_control_that_is_open_makes_its_networks_too_eager() -> None:
    held = book(DECOY)
    hosts = np.arange(3, dtype=np.uint32)
    assert held.has_negative(hosts).tolist() == [True, True, False]
    assert not held.too_eager(hosts).any()
    held.sampled(sample(100, good=False, name="decoy"))
    assert held.too_eager(hosts).tolist() == [True, True, False]


def test_a_control_that_could_not_be_asked_is_neither_good_nor_bad() -> None:
    held = book(CANARY, DECOY)
    hosts = np.arange(1, dtype=np.uint32)
    for name in ("canary", "decoy"):
        held.not_asked(sample(100, good=False, name=name))
    assert not held.too_eager(hosts).any()
    assert not held.negative_asked_since(rows((0, OPEN, 50)), 10**6).any()
    held.sampled(sample(0))
    held.sampled(sample(1_000))
    assert witnessed(held, (0, SILENT, 500)) == [False]
    for kind, name in ((ControlKind.POSITIVE, "canary"), (ControlKind.NEGATIVE, "decoy")):
        assert held.failed_controls(kind) == {}
        assert held.unasked_controls(kind) == {name: 1}
    account = held.witnesses(0, 1_000)[0]
    assert (account.samples, account.failures) == (4, 2)


def test_the_account_of_each_network_ties_out() -> None:
    held = book(CANARY)
    held.sampled(sample(0))
    held.sampled(sample(4_000))
    silence = rows((0, SILENT, 500), (2, SILENT, 500), (2, SILENT, 600))
    held.settled(silence, held.witnessed(silence, 5_000))
    accounts = {str(each.network): each for each in held.witnesses(0, 4_000)}
    assert {name: (each.silent, each.unwitnessed) for name, each in accounts.items()} == {
        "10.0.0.0/25": (1, 0),
        "10.0.0.0/24": (0, 0),
        "10.0.9.0/24": (2, 2),
    }
    canary = accounts["10.0.0.0/25"]
    assert (canary.positive, canary.samples, canary.failures) == (("canary",), 2, 0)
    assert canary.longest_gap_ms == 4_000
    assert held.unwitnessed() == {ip_network("10.0.9.0/24"): 2}


# ---------------------------------------------------------------- the same route

LOW, HIGH = planned_hosts(["10.1.2.5", "10.1.2.200"], "1-9")
ROUTER, OTHER = ip_address("10.0.0.1"), ip_address("10.0.0.2")


def halves(low: Route | None, high: Route | None, *controls: Control) -> WitnessBook:
    """A book of two hosts of one /24, each with a route of its own."""
    routes = {LOW.address: low, HIGH.address: high}
    return WitnessBook((LOW, HIGH), controls, routes.__getitem__, TIMING)


def via(router: Address, interface: int = 2) -> Route:
    return Route(local=False, next_hop=router, interface=interface)


@pytest.mark.parametrize(
    ("low", "high", "shared"),
    [
        (via(ROUTER), via(ROUTER), True),
        (via(ROUTER), via(OTHER), False),
        (via(ROUTER, 2), via(ROUTER, 3), False),
        (on_link(LOW.address), on_link(HIGH.address), True),
        (on_link(LOW.address), via(HIGH.address, 3), False),
        (on_link(LOW.address), via(ROUTER), False),
        (via(ROUTER), None, False),
    ],
)
def test_an_answer_speaks_for_those_on_its_own_route_only(
    low: Route, high: Route | None, *, shared: bool
) -> None:
    held = halves(low, high)
    held.answered(rows((0, OPEN, 100), (0, RESET, 900)))
    assert witnessed(held, (0, SILENT, 500), (1, SILENT, 500)) == [True, shared]


@pytest.mark.parametrize(("router", "shared"), [(ROUTER, True), (OTHER, False)])
def test_an_adopted_endpoint_speaks_for_those_on_its_own_route_only(
    router: Address, *, shared: bool
) -> None:
    held = halves(via(ROUTER), via(router))
    held.adopt(0, "10.1.2.5:22/tcp")
    assert held.unspoken_for(np.arange(2, dtype=np.uint32)).tolist() == [False, not shared]
    held.sampled(sample(0, name="10.1.2.5:22/tcp"))
    held.sampled(sample(900, name="10.1.2.5:22/tcp"))
    assert witnessed(held, (0, SILENT, 500), (1, SILENT, 500)) == [True, shared]
    assert [each.positive for each in held.witnesses(0, 900)] == [("10.1.2.5:22/tcp",)] + (
        [] if shared else [()]
    )


def test_a_canary_speaks_for_its_networks_whatever_the_route() -> None:
    canary = control("canary", ControlKind.POSITIVE, "192.0.2.7:443", ["10.1.2.0/24"])
    held = halves(via(ROUTER), via(OTHER), canary)
    held.sampled(sample(0))
    held.sampled(sample(900))
    assert witnessed(held, (0, SILENT, 500), (1, SILENT, 500)) == [True, True]


def test_silence_on_two_routes_of_one_network_is_told_as_one_sum() -> None:
    held = halves(via(ROUTER), via(OTHER))
    silence = rows((0, SILENT, 500), (1, SILENT, 500))
    held.settled(silence, held.witnessed(silence, 900))
    assert held.unwitnessed() == {ip_network("10.1.2.0/24"): 2}
