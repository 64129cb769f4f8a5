"""What is left of an order is all of it less what is done, whatever was drawn, in any pieces."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from portproof.model.drawn import Stretch, joined
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost
from portproof.plan.order import ProbeOrder
from portproof.plan.remaining import Remaining, endpoints_of

HOSTS = 5
PORTS = 40
SIZE = HOSTS * PORTS

numbers = st.integers(0, SIZE)
stretches = st.lists(st.builds(lambda a, b: Stretch(min(a, b), max(a, b)), numbers, numbers))


def an_order(seed: int = 7) -> ProbeOrder:
    ports = PortSet.from_ranges([(1, PORTS)])
    hosts = [
        PlannedHost(address=ip_address(f"10.0.0.{each}"), target="", tcp=ports, udp=PortSet.empty())
        for each in range(1, HOSTS + 1)
    ]
    return ProbeOrder(hosts, Transport.TCP, seed)


def endpoints(order: ProbeOrder | Remaining, start: int = 0, count: int = SIZE) -> list[int]:
    return [int(each) for each in endpoints_of(order.block(start, count))]


def inside(drawn: list[Stretch]) -> list[int]:
    return [number for each in joined(drawn) for number in range(each.begin, each.end)]


@given(drawn=stretches, kept=st.randoms(use_true_random=False))
def test_what_is_left_is_each_endpoint_that_is_not_done_once(
    drawn: list[Stretch], kept: st.DataObject
) -> None:
    order = an_order()
    all_of_it = endpoints(order)
    done = BitMap64(all_of_it[each] for each in inside(drawn) if kept.random() < 0.8)  # type: ignore[attr-defined]
    left = Remaining(order, drawn, done)
    assert sorted(endpoints(left)) == sorted(set(all_of_it) - set(done))
    assert len(left) == SIZE - len(done)


@given(drawn=stretches, start=numbers, count=numbers)
def test_any_block_of_it_is_a_piece_of_the_whole(
    drawn: list[Stretch], start: int, count: int
) -> None:
    left = Remaining(
        an_order(), drawn, BitMap64(endpoints(an_order())[each] for each in inside(drawn)[::3])
    )
    whole = endpoints(left)
    assert endpoints(left, start, count) == whole[start : start + count]


def test_what_was_drawn_in_vain_comes_first_and_is_counted_as_repeated() -> None:
    order = an_order()
    drawn, every = [Stretch(0, 50), Stretch(100, 120)], endpoints(order)
    in_vain = {every[3], every[49], every[110]}
    done = BitMap64(every[each] for each in inside(drawn) if every[each] not in in_vain)
    left = Remaining(order, drawn, done)
    assert left.repeated == 3
    assert set(endpoints(left, 0, 3)) == in_vain
    assert endpoints(left, 3) == every[50:100] + every[120:]


def test_outcomes_beyond_what_was_drawn_show_that_it_was_another_order() -> None:
    order = an_order()
    every = endpoints(order)
    left = Remaining(order, [Stretch(0, 10)], BitMap64([every[0], every[150]]))
    assert sorted(endpoints(left)) == sorted(set(every) - {every[0], every[150]})
    assert left.repeated == SIZE - 2


def test_an_order_of_which_nothing_is_left_is_empty() -> None:
    order = an_order()
    left = Remaining(order, [Stretch(0, SIZE)], BitMap64(endpoints(order)))
    assert len(left) == 0
    assert endpoints(left) == []


@given(before=stretches, own=stretches)
def test_what_was_drawn_in_all_holds_each_number_that_either_run_drew(
    before: list[Stretch], own: list[Stretch]
) -> None:
    order = an_order()
    every = endpoints(order)
    left = Remaining(order, before, BitMap64(every[each] for each in inside(before)[::2]))
    drawn_here = {each for number in inside(own) for each in endpoints(left, number, 1)}
    in_all = {every[each] for each in inside(list(left.drawn_with(own)))}
    assert in_all == {every[each] for each in inside(before)} | drawn_here


def test_memory_does_not_grow_with_what_was_never_drawn() -> None:
    ports = PortSet.from_ranges([(1, 100)])
    order = ProbeOrder.of_runs([(1 << 24, ports)], 7)
    left = Remaining(order, [Stretch(0, 1000)], BitMap64(endpoints_of(order.block(0, 900))))
    assert (len(left), left.repeated) == (len(order) - 900, 100)
    hosts, _ = left.block(len(left) - 5, 10)
    assert np.array_equal(hosts, order.block(len(order) - 5, 5)[0])
