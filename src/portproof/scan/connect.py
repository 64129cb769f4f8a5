"""The TCP connect engine: one process, non-blocking sockets, no task per port.

    ProbeSource ──take──► connect() ──► answered at once (this machine's own addresses, mostly)
        ▲                    │
        │                    └─ in progress ─► epoll ─► outcome ─► rows ─► OutcomeBatch ─► emit
        └── again: silent, retries left ◄─ deadline queues

Three things make it fast: a refused socket is used again (two system calls per closed port); our
own addresses are asked a second time before the socket is handed to epoll, because the answer is
mostly there; and deadlines live in queues of equal patience, where only the heads are looked at.

Three things make it right. Before a refusal is called a reset, the socket's error queue is asked
for ICMP. Errors of our own (descriptors, ports, memory) are waited out and never become a port
state. And an open port on our own address is believed only if what answered was not ourselves: over
the ephemeral range the kernel may connect a socket to itself, or two of our sockets to each other
(simultaneous open, RFC 9293 §3.5), and both look like a handshake.
"""

from __future__ import annotations

import errno as codes
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from select import EPOLLERR, EPOLLHUP
from typing import Final, TypeAlias

from portproof.contracts import StopSignal
from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import Rates, Timing
from portproof.scan.classify import TRANSIENT_ERRNOS, IcmpError, fault_of_errno, tcp_outcome
from portproof.scan.errqueue import may_hold_error, read_error
from portproof.scan.family import family_of
from portproof.scan.limits import ephemeral_ports, fit_connections
from portproof.scan.lines import Line, LinePool
from portproof.scan.patience import Patience
from portproof.scan.routing import is_own
from portproof.scan.rows import CODES, Row, batch_of
from portproof.scan.source import Order, ProbeSource

Monotonic: TypeAlias = Callable[[], float]
"""A clock in seconds that never goes back."""

_AT_ONCE: Final = 256
"""Probes between two looks at the answers."""
_FIRST_ROWS: Final = 64
"""The first batch is small: patience with each host is learnt from it."""
_ROWS: Final = 4096
_FLUSH_S: Final = 0.25
_LOOK_S: Final = 0.1
_LONGEST_POLL_S: Final = 0.05
_PAUSE_S: Final = 0.05
"""After the system gave no socket: how long nothing is launched."""
_MOST_MEETINGS: Final = 10
"""How often a probe that met a socket of our own is sent again; with a sane port range, once."""

