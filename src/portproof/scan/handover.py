"""What a run takes over from the one that it continues, and what it leaves for its own continuation.

::

    Carried ──► done endpoints ──► order less those ──► engine draws ──► DrawnOrder notes
                                                                             │
                       record (at the end) ◄── drawn, carried, repeated ◄────┤
                       checkpoint (twice a second) ◄── drawn, and what may be by the next ◄┘

A checkpoint must never claim less than was sent, or a continuation would call endpoints new that
were asked before. The process may die just before the next one is due, so it claims in advance what
the rate permits until then, and `AHEAD_S` longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from pyroaring import BitMap64

from portproof.model.carried import Carried
from portproof.model.drawn import Drawn
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault
from portproof.model.ports import PortSet
from portproof.model.scan import Coverage, HostOutcome, ScanPlan
from portproof.plan.order import Order
from portproof.plan.remaining import Remaining
from portproof.scan.drawn import DrawnOrder

AHEAD_S: Final = 0.5
"""How much later than planned a checkpoint may come without claiming too little."""


class Handover:
    """The orders of one run, and what is known of them."""

    def __init__(self, plan: ScanPlan, carried: Carried | None) -> None:
        self._plan = plan
        self._carried = carried
        self._orders: dict[Transport, DrawnOrder] = {}
        hosts = plan.hosts if carried else ()
        self._places = {host: place for place, host in enumerate(hosts)}

    def outcomes(self) -> Iterator[tuple[int, HostOutcome]]:
        """Give what was carried over, each with its host's place in the plan."""
        if self._carried is not None:
            yield from ((self._places[each.host], each) for each in self._carried.hosts)

    def left_of(self, order: Order, transport: Transport) -> Order:
        """Give what is left of an order for this run, as an order that notes what is drawn of it."""
        left = None
        if self._carried is not None:
            drawn = self._carried.drawn_over(transport)
            known = drawn is not None and drawn.size == len(order)
            stretches = drawn.stretches if drawn is not None and known else ()
            left = Remaining(order, stretches, self._done(self._carried, transport))
        self._orders[transport] = noted = DrawnOrder(order, transport, left)
        return noted

    def drawn(self, *, ahead: int = 0) -> tuple[Drawn, ...]:
        """Give what was drawn so far, with `ahead` more probes of the orders that are being drawn."""
        before = self._carried.drawn if self._carried is not None else ()
        inherited = [each for each in before if each.transport not in self._orders]
        return (*inherited, *(each.drawn(ahead=ahead) for each in self._orders.values()))

    def counted(
        self, coverage: Iterable[Coverage], outcomes: Sequence[HostOutcome]
    ) -> tuple[Coverage, ...]:
        """Add to each coverage what was carried over and is still believed, and what was repeated."""
        if self._carried is None:
            return tuple(coverage)
        return tuple(
            replace(
                each,
                carried=self._standing(self._carried, outcomes, each.transport),
                repeated=self._repeated(outcomes, each.transport),
            )
            for each in coverage
        )

    def _repeated(self, outcomes: Sequence[HostOutcome], transport: Transport) -> int:
        """Count what was asked again; a port that no probe is registered for never is."""
        if transport not in self._orders:
            return 0
        unasked = (
            (place, outcome.unmeasured.get(LocalFault.NOT_PROBED, PortSet.empty()))
            for place, outcome in self._placed(outcomes, transport)
        )
        return self._orders[transport].repeated(_endpoints(unasked))

    def _placed(
        self, outcomes: Iterable[HostOutcome], transport: Transport
    ) -> Iterator[tuple[int, HostOutcome]]:
        """Give the outcomes over a transport, each with its host's place in the plan."""
        for each in outcomes:
            if each.transport is transport:
                yield self._places[each.host], each

    def _standing(
        self, carried: Carried, outcomes: Sequence[HostOutcome], transport: Transport
    ) -> int:
        now = {place: _measured(each) for place, each in self._placed(outcomes, transport)}
        before = self._placed(carried.hosts, transport)
        return sum(len(_measured(each) & now[place]) for place, each in before)

    def _done(self, carried: Carried, transport: Transport) -> BitMap64:
        before = self._placed(carried.hosts, transport)
        return _endpoints((place, _measured(each)) for place, each in before)


def _endpoints(ports_of_hosts: Iterable[tuple[int, PortSet]]) -> BitMap64:
    """Give endpoints as numbers: host index · 65536 + port."""
    found = BitMap64()
    for place, ports in ports_of_hosts:
        found.update(ports.to_array().astype(np.uint64) | np.uint64(place << 16))
    return found


def _measured(outcome: HostOutcome) -> PortSet:
    ports = PortSet.empty()
    for each in outcome.states.values():
        ports |= each
    return ports
