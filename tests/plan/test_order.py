"""The order of probes is a bijection, the same for the same seed, and readable from anywhere."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost
from portproof.plan.order import Part, Permutation, ProbeOrder

sizes = st.integers(0, 3000)
seeds = st.integers(-(2**70), 2**70)


@given(sizes, seeds)
def test_every_number_comes_exactly_once(size: int, seed: int) -> None:
    assert sorted(Permutation(size, seed).block(0, size).tolist()) == list(range(size))


@given(sizes, seeds, st.integers(0, 3000), st.integers(0, 500))
def test_any_part_is_the_same_as_in_the_whole(size: int, seed: int, start: int, count: int) -> None:
    order = Permutation(size, seed)
    assert (
        order.block(start, count).tolist() == order.block(0, size)[start : start + count].tolist()
    )


def test_another_seed_is_another_order() -> None:
    one, two = (Permutation(65_535, seed).block(0, 65_535) for seed in (1, 2))
    assert (one == two).mean() < 0.01


def test_a_plan_of_a_trillion_probes_starts_at_once() -> None:
    order = Permutation(65_535 * 2**24, 7)
    part = order.block(len(order) - 1000, 1000)
    assert len(set(part.tolist())) == 1000
    assert int(part.max()) < len(order)


def test_neighbours_in_number_are_strangers_in_order() -> None:
    hosts = Permutation(65_535 * 256, 3).block(0, 4096) // 65_535
    # 4096 draws over 256 hosts: 16 each; a clump of 60 would be a broken order.
    assert np.bincount(hosts.astype(np.int64), minlength=256).max() < 60


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 2"):
        Permutation(-1, 0)


port_sets = st.sets(st.integers(1, 65_535), max_size=40).map(PortSet.from_iterable)


@given(st.lists(port_sets, max_size=6), seeds, st.integers(1, 50))
def test_each_endpoint_of_a_plan_is_drawn_once(ports: list[PortSet], seed: int, step: int) -> None:
    hosts = [host(index, each) for index, each in enumerate(ports)]
    order = ProbeOrder(hosts, Transport.TCP, seed)
    drawn = [pair for start in range(0, len(order), step) for pair in draw(order, start, step)]
    assert sorted(drawn) == sorted((i, p) for i, each in enumerate(ports) for p in each)
    assert len(order) == len(drawn)


def host(index: int, ports: PortSet) -> PlannedHost:
    address = ip_address(f"10.0.0.{index}")
    return PlannedHost(address=address, target=str(address), tcp=ports, udp=PortSet.empty())


def draw(order: ProbeOrder, start: int, count: int) -> list[tuple[int, int]]:
    hosts, ports = order.block(start, count)
    return list(zip(hosts.tolist(), ports.tolist(), strict=True))


@given(st.lists(st.tuples(st.integers(0, 4), port_sets), max_size=6), seeds)
def test_runs_of_hosts_are_in_the_order_of_the_hosts_one_by_one(
    runs: list[tuple[int, PortSet]], seed: int
) -> None:
    ports = [each for count, each in runs for _ in range(count)]
    one_by_one = ProbeOrder([host(*each) for each in enumerate(ports)], Transport.TCP, seed)
    in_runs = ProbeOrder.of_runs(runs, seed)
    assert draw(in_runs, 0, len(in_runs)) == draw(one_by_one, 0, len(one_by_one))


def test_a_network_costs_no_more_than_an_address() -> None:
    order = ProbeOrder.of_runs([(1 << 24, PortSet.from_iterable(range(1, 101)))], 1)
    hosts, ports = order.block(len(order) - 4096, 4096)
    assert len(order) == 100 << 24
    assert len(np.unique(hosts)) > 4_000
    assert set(ports.tolist()) == set(range(1, 101))


@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 40)), max_size=5),
    st.integers(0, 150),
    st.integers(0, 150),
)
def test_a_part_is_its_ranges_one_after_the_other(
    spans: list[tuple[int, int]], start: int, count: int
) -> None:
    whole = ProbeOrder.of_runs([(4, PortSet.from_iterable(range(1, 41)))], 1)
    ranges = [range(begin, begin + size) for begin, size in spans]
    part = Part(whole, ranges)
    expected = [pair for each in ranges for pair in draw(whole, each.start, len(each))]
    assert len(part) == len(expected)
    assert draw_part(part, start, count) == expected[start : start + count]


def test_a_part_beyond_its_order_is_refused() -> None:
    whole = ProbeOrder.of_runs([(1, PortSet.from_iterable([80]))], 1)
    with pytest.raises(ValueError, match="no part of an order of 1 numbers"):
        Part(whole, [range(2)])


def draw_part(part: Part, start: int, count: int) -> list[tuple[int, int]]:
    hosts, ports = part.block(start, count)
    return list(zip(hosts.tolist(), ports.tolist(), strict=True))
