"""Letters and sockets: what leaves, when it may, by which socket, and what has come.

Attempts take turns at `SOURCES` sockets per address family, opened when first needed, so that the
socket by which an answer comes tells the attempt that it answers. The rates are kept here, datagram
by datagram, and the limits of `scan.care`. What our own system has no room for just now waits; what
it refuses is handed back.
"""

from __future__ import annotations

import heapq
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from errno import EADDRINUSE, EADDRNOTAVAIL
from itertools import groupby
from math import ceil
from typing import Final, NamedTuple

from portproof.model.endpoint import Address
from portproof.model.scan import Rates
from portproof.scan.care import Care
from portproof.scan.classify import TRANSIENT_ERRNOS
from portproof.scan.datagrams import BATCH, Datagram, DatagramSocket, QueuedError
from portproof.scan.family import family_of
from portproof.scan.limiter import RateLimiter
from portproof.scan.pace import HostPace, overall_pps

_SPARED_S: Final = 0.02
"""When to ask again for a letter that its subnet or the state table on its way has no room for."""
_PAUSE_S: Final = 0.005
"""After the system had no room for a datagram: how long nothing is sent."""
# The socket has its port already, so this errno means that there is no address to send from.
_WAITED_OUT: Final = (TRANSIENT_ERRNOS | {EADDRINUSE}) - {EADDRNOTAVAIL}


class Letter(NamedTuple):
    """One datagram to be sent."""

    source: int
    """Which of the sockets."""
    host: int
    """The host's index in the plan."""
    address: Address
    port: int
    payload: bytes
    row: int
    """The row of the table that it asks; -1 for none."""
    probe: int
    """The endpoint that the row stands for."""
    in_round: bool = False
    first: bool = True
    """Whether it begins an asking; False: it goes on with a dialogue."""


