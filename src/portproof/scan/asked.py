"""What was asked and has no outcome yet: columns, and no object per endpoint.

A UDP sweep waits for most of what it asks until the time is over, hundreds of thousands of
endpoints at once. Each of them is a row here, about fifty bytes, found by a key of 64 bits that the
sender of an answer gives. The rows are bounded (`MOST_ROWS`), so memory does not depend on how much
is to be asked: when none is left the sweep asks nothing new until some are decided.

Instants are whole milliseconds since the run began, except where a round-trip time is taken from
them: those are microseconds, and turn over after 71 minutes, which a difference does not notice.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

MOST_ROWS: Final = 1 << 18
SOURCES: Final = 4
"""Attempts take turns at so many sockets: where an answer arrives tells what it answers."""
NEVER_MS: Final = (1 << 32) - 1

Rows: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.uint64]

_FREE_KEY: Final = np.uint64(0)
_LEFT_KEY: Final = np.uint64(1)
"""In the place of a key that was taken out: a search goes on behind it."""
_FIRST_KEY: Final = 2
_US_TURN: Final = 1 << 32


class AskedTable:
    """Rows of endpoints under way; row numbers are used again once given back."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._keys = np.zeros(most_rows, dtype=np.uint64)
        self.probe = np.zeros(most_rows, dtype=np.int64)
        """Host index · 65536 + port."""
        self.attempts = np.zeros(most_rows, dtype=np.uint8)
        """How often the endpoint was asked."""
        self.credited = np.zeros(most_rows, dtype=np.uint8)
        """How often it stayed silent while its host had an ICMP error to spare."""
        self.sent_ms = np.zeros(most_rows, dtype=np.uint32)
        """When it was last asked."""
        self._sent_us = np.zeros((most_rows, SOURCES), dtype=np.uint32)
        self.due_ms = np.full(most_rows, NEVER_MS, dtype=np.uint32)
        """When to look at the row again if nothing comes; NEVER_MS: somebody else will."""
        self._unused = np.arange(most_rows - 1, -1, -1, dtype=np.int32)
        self._room = most_rows
        self._reached = 0
        self._finder = _Finder(2 * most_rows)

    def __len__(self) -> int:
        return len(self._keys) - self._room

    @property
    def room(self) -> int:
        """How many rows can still be taken."""
        return self._room

    def add(self, keys: Keys, probes: NDArray[np.int64]) -> Rows:
        """Take a row for each endpoint; there has to be room. Not asked yet, never due."""
        count = len(keys)
        rows = self._unused[self._room - count : self._room][::-1].astype(np.int64)
        self._room -= count
        self._reached = max(self._reached, int(rows.max(initial=-1)) + 1)
        self._keys[rows], self.probe[rows] = keys, probes
        self.attempts[rows] = self.credited[rows] = 0
        self.due_ms[rows] = NEVER_MS
        self._finder.add(keys, rows)
        return rows

    def remove(self, rows: Rows) -> None:
        """Give rows back: their endpoints are decided."""
        self._finder.remove(self._keys[rows])
        self._keys[rows] = _FREE_KEY
        self.due_ms[rows] = NEVER_MS
        self._unused[self._room : self._room + len(rows)] = rows
        self._room += len(rows)

    def find(self, keys: Keys) -> Rows:
        """Give the row of each key; -1 where the endpoint is not under way."""
        return self._finder.find(keys)

    def due(self, now_ms: int) -> Rows:
        """Give the rows whose time is over."""
        return np.flatnonzero(self.due_ms[: self._reached] <= now_ms)

    def next_due_ms(self) -> int:
        """Give when the next row is due; NEVER_MS when none will be."""
        return int(self.due_ms[: self._reached].min(initial=NEVER_MS))

    def holds(self, row: int, probe: int) -> bool:
        """Whether the row is still that endpoint's."""
        return bool(self._keys[row] != _FREE_KEY and self.probe[row] == probe)

    def asked(self, rows: list[int], source: int, now_us: int, due_ms: int) -> None:
        """Note that datagrams left for the rows from that socket."""
        self.sent_ms[rows] = now_us // 1_000
        self._sent_us[rows, source] = now_us % _US_TURN
        self.due_ms[rows] = due_ms

    def rtt_us(self, row: int, source: int, now_us: int) -> int:
        """Give the microseconds since the row was last asked from that socket."""
        return (now_us - int(self._sent_us[row, source])) % _US_TURN


class _Finder:
    """A hash table in two columns: open addressing with linear probing, many keys per call."""

    def __init__(self, size: int) -> None:
        """Make it; the size is a power of two, twice what will be in it."""
        self._mask = np.uint64(size - 1)
        self._keys = np.zeros(size, dtype=np.uint64)
        self._rows = np.zeros(size, dtype=np.int32)
        self._left = 0
        """Places with _LEFT_KEY: they make searches longer until the table is made anew."""

    def add(self, keys: Keys, rows: Rows) -> None:
        places = self._first(keys)
        while len(keys):
            free = self._keys[places] <= _LEFT_KEY
            taken, wanted = places[free], keys[free]
            self._left -= int(np.count_nonzero(self._keys[np.unique(taken)] == _LEFT_KEY))
            # Of several keys that want one place the last write stands; the others go on.
            self._keys[taken], self._rows[taken] = wanted, rows[free]
            waits = self._keys[places] != keys
            places = (places[waits] + np.uint64(1)) & self._mask
            keys, rows = keys[waits], rows[waits]

    def find(self, keys: Keys) -> Rows:
        places, found = self._places(keys), np.full(len(keys), -1, dtype=np.int64)
        there = places >= 0
        found[there] = self._rows[places[there]]
        return found

    def remove(self, keys: Keys) -> None:
        places = self._places(keys)
        self._keys[places[places >= 0]] = _LEFT_KEY
        self._left += len(keys)
        if self._left > len(self._keys) // 4:
            self._renew()

    def _places(self, keys: Keys) -> Rows:
        found = np.full(len(keys), -1, dtype=np.int64)
        searching = np.arange(len(keys))
        places = self._first(keys)
        while len(searching):
            there = self._keys[places]
            hit = there == keys[searching]
            found[searching[hit]] = places[hit]
            onward = ~hit & (there != _FREE_KEY)
            searching = searching[onward]
            places = (places[onward] + np.uint64(1)) & self._mask
        return found

    def _first(self, keys: Keys) -> Keys:
        """Give where each key would stand in an empty table (Fibonacci hashing: Knuth, vol. 3)."""
        return (keys * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(24)) & self._mask

    def _renew(self) -> None:
        held = self._keys > _LEFT_KEY
        keys, rows = self._keys[held], self._rows[held].astype(np.int64)
        self._keys[:] = _FREE_KEY
        self._left = 0
        self.add(keys, rows)


def key_of_v4(address: int, port: int) -> int:
    """Give the key of an IPv4 endpoint."""
    return (address << 16 | port) + _FIRST_KEY


def key_of_v6(address: int, port: int) -> int:
    """Give the key of an IPv6 endpoint.

    Two may share one, hardly ever: who finds a row looks at the address.
    """
    return hash((address, port)) & (1 << 63) - 1 | 1 << 63
