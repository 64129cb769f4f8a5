"""What a worker still owes: kept so that its death costs no more than what it had not told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import OutcomeBatch
from portproof.plan.order import Order

Probes: TypeAlias = NDArray[np.int64]
"""Probe numbers as engines have them: host index · 65536 + port."""

_BLOCK: Final = 4096
_SETTLED_AT_ONCE: Final = 65_536

_NONE: Final[Probes] = np.zeros(0, dtype=np.int64)


class Unreported:
    """Which endpoints of an order have not been reported.

    A worker reports in about the order in which it draws. So the same order is drawn here, as far
    as has been reported, and both are struck off against each other now and then: what is left is
    what is under way, however long the order is. A sweep too short for that costs nothing.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._drawn = 0
        self._reported = 0
        self._missing: Probes = _NONE
        """Drawn here, and not reported."""
        self._early: list[Probes] = []
        """Reported, and not drawn here."""
        self._waiting = 0

    def took(self, batch: OutcomeBatch) -> None:
        """Strike the endpoints of a batch off."""
        self._early.append(_probes(batch.host, batch.port))
        self._reported += len(batch)
        self._waiting += len(batch)
        if self._waiting >= _SETTLED_AT_ONCE:
            self._settle(self._reported)

    def rest(self) -> Iterator[Probes]:
        """Give, block by block, all that has not been reported; nothing is left here afterwards."""
        while self._early or self._drawn < len(self._order) or len(self._missing):
            self._settle(self._drawn + _SETTLED_AT_ONCE)
            if self._drawn == len(self._order):
                self._early = []
            yield self._missing
            self._missing = _NONE

    def _settle(self, until: int) -> None:
        drawn = [self._missing]
        while self._drawn < min(until, len(self._order)):
            hosts, ports = self._order.block(self._drawn, _BLOCK)
            drawn.append(_probes(hosts, ports))
            self._drawn += len(ports)
        missing = np.concatenate(drawn)
        early = np.concatenate([_NONE, *self._early])
        self._missing = np.setdiff1d(missing, early, assume_unique=True)
        self._early = [np.setdiff1d(early, missing, assume_unique=True)]
        self._waiting = 0


def _probes(hosts: NDArray[np.uint32], ports: NDArray[np.uint16]) -> Probes:
    return (hosts.astype(np.int64) << 16) | ports