class Postbox:
    """The sockets of a sweep, and the letters that wait for them."""

    def __init__(
        self,
        rates: Rates,
        hosts: int,
        *,
        starved_s: float,
        unwanted: Callable[[int], bool],
        care: Care,
    ) -> None:
        """Prepare for that many hosts; sockets are bound to no `unwanted` port, if possible."""
        self._limiter = RateLimiter(overall_pps(rates, hosts))
        self._pace = HostPace(rates, hosts)
        self._care = care
        self._starved_s = starved_s
        self._unwanted = unwanted
        self._sockets: dict[tuple[socket.AddressFamily, int], DatagramSocket] = {}
        self._ports: set[int] = set()
        self._ready = select.poll()
        self._letters: deque[Letter] = deque()
        self._held: list[tuple[float, int, Letter]] = []
        self._numbered = 0
        self._starved_since: float | None = None
        self._paused_until = 0.0

    def __len__(self) -> int:
        return len(self._letters) + len(self._held)

    def close(self) -> None:
        """Close all sockets."""
        for each in self._sockets.values():
            each.close()

    def post(self, letter: Letter) -> None:
        """Let a letter wait for its turn."""
        self._letters.append(letter)

    def is_ours(self, port: int) -> bool:
        """Whether one of our sockets has that local port."""
        return port in self._ports

    # ------------------------------------------------------------ sending

    def dispatch(
        self,
        now: float,
        wanted: Callable[[Letter], bool],
        sent: Callable[[Sequence[Letter]], None],
        refused: Callable[[Letter, int], None],
    ) -> None:
        """Send what may leave now.

        `wanted` is asked just before, `sent` hears of what has left by one socket, `refused` of what
        our own system will not send, with the errno.
        """
        if now < self._paused_until:
            return
        self._pace.forget_idle(now)
        leaving = self._leaving(now, wanted)
        used = 0
        groups = groupby(leaving, key=lambda each: (family_of(each.address), each.source))
        for at, letters in [(at, list(letters)) for at, letters in groups]:
            done = self._send(now, at, letters, sent, refused)
            self._care.unsent([each.host for each in letters[done:]])
            used += done
        self._limiter.give_back(len(leaving) - used)

    def wait_s(self, now: float) -> float:
        """Give the seconds until a letter may leave; infinity when there is none."""
        waits = [self._held[0][0] - now] if self._held else []
        if self._letters:
            waits.append(max(self._limiter.wait_s(now), self._care.wait_s(now)))
        return max(min(waits, default=float("inf")), self._paused_until - now, 0.0)

    def _leaving(self, now: float, wanted: Callable[[Letter], bool]) -> list[Letter]:
        """Take the letters whose turn it is, within the rates."""
        ready = []
        while self._held and self._held[0][0] <= now:
            ready.append(heapq.heappop(self._held)[2])
        self._letters.extendleft(reversed(ready))
        granted = self._limiter.take(now, min(BATCH, len(self._letters)))
        allowed = self._care.take(now, granted)
        leaving: list[Letter] = []
        while self._letters and len(leaving) < allowed:
            letter = self._letters.popleft()
            if not wanted(letter):
                continue
            if wait_s := self._wait_of(letter.host, now):
                self._numbered += 1
                heapq.heappush(self._held, (now + wait_s, self._numbered, letter))
            else:
                leaving.append(letter)
        self._limiter.give_back(granted - len(leaving))
        self._care.give_back(allowed - len(leaving))
        return leaving

    def _wait_of(self, host: int, now: float) -> float:
        """Give how long a letter to the host has to wait; 0.0: it may leave now."""
        wait_s = self._pace.wait_s(host, now)
        if not wait_s and self._care.chooses and not self._care.admit(now, host):
            return _SPARED_S
        return wait_s

    def _send(
        self,
        now: float,
        at: tuple[socket.AddressFamily, int],
        letters: list[Letter],
        sent: Callable[[Sequence[Letter]], None],
        refused: Callable[[Letter, int], None],
    ) -> int:
        """Send letters by one socket; gives how many have left, or cannot leave ever."""
        done = 0
        while done < len(letters):
            rest = letters[done:]
            count, error = self._try(at, rest)
            if count:
                self._starved_since = None
                sent(rest[:count])
            done += count
            if not error:
                continue
            if self._waits(now, error):
                self._letters.extendleft(reversed(letters[done:]))
                break
            refused(letters[done], error)
            done += 1
        return done

    def _try(self, at: tuple[socket.AddressFamily, int], letters: list[Letter]) -> tuple[int, int]:
        try:
            sock = self._socket(at)
        except OSError as fault:
            return 0, fault.errno or EADDRINUSE
        return sock.send(
            [each.address.packed for each in letters],
            [each.port for each in letters],
            [each.payload for each in letters],
        )

    def _waits(self, now: float, error: int) -> bool:
        """Whether an exhausted system is waited out; not after `starved_s` without one datagram."""
        if error not in _WAITED_OUT:
            return False
        self._starved_since = now if self._starved_since is None else self._starved_since
        self._paused_until = now + _PAUSE_S
        return now - self._starved_since < self._starved_s

    def _socket(self, at: tuple[socket.AddressFamily, int]) -> DatagramSocket:
        if at not in self._sockets:
            self._sockets[at] = DatagramSocket(at[0], unwanted=self._unwanted)
            self._ports.add(self._sockets[at].port)
            self._ready.register(self._sockets[at].fileno(), select.POLLIN | select.POLLERR)
        return self._sockets[at]

    # ------------------------------------------------------------ receiving

    def wait(self, timeout_s: float) -> None:
        """Wait until something has come, at most so long."""
        self._ready.poll(ceil(timeout_s * 1_000))

    def datagrams(self) -> Iterator[tuple[int, socket.AddressFamily, list[Datagram]]]:
        """Give what has come by each socket, one batch of each."""
        for (family, source), sock in self._sockets.items():
            if received := sock.receive():
                yield source, family, received

    def errors(self) -> Iterator[tuple[int, socket.AddressFamily, list[QueuedError]]]:
        """Give the ICMP errors that have come for each socket's datagrams."""
        for (family, source), sock in self._sockets.items():
            if queued := list(sock.errors()):
                yield source, family, queued
