"""What a sweep spares besides its hosts: each limit is kept in any second, and costs nothing unused."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.endpoint import Address, Transport
from portproof.model.observation import PortState, Reason
from portproof.model.rates import Rates
from portproof.plan.flows import CLOSED_S, SILENT_S
from portproof.scan.backoff import PathPace
from portproof.scan.care import Care, RouteTo, StateTables
from portproof.scan.routing import Route
from portproof.scan.rows import CODES, batch_of

ROUTER, OTHER_ROUTER = ip_address("10.0.0.1"), ip_address("10.0.0.2")
RESET = CODES[(PortState.CLOSED, Reason.RESET)]
FAST = {"global_pps": 10**6, "per_host_pps": 10**6}


def on_link(address: Address) -> Route:
    return Route(local=False, next_hop=address, interface=1)


def routed(address: Address) -> Route:
    """Two halves of the world: by one router up to 10.9.0.0, by the other from there on."""
    far = int(address) >= int(ip_address("10.9.0.0"))
    return Route(local=False, next_hop=OTHER_ROUTER if far else ROUTER, interface=1)


def care(hosts: Sequence[str], *, route: RouteTo = routed, **limits: int) -> Care:
    rates = Rates(**{**FAST, **limits})
    addresses = [ip_address(each) for each in hosts]
    return Care(addresses, rates, timeout_s=1.0, tables=StateTables(route))


def granted(held: Care, now: float, hosts: Sequence[int]) -> list[int]:
    """Ask for one probe to each of the hosts, and give those that may leave."""
    if not held.chooses:
        return list(hosts[: held.take(now, len(hosts))])
    return [host for host in hosts if held.take(now, 1) and held.admit(now, host)]


def test_without_limits_nothing_is_asked_per_probe() -> None:
    held = care(["10.1.0.1", "10.9.0.1"])
    assert not held.chooses
    assert held.take(0.0, 10_000) == 10_000


def test_hosts_on_our_link_have_no_table_in_between() -> None:
    held = care(["10.0.0.5", "10.0.0.6"], route=on_link, max_flows=1)
    assert not held.chooses
    assert held.take(0.0, 10_000) == 10_000


def test_a_host_without_a_route_is_for_the_engine_to_find_out() -> None:
    held = care(["10.0.0.5"], route=lambda _address: None, max_flows=1)
    assert held.take(0.0, 10_000) == 10_000


def test_all_hosts_behind_one_router_share_its_budget_in_batches() -> None:
    held = care(["10.1.0.1", "10.2.0.1", "10.3.0.1"], max_flows=100)
    assert not held.chooses
    assert held.take(0.0, 1_000) == 100
    assert held.take(SILENT_S, 1_000) == 0
    assert held.take(SILENT_S + 1, 1_000) == 100


def test_each_router_has_a_budget_of_its_own() -> None:
    held = care(["10.1.0.1", "10.9.0.1"], max_flows=2)
    assert held.chooses
    assert granted(held, 0.0, [0, 0, 0, 1, 1, 1]) == [0, 0, 1, 1]


def test_a_network_that_is_split_between_routers_is_counted_by_address() -> None:
    def split(address: Address) -> Route:
        far = int(address) & 0xFF >= 128
        return Route(local=False, next_hop=OTHER_ROUTER if far else ROUTER, interface=1)

    held = care(["10.1.0.1", "10.1.0.2", "10.1.0.200"], route=split, max_flows=1)
    assert granted(held, 0.0, [0, 1, 2]) == [0, 2]


def test_an_answer_gives_the_entry_back_after_ten_seconds() -> None:
    held = care(["10.1.0.1"], max_flows=3)
    assert held.take(0.0, 9) == 3
    rows = [(port, RESET, 100, 1, 0.0) for port in range(2)]
    held.heard(batch_of(rows, Transport.TCP, began=0.0), 0.1)
    assert held.take(CLOSED_S - 1, 9) == 0
    assert held.take(CLOSED_S + 1, 9) == 2


def test_probes_that_were_not_sent_are_given_back() -> None:
    held = care(["10.1.0.1"], max_flows=3)
    held.take(0.0, 3)
    held.give_back(2)
    assert held.take(0.0, 9) == 2


@pytest.mark.parametrize(
    ("neighbour", "leaving"),
    [("10.1.0.77", [0]), ("10.1.1.77", [0, 1]), ("2001:db8::1", [0, 1])],
)
def test_a_subnet_is_a_slash_24_or_a_slash_64(neighbour: str, leaving: list[int]) -> None:
    held = care(["10.1.0.1", neighbour], per_subnet_pps=1)
    assert granted(held, 0.0, [0, 1]) == leaving


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 3)), max_size=300))
def test_no_second_sees_more_than_the_subnet_may_get(asked: list[tuple[float, int]]) -> None:
    held = care(["10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.2"], per_subnet_pps=7)
    now, sent = 0.0, [list[float](), list[float]()]
    for pause_s, host in asked:
        now += pause_s
        if granted(held, now, [host]):
            sent[host // 2].append(now)
    for times in sent:
        for number, begin in enumerate(times):
            assert sum(1 for each in times[number:] if each < begin + 1) <= 7


def test_a_path_that_loses_packets_gets_a_share_of_the_rate() -> None:
    path = PathPace()
    rates = Rates(global_pps=1_000, per_host_pps=1_000)
    held = Care(
        [ip_address("10.1.0.1")], rates, timeout_s=1.0, path=path, tables=StateTables(routed)
    )
    path.lost(0.0)
    sent = sum(held.take(millisecond / 1000, 100) for millisecond in range(1_000))
    assert 400 <= sent <= 500


def test_it_says_how_long_to_wait() -> None:
    held = care(["10.1.0.1"], max_flows=1)
    assert held.wait_s(0.0) == 0.0
    held.take(0.0, 1)
    assert held.take(1.0, 1) == 0
    assert SILENT_S - 1 <= held.wait_s(1.0) <= SILENT_S
