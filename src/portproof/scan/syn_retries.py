"""How often silent probes are sent, by the loss of their path, and those that are sent once more.

The helper repeats a silent probe as often as the block that brought it says. The loss of a path is
known better afterwards (`scan.loss`): silence that would not count yet comes back here, and goes
out again with further sendings allowed. The network around a host stands for its path.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import OutcomeBatch
from portproof.model.rawwire import End, Records
from portproof.model.scan import Timing
from portproof.scan.loss import LossBook, askings_for
from portproof.scan.syn_outcomes import Asked
from portproof.scan.witness import ANSWERED

Hosts: TypeAlias = NDArray[np.uint32]


class Retries:
    """One sweep's account of loss, and its silent probes that have to be asked again."""

    def __init__(self, timing: Timing, networks_of: Callable[[Hosts], NDArray[np.uint64]]) -> None:
        self._timing = timing
        self._networks_of = networks_of
        self._loss = LossBook()
        self._again: deque[tuple[Asked, NDArray[np.uint8]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._again)

    def learn(self, batch: OutcomeBatch) -> None:
        """Take the attempts of a batch into account."""
        self._loss.given(batch.attempts)
        answered = ANSWERED[batch.reason]
        if not answered.any():
            return
        networks, where = np.unique(self._networks_of(batch.host[answered]), return_inverse=True)
        counts = np.bincount(where).tolist()
        askings = np.bincount(where, weights=batch.attempts[answered]).tolist()
        for network, count, asked in zip(networks.tolist(), counts, askings, strict=True):
            self._loss.targets_answered(network, count, int(asked))

    def until(self, hosts: Hosts) -> NDArray[np.uint8]:
        """Give how often silent ports of each host are asked, by what is known now."""
        usual = 1 + self._timing.max_retries
        if not self._loss.lossy:
            return np.full(len(hosts), usual, dtype=np.uint8)
        networks, where = np.unique(self._networks_of(hosts), return_inverse=True)
        wanted = [askings_for(self._loss.of(each).cautious) for each in networks.tolist()]
        most = self._timing.most_attempts
        return np.clip(wanted, usual, most).astype(np.uint8)[where]

    def wanted(self, hosts: Hosts, records: Records) -> NDArray[np.bool_]:
        """Say which ended probes are silent ones that were asked too seldom to count."""
        silent = np.asarray(records["end"] == End.SILENT)
        if silent.any():
            silent &= records["attempts"] < self.until(hosts)
        return silent

    def add(self, asked: Asked, before: NDArray[np.uint8]) -> None:
        """Have probes sent again."""
        self._again.append((asked, before))

    def take(self, most: int) -> tuple[Asked, NDArray[np.uint8]] | None:
        """Give some that have to be sent again, and how often each was; None when there is none."""
        if not self._again:
            return None
        asked, before = self._again.popleft()
        if len(before) > most:
            self._again.appendleft((Asked(asked.host[most:], asked.port[most:]), before[most:]))
        return Asked(asked.host[:most], asked.port[:most]), before[:most]
