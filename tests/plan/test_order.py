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
from portproof.plan.order import Permutation, ProbeOrder

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
