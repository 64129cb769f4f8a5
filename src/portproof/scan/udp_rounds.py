"""Silent ports of hosts that send ICMP errors, asked again in rounds (`scan.bucket` says why).

    silent, its host has sent port-unreachable ─► join ─► waiting
    waiting ─► begin ─► (the sweep sends, the known closed port last) ─► end ─► decided as silent
       ▲                                                                  │
       └───────────── the bucket may have been empty when it was asked ◄──┘

A port is decided as silent once its silence was credited `needed` times. It is credited where an
error came for a port that was asked after it, within `_TOGETHER_MS`: then there was one to spare.
"""

from __future__ import annotations

import heapq
from array import array
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.scan.asked import AskedTable
from portproof.scan.bucket import IcmpBucket

_TOGETHER_MS: Final = 100
"""A bucket may get a new error meanwhile; stock ones take ten times as long, or are never empty."""
_MOST_ASKINGS: Final = 60
"""Of one port, whatever the bucket says."""
_PAGE_BITS: Final = 12


@dataclass(slots=True)
class _Host:
    """The silent ports of one host."""

    bucket: IcmpBucket
    waiting: array[int] = field(default_factory=lambda: array("l"))
    """Rows, the next one first."""
    asked: dict[int, int] = field(default_factory=dict)
    """The rows of this round without an answer, and the place of each in the round."""
    size: int = 0
    """How many rows this round asked; 0 between two rounds."""
    answered: int = 0
    unsent: int = 0
    """Datagrams of this round that are still to leave."""
    served: tuple[int, int] = (0, 0)
    """The place in the round of the last port that an error came for, and when it was asked (ms)."""
    spare: bool = False
    """Whether the known port had an error, too."""
    known: int = 0
    """The key of the endpoint known to be closed that this round asks last."""
    known_ms: int = 0
    """When it was asked."""


class Rounds:
    """The hosts that are asked in rounds; rows are those of the sweep's table."""

    def __init__(self, table: AskedTable, *, needed: int) -> None:
        self._table = table
        self._needed = needed
        self._hosts: dict[int, _Host] = {}
        self._agenda: list[tuple[float, int]] = []
        self._known: dict[int, int] = {}
        """The host of each endpoint known to be closed that is asked in a round."""

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def join(self, host: int, rows: list[int], now: float) -> None:
        """Let silent rows of the host wait for their round."""
        held = self._hosts.get(host)
        if held is None:
            held = self._hosts[host] = _Host(IcmpBucket(now))
            heapq.heappush(self._agenda, (now, host))
        held.waiting.extend(rows)
        held.bucket.joined(len(rows))

    def next_s(self) -> float:
        """Give when a host is to be looked at next; infinity when none is."""
        return self._agenda[0][0] if self._agenda else float("inf")

    def next_host(self, now: float) -> int | None:
        """Give a host that is to be looked at now: `end` its round, then `begin` the next one."""
        if not self._agenda or self._agenda[0][0] > now:
            return None
        return heapq.heappop(self._agenda)[1]

    def end(self, host: int, now: float) -> list[int]:
        """End the host's round; gives the rows that are decided: they were silent."""
        held = self._hosts[host]
        if not held.size:
            return []
        self._known.pop(held.known, None)
        held.bucket.round_over(now, asked=held.size, answered=held.answered, spare=held.spare)
        rows = list(held.asked)
        self._credit(held)
        given_up = held.bucket.given_up(now)
        tired = self._table.attempts[rows] >= _MOST_ASKINGS
        over = tired | (self._table.credited[rows] >= self._needed) | given_up
        done: list[int] = np.array(rows, dtype=np.int64)[over].tolist()
        held.waiting.extend(np.array(rows, dtype=np.int64)[~over].tolist())
        held.asked.clear()
        held.size = held.answered = 0
        held.spare, held.served = False, (0, 0)
        if given_up:
            done += held.waiting
            del held.waiting[:]
        return done

    def begin(self, host: int) -> list[int]:
        """Begin the host's next round; gives the rows to ask, and after them a closed port.

        Tell by `posted` how many datagrams that makes. Empty when nothing waits any more: the host is
        let go.
        """
        held = self._hosts[host]
        size = held.bucket.round_size(len(held.waiting))
        rows: list[int] = held.waiting[:size].tolist()
        del held.waiting[:size]
        if not rows:
            del self._hosts[host]
            return rows
        held.asked = {row: place for place, row in enumerate(rows)}
        held.size = size
        return rows

    def posted(self, host: int, datagrams: int, now: float, *, known: int) -> None:
        """Hear how many datagrams the host's round has; none when all its rows are decided.

        `known` is the key of the closed endpoint among them.
        """
        self._hosts[host].unsent = datagrams
        self._hosts[host].known = known
        self._known[known] = host
        if not datagrams:
            heapq.heappush(self._agenda, (now, host))

    def sent(self, host: int, now: float, now_ms: int) -> None:
        """Hear that the next datagram of the host's round has left, or cannot leave."""
        held = self._hosts.get(host)
        if held is None or not held.unsent:
            return
        held.unsent -= 1
        if not held.unsent:
            held.known_ms = now_ms
            heapq.heappush(self._agenda, (now + held.bucket.gap_s, host))

    def knows(self, key: int) -> bool:
        """Hear of an ICMP error for that endpoint; gives whether it was a round's known one."""
        host = self._known.get(key)
        held = None if host is None else self._hosts.get(host)
        if held is None:
            return False
        held.spare, held.served = True, (held.size, held.known_ms)
        return True

    def leave(self, host: int, row: int, *, refused: bool) -> None:
        """Hear that a row is decided; `refused`: by an ICMP error of the host."""
        held = self._hosts.get(host)
        if held is None:
            return
        place = held.asked.pop(row, None)
        if place is not None:
            if refused:
                held.answered += 1
                held.served = max(held.served, (place, int(self._table.sent_ms[row])))
        elif row in held.waiting:
            held.waiting.remove(row)

    def _credit(self, held: _Host) -> None:
        """Credit the silence of those that were asked just before a port that an error came for."""
        last, last_ms = held.served
        earlier = np.array([row for row, place in held.asked.items() if place < last], dtype=int)
        together = self._table.sent_ms[earlier].astype(np.int64) >= last_ms - _TOGETHER_MS
        self._table.credited[earlier[together]] += 1


class KnownClosed:
    """One port of each host that was proved to be closed; two bytes per host, where there is one."""

    def __init__(self) -> None:
        self._pages: dict[int, NDArray[np.uint16]] = {}

    def note(self, host: int, port: int) -> None:
        """Note that the host's port is closed."""
        page = self._pages.get(host >> _PAGE_BITS)
        if page is None:
            page = self._pages[host >> _PAGE_BITS] = np.zeros(1 << _PAGE_BITS, dtype=np.uint16)
        page[host & (1 << _PAGE_BITS) - 1] = port

    def of(self, host: int) -> int:
        """Give the port noted last; 0 when none was."""
        page = self._pages.get(host >> _PAGE_BITS)
        return 0 if page is None else int(page[host & (1 << _PAGE_BITS) - 1])
