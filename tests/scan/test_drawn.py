"""What was drawn of an order is noted, across processes too, and never as less than it was."""

from __future__ import annotations

import os

from pyroaring import BitMap64

from portproof.model.drawn import Stretch
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.plan.order import ProbeOrder
from portproof.plan.remaining import Remaining, endpoints_of
from portproof.scan.drawn import DrawnOrder

PORTS = PortSet.from_ranges([(1, 1000)])


def an_order(hosts: int = 1) -> ProbeOrder:
    return ProbeOrder.of_runs([(hosts, PORTS)], 7)


def test_it_hands_out_what_the_order_does_and_notes_it() -> None:
    order = an_order()
    noted = DrawnOrder(order, Transport.TCP)
    assert noted.drawn().stretches == ()
    blocks = [noted.block(0, 10), noted.block(10, 20), noted.block(500, 1000)]
    assert [each.tolist() for each in blocks[1]] == [each.tolist() for each in order.block(10, 20)]
    assert noted.drawn().stretches == (Stretch(0, 30), Stretch(500, 1000))
    assert noted.drawn().size == 1000


def test_a_block_beyond_the_end_is_empty_and_notes_nothing() -> None:
    noted = DrawnOrder(an_order(), Transport.TCP)
    assert len(noted.block(1000, 5)[1]) == 0
    assert noted.drawn().stretches == ()


def test_what_may_be_drawn_before_the_next_checkpoint_is_claimed_beforehand() -> None:
    noted = DrawnOrder(an_order(), Transport.TCP)
    assert noted.drawn(ahead=25).stretches == (Stretch(0, 25),)
    noted.block(0, 10)
    noted.block(990, 5)
    assert noted.drawn(ahead=25).stretches == (Stretch(0, 35), Stretch(990, 1000))


def test_a_large_order_is_noted_in_cells_which_are_claimed_as_a_whole() -> None:
    noted = DrawnOrder(an_order(hosts=1 << 20), Transport.TCP)
    noted.block(20_000, 1)
    (stretch,) = noted.drawn().stretches
    assert stretch.begin <= 20_000 < stretch.end
    assert stretch.end - stretch.begin == 16_000


def test_a_forked_worker_notes_for_its_parent() -> None:
    noted = DrawnOrder(an_order(), Transport.TCP)
    worker = os.fork()
    if not worker:
        noted.block(500, 100)
        os._exit(0)
    os.waitpid(worker, 0)
    assert noted.drawn().stretches == (Stretch(500, 600),)


def test_repeated_counts_what_earlier_runs_had_drawn_as_far_as_it_was_drawn_again() -> None:
    order = an_order()
    done = BitMap64(endpoints_of(order.block(0, 90)))
    noted = DrawnOrder(order, Transport.TCP, Remaining(order, [Stretch(0, 100)], done))
    assert noted.repeated(BitMap64()) == 0
    noted.block(0, 4)
    assert noted.repeated(BitMap64()) == 4
    assert noted.drawn().stretches == (Stretch(0, 100),)
    noted.block(4, 50)
    assert noted.repeated(BitMap64()) == 10
    assert noted.drawn().stretches == (Stretch(0, 144),)
    never_asked = BitMap64(endpoints_of(order.block(95, 2)))
    assert noted.repeated(never_asked) == 8


def test_an_order_of_which_nothing_is_left_hands_out_nothing() -> None:
    order = an_order()
    everything = BitMap64(endpoints_of(order.block(0, 1000)))
    noted = DrawnOrder(order, Transport.TCP, Remaining(order, [Stretch(0, 1000)], everything))
    assert len(noted) == 0
    assert len(noted.block(0, 100)[1]) == 0