_US_PER_S: Final = 1_000_000
_BAD: Final = EPOLLERR | EPOLLHUP
_UNDER_WAY: Final = (codes.EINPROGRESS, codes.EALREADY)
_OPEN: Final = CODES[(PortState.OPEN, Reason.HANDSHAKE)]
_RESET: Final = CODES[(PortState.CLOSED, Reason.RESET)]
_SILENT: Final = CODES[(PortState.FILTERED, Reason.NO_RESPONSE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a sweep runs under: the plan's limits, a clock, and who has to be heard."""

    timing: Timing
    rates: Rates
    clock: Monotonic
    began: float
    """The run's start by `clock`."""
    stop: StopSignal
    """Asked ten times a second."""
    starved_s: float = 5.0
    """Without one socket from the system for so long, probes become Unmeasured."""
    tick: Callable[[], None] = lambda: None
    """Called ten times a second: the controls of the run take their turn."""
    noted: frozenset[int] = frozenset()
    """Ports whose every rejection `refused` hears of."""
    refused: Callable[[int, int, IcmpError | None], None] = lambda _probe, _errno, _icmp: None
    """Hears what a probe met: its number, the errno (0: none), the ICMP error, if one came."""


class ConnectSweep:
    """One sweep over one plan's TCP endpoints; `run` it once."""

    def __init__(
        self,
        hosts: Sequence[Address],
        order: Order,
        emit: Callable[[OutcomeBatch], None],
        conditions: Conditions,
    ) -> None:
        self._texts = [str(host) for host in hosts]
        self._families = [family_of(host) for host in hosts]
        self._own = [is_own(host) for host in hosts]
        self._emit = emit
        self._conditions = conditions
        self._noted = conditions.noted
        self._clock = conditions.clock
        self._source = ProbeSource(order, len(hosts), conditions.rates)
        wanted = conditions.rates.max_connections
        if len(hosts) == 1:
            wanted = min(wanted, conditions.rates.per_host_connections)
        self._capacity = self._most = fit_connections(min(wanted, max(1, len(order))))
        self._lines = LinePool(self._capacity)
        self._patience = Patience(len(hosts), conditions.timing)
        self._deadlines: dict[float, deque[tuple[float, Line, int]]] = {}
        self._rows: list[Row] = []
        self._enough_rows = _FIRST_ROWS
        self._neighbourless: set[int] = set()
        self._meetings: dict[int, int] = {}
        self._ephemeral = ephemeral_ports()
        self._starved_since: float | None = None
        self._paused_until = self._next_look = self._next_flush = conditions.began
        self.in_flight = 0
        self.done = 0
        """Endpoints with an outcome so far."""
        self.retransmitted = 0
        """Probes sent again to silent ports."""

    def run(self) -> bool:
        """Probe everything; False when the stop signal ended it early.

        Each endpoint that has an outcome has been emitted when this returns; those that have none
        (only after a stop) were not.
        """
        try:
            return self._sweep()
        finally:
            self._lines.close_all()
            self._flush()

    def _sweep(self) -> bool:
        while self._source or self.in_flight:
            now = self._clock()
            if now >= self._next_look:
                if self._conditions.stop():
                    return False
                self._look(now)
            self._launch(now)
            self._collect()
            self._expire()
        return True

    def _look(self, now: float) -> None:
        """Do what has to be done a few times a second."""
        self._conditions.tick()
        self._next_look = now + _LOOK_S
        if now >= self._next_flush:
            self._flush()
            self._next_flush = now + _FLUSH_S
            # Descriptors that others had taken may be free again: creep back up.
            self._capacity = min(self._most, self._capacity + _AT_ONCE)

    def _flush(self) -> None:
        if self._rows:
            batch = batch_of(self._rows, Transport.TCP, began=self._conditions.began)
            self._rows.clear()
            self.done += len(batch)
            self._patience.learn(batch)
            self._emit(batch)

    # ------------------------------------------------------------ sending

    def _launch(self, now: float) -> None:
        room = min(self._capacity - self.in_flight, _AT_ONCE)
        if room <= 0 or now < self._paused_until:
            return
        probes = self._source.take(now, room)
        for position, waiting in enumerate(probes):
            if not self._send(*waiting):
                self._source.put_back(probes[position + 1 :])
                break
        if len(self._rows) >= self._enough_rows:
            self._flush()
            self._enough_rows = _ROWS

    def _send(self, probe: int, attempts: int) -> bool:
        """Send one probe; False when the system has no socket for us just now."""
        host = probe >> 16
        if host in self._neighbourless:
            self._end(probe, CODES[LocalFault.NO_NEIGHBOUR], attempts, self._clock())
            return True
        family = self._families[host]
        free = self._lines.free_of(family)
        try:
            line = free.pop() if free else self._lines.open(family)
        except OSError as refused:
            return self._not_sent(probe, attempts, refused.errno or 0)
        line.target = target = (self._texts[host], probe & 0xFFFF)
        line.probe, line.attempts = probe, attempts + 1
        line.sent = sent = self._clock()
        error = line.connect(target)
        if error == codes.EINPROGRESS and self._own[host]:
            # Our own machine has mostly answered by now: no need to wait for epoll to say so.
            error = line.connect(target)
        if error == codes.ECONNREFUSED and not may_hold_error(line.sock) and line.tells_icmp:
            self._end_reset(probe, attempts + 1, sent)
            free.append(line)
        elif error == codes.EINPROGRESS:
            self._await(line)
        else:
            self._await(line)
            return self._answered(line, error)
        self._starved_since = None
        return True

    def _await(self, line: Line) -> None:
        """Have the line reported when something comes, and given up when nothing does."""
        line.busy = True
        line.serial += 1
        self.in_flight += 1
        timeout_s = self._patience.timeout_s[line.probe >> 16]
        queue = self._deadlines.get(timeout_s)
        if queue is None:
            queue = self._deadlines[timeout_s] = deque()
        queue.append((line.sent + timeout_s, line, line.serial))
        self._lines.watch(line)

    # ------------------------------------------------------------ answers

    def _collect(self) -> None:
        watched = self._lines.watched
        for descriptor, mask in self._lines.poll(self._idle_s()):
            line = watched.get(descriptor)
            if line is None or not line.busy:
                continue
            # The second connect collects the error, and a refused socket is CLOSED again.
            error = line.connect(line.target) if mask & _BAD else 0
            if error == codes.ECONNREFUSED and not may_hold_error(line.sock) and line.tells_icmp:
                self._end_reset(line.probe, line.attempts, line.sent)
                self._release(line)
                self._lines.free_of(line.family).append(line)
            else:
                self._answered(line, error)

    def _answered(self, line: Line, error: int) -> bool:
        """Deal with every answer but a plain reset; False when our own system had no socket."""
        icmp = read_error(line.sock) if may_hold_error(line.sock) else None
        if error in _UNDER_WAY and icmp is None:
            return True  # nothing yet: epoll will tell
        if error in (0, codes.EISCONN, codes.ECONNRESET):
            self._opened(line, error)
            return True
        probe, attempts, sent = line.probe, line.attempts, line.sent
        self._release(line)
        self._lines.close(line)
        if error in TRANSIENT_ERRNOS and icmp is None:
            return self._not_sent(probe, attempts - 1, error)
        verdict = tcp_outcome(error, icmp, queue_asked=line.tells_icmp)
        if verdict == (PortState.FILTERED, Reason.NO_RESPONSE):
            self._silent(probe, attempts, sent)
        else:
            if verdict is LocalFault.NO_NEIGHBOUR:
                self._neighbourless.add(probe >> 16)
            rtt_us = NO_RTT if isinstance(verdict, LocalFault) else self._since_us(sent)
            if probe & 0xFFFF in self._noted:
                self._conditions.refused(probe, 0 if error in _UNDER_WAY else error, icmp)
            self._end(probe, CODES[verdict], attempts, sent, rtt_us)
        return True

    def _opened(self, line: Line, error: int) -> None:
        """Believe a handshake, unless it was with ourselves."""
        ourselves = self._met(line, error) if self._own[line.probe >> 16] else []
        self._release(line)
        if ourselves:
            for each in ourselves:
                self._met_again(each)
        else:
            if error == codes.ECONNRESET:
                rtt_us = self._since_us(line.sent)
                self._conditions.refused(line.probe, error, None)
            else:
                rtt_us = line.handshake_rtt_us(self._clock())
            self._end(line.probe, _OPEN, line.attempts, line.sent, rtt_us)
        if line.sock.fileno() >= 0:
            self._lines.hang_up(line)

    def _since_us(self, sent: float) -> int:
        return int((self._clock() - sent) * _US_PER_S)

    # ------------------------------------------------------------ meeting ourselves

    def _met(self, line: Line, error: int) -> list[Line]:
        """Give the lines (this one, and its partner) whose handshake was not with a server."""
        port = line.target[1]
        if port not in self._ephemeral or self._meetings.get(line.probe, 0) > _MOST_MEETINGS:
            return []
        if error == codes.ECONNRESET:
            return [line]  # whoever reset it is gone, and may have been one of ours
        local = line.local()
        if local[1] == port:
            return [line]
        for other in self._lines.watched.values():
            meets = other.busy and other is not line and other.target[1] == local[1]
            if meets and self._own[other.probe >> 16] and other.local()[1] == port:
                return [line, other]
        return []

    def _met_again(self, line: Line) -> None:
        """Send a probe again that met a socket of ours; after too many, nothing is known."""
        met = self._meetings[line.probe] = self._meetings.get(line.probe, 0) + 1
        if line.busy:
            self._release(line)
            self._lines.hang_up(line)
        if met > _MOST_MEETINGS:
            self._end(line.probe, CODES[LocalFault.NO_SOCKETS], line.attempts, line.sent)
        else:
            self._source.again(line.probe, line.attempts - 1)

    # ------------------------------------------------------------ silence and our own faults

    def _expire(self) -> None:
        now = self._clock()
        for queue in self._deadlines.values():
            while queue:
                deadline, line, serial = queue[0]
                current = line.busy and line.serial == serial
                if current and deadline > now:
                    break
                queue.popleft()
                if current:
                    self._release(line)
                    self._lines.close(line)
                    self._silent(line.probe, line.attempts, line.sent)

    def _silent(self, probe: int, attempts: int, sent: float) -> None:
        if attempts < self._patience.attempts[probe >> 16]:
            self.retransmitted += 1
            self._source.again(probe, attempts)
        else:
            self._end(probe, _SILENT, attempts, sent)

    def _not_sent(self, probe: int, attempts: int, error: int) -> bool:
        """Wait an exhausted system out; after `starved_s` without one socket, say so. True: go on."""
        now = self._clock()
        host = probe >> 16
        fault = fault_of_errno(error)
        if error in TRANSIENT_ERRNOS and not self._has_source(host, error):
            fault = LocalFault.NO_ROUTE
        elif error in TRANSIENT_ERRNOS:
            self._starved_since = self._starved_since or now
            if now - self._starved_since < self._conditions.starved_s:
                self._paused_until = now + _PAUSE_S
                self._capacity = max(1, self.in_flight)
                self._source.again(probe, attempts)
                return False
        self._end(probe, CODES[fault], attempts, now)
        return True

    def _has_source(self, host: int, error: int) -> bool:
        """Whether this machine has an address to ask the host from.

        EADDRNOTAVAIL means that, too (IPv6 switched off): connecting a datagram socket chooses a
        source address by the same rules, and sends nothing.
        """
        if error != codes.EADDRNOTAVAIL:
            return True
        with socket.socket(self._families[host], socket.SOCK_DGRAM) as trial:
            return trial.connect_ex((self._texts[host], 9)) == 0

    # ------------------------------------------------------------ accounts

    def _end(self, probe: int, code: int, attempts: int, sent: float, rtt_us: int = NO_RTT) -> None:
        self._rows.append((probe, code, rtt_us, attempts, sent))
        self._source.finished(probe >> 16)

    def _end_reset(self, probe: int, attempts: int, sent: float) -> None:
        """End a probe that met a plain reset; the way of most, so one call does it all."""
        rtt_us = int((self._clock() - sent) * _US_PER_S)
        self._rows.append((probe, _RESET, rtt_us, attempts, sent))
        self._source.finished(probe >> 16)
        if probe & 0xFFFF in self._noted:
            self._conditions.refused(probe, codes.ECONNREFUSED, None)

    def _release(self, line: Line) -> None:
        """Take the line out of what is under way; close it or lend it out afterwards."""
        line.busy = False
        self.in_flight -= 1

    def _idle_s(self) -> float:
        """Give how long to wait for answers: not at all while more can be sent."""
        now = self._clock()
        if not self.in_flight and not self._source:
            return 0.0
        if self._source and self.in_flight < self._capacity and now >= self._paused_until:
            return min(self._source.wait_s(now), _LONGEST_POLL_S)
        return _LONGEST_POLL_S
