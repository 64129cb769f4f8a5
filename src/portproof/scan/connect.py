"""The TCP connect engine: one process, non-blocking sockets, no task per port.

    ProbeSource ──take──► connect() ──► answered at once (this machine, and near ones mostly)
        ▲                    │
        │                    └─ in progress ─► epoll ─► outcome ─► rows ─► OutcomeBatch ─► emit
        └── again: silent, retries left ◄─ deadline queues

Four things make it fast: a socket is used again whatever became of its probe, and keeps its local
port (two system calls per closed port); each probe is asked for a second time before its socket is
handed to epoll, because a near answer is mostly there; whether resets were ICMP errors is asked
once for a burst of them; and deadlines live in queues of equal patience, where only the heads are
looked at.

Three things make it right. Before a refusal leaves as a reset, the socket's error queue has been
asked for ICMP, and each error found there names the endpoint that it is about. Errors of our own
(descriptors, ports, memory) are waited out and never become a port state. And what answers on our
own address is never ourselves: `scan.local_ports` says how that is excluded beforehand.
"""

from __future__ import annotations

import errno as codes
from collections.abc import Callable, Mapping, Sequence
from select import EPOLLERR, EPOLLHUP
from typing import Final

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.plan.order import Order
from portproof.scan.care import care_of
from portproof.scan.classify import TRANSIENT_ERRNOS, IcmpError, fault_of_errno, tcp_outcome
from portproof.scan.conditions import Conditions, Monotonic
from portproof.scan.errqueue import may_hold_error, take_errors
from portproof.scan.harvest import Harvest
from portproof.scan.limits import fit_connections
from portproof.scan.lines import Line, LinePool, Stack
from portproof.scan.local_ports import LocalPorts, common_source, source_towards
from portproof.scan.patience import Patience
from portproof.scan.peers import Peers
from portproof.scan.rows import CODES
from portproof.scan.source import Waiting
from portproof.scan.timed_source import source_of

__all__ = ["Conditions", "ConnectSweep", "Monotonic"]

_AT_ONCE: Final = 256
"""Probes between two looks at the answers."""
_BURST: Final = 32
"""Probes between two looks at the error queues: so many errors fit into any receive buffer."""
_FIRST_ROWS: Final = 64
"""The first batch is small: patience with each host is learnt from it."""
_ROWS: Final = 4096
_LONGEST_POLL_S: Final = 0.05
_PAUSE_S: Final = 0.05
"""After the system gave no socket: how long nothing is launched."""
_US_PER_S: Final = 1_000_000
_BAD: Final = EPOLLERR | EPOLLHUP
_UNDER_WAY: Final = (codes.EINPROGRESS, codes.EALREADY)
_OPEN: Final = CODES[(PortState.OPEN, Reason.HANDSHAKE)]
_RESET: Final = CODES[(PortState.CLOSED, Reason.RESET)]
_SILENT: Final = CODES[(PortState.FILTERED, Reason.NO_RESPONSE)]


class ConnectSweep:
    """One sweep over one plan's TCP endpoints; `run` it once."""

    def __init__(
        self,
        hosts: Sequence[Address],
        order: Order,
        emit: Callable[[OutcomeBatch], None],
        conditions: Conditions,
    ) -> None:
        self._hosts = hosts
        self._emit = emit
        self._harvest = Harvest(conditions, self._took)
        self._conditions = conditions
        self._noted = conditions.noted
        self._clock = conditions.clock
        self._care = care_of(hosts, conditions)
        self._source = source_of(order, len(hosts), conditions, self._care, self._end)
        wanted = conditions.rates.max_connections
        if len(hosts) == 1:
            wanted = min(wanted, conditions.rates.per_host_connections)
        self._capacity = self._most = fit_connections(min(wanted, max(1, len(order))))
        ports = LocalPorts(conditions.share)
        self._lane_of = ports.lane_of
        self._lines = LinePool(self._capacity, ports, common_source(hosts))
        self._peers = Peers(hosts, self._lines)
        self._patience = Patience(hosts, conditions.timing)
        self._rows = self._harvest.rows
        self._enough_rows = _FIRST_ROWS
        self._unsettled = 0
        """The first row of the burst under way: resets from there on may yet prove to be ICMP."""
        self._reset_lines: set[Line] = set()
        """The lines that met them."""
        self._neighbourless: set[int] = set()
        self._starved_since: float | None = None
        self._paused = False
        self._paused_until = conditions.began
        self.in_flight = 0
        self.retransmitted = 0
        """Probes sent again to silent ports."""

    @property
    def done(self) -> int:
        """Endpoints with an outcome so far."""
        return self._harvest.done

    def run(self) -> bool:
        """Probe everything; False when the stop signal ended it early.

        Each endpoint that has an outcome has been emitted when this returns; those that have none
        (only after a stop) were not.
        """
        try:
            return self._sweep()
        finally:
            self._lines.close_all()
            self._harvest.flush()

    def _sweep(self) -> bool:
        harvest = self._harvest
        while self._source or self.in_flight:
            now = self._clock()
            if now >= harvest.next_look:
                if self._conditions.stop():
                    return False
                if harvest.look(now):
                    # Descriptors that others had taken may be free again: creep back up.
                    self._capacity = min(self._most, self._capacity + _AT_ONCE)
            self._launch(now)
            self._collect()
            self._expire()
        return True

    def _took(self, batch: OutcomeBatch) -> None:
        """Learn from outcomes, and hand them on."""
        self._patience.learn(batch)
        self._care.heard(batch, self._clock())
        self._emit(batch)

    # ------------------------------------------------------------ sending

    def _launch(self, now: float) -> None:
        room = min(self._capacity - self.in_flight, _AT_ONCE)
        if room <= 0 or now < self._paused_until:
            return
        self._paused = False
        probes = self._source.take(now, room)
        probes = self._with_neighbours(probes) if self._neighbourless else probes
        for begin in range(0, len(probes), _BURST):
            dealt_with = self._burst(probes[begin : begin + _BURST])
            self._settle()
            if self._paused:
                self._source.put_back(probes[begin + dealt_with :])
                break
        self._source.sent_by(self._clock())
        if len(self._rows) >= self._enough_rows:
            self._harvest.flush()
            self._enough_rows = _ROWS

    def _burst(self, probes: Sequence[Waiting]) -> int:
        """Send probes; gives how many were dealt with before the system had no socket, if it had none.

        A reset, the way of most, is dealt with right here: its line stays where it is, on top of
        its stack, and takes the next probe.
        """
        peers, lane_of, rows, clock = self._peers, self._lane_of, self._rows, self._clock
        reset_lines, finished = self._reset_lines, self._source.finished
        counts_hosts = self._source.counts_hosts
        self._unsettled = len(rows)
        sent = clock()
        for position, (probe, attempts) in enumerate(probes):
            text, stacks = peers[probe >> 16]
            target = (text, probe & 0xFFFF)
            stack = stacks[lane_of[target[1]]]
            line = stack[-1] if stack else self._line_for(stack, probe, attempts)
            if line is None:
                if self._paused:
                    return position + 1
                continue
            error = line.connect(target)
            if error == codes.EINPROGRESS:
                error = line.connect(target)
            if error == codes.ECONNREFUSED and line.tells_icmp:
                now = clock()
                rows.append((probe, _RESET, int((now - sent) * _US_PER_S), attempts + 1, sent))
                reset_lines.add(line)
                if counts_hosts:
                    finished(probe >> 16)
                sent = now
            else:
                line.carry(probe, attempts + 1, sent, target)
                self._lend(line, error)
                sent = clock()
        return len(probes)

    def _with_neighbours(self, probes: list[Waiting]) -> list[Waiting]:
        """End the probes to hosts whose neighbour is known to be missing; gives the others."""
        left = []
        for probe, attempts in probes:
            if probe >> 16 in self._neighbourless:
                self._end(probe, CODES[LocalFault.NO_NEIGHBOUR], attempts, self._clock())
            else:
                left.append((probe, attempts))
        return left

    def _line_for(self, stack: Stack, probe: int, attempts: int) -> Line | None:
        """Open a line for the probe; None when there is none, and the probe dealt with otherwise."""
        try:
            line = self._lines.open(stack)
        except OSError as refused:
            self._not_sent(probe, attempts, refused.errno or 0)
            return None
        stack.append(line)
        return line

    def _lend(self, line: Line, error: int) -> None:
        """Have the line wait for its answer, unless connect() had one, which `error` tells."""
        line.home.pop()
        line.busy = True
        self.in_flight += 1
        if error in _UNDER_WAY:
            self._await(line)
        else:
            self._answered(line, error)

    def _await(self, line: Line) -> None:
        """Have the line reported when something comes, and given up when nothing does."""
        self._starved_since = None
        self._lines.watch(line, self._patience.timeout_s[line.probe >> 16])

    # ------------------------------------------------------------ answers

    def _collect(self) -> None:
        watched = self._lines.watched
        for descriptor, mask in self._lines.poll(self._idle_s()):
            line = watched.get(descriptor)
            if line is None or not line.busy:
                continue
            # The second connect collects the error, and a refused socket is CLOSED again.
            error = line.connect(line.target) if mask & _BAD else 0
            if error == codes.ECONNREFUSED and line.tells_icmp and not may_hold_error(line.sock):
                self._release(line)
                line.home.append(line)
                self._end(line.probe, _RESET, line.attempts, line.sent, self._since_us(line.sent))
                self._tell_refusal(line.probe, error, None)
            else:
                self._answered(line, error)

    def _answered(self, line: Line, error: int) -> None:
        """Deal with every answer but a plain reset, and with what our own system had to say."""
        icmp = self._icmp_of(line)
        if error in _UNDER_WAY and icmp is None:
            return  # nothing yet: epoll will tell
        if error in (0, codes.EISCONN, codes.ECONNRESET):
            self._opened(line, error)
            return
        probe, attempts, sent = line.probe, line.attempts, line.sent
        self._release(line)
        if error in TRANSIENT_ERRNOS and icmp is None:
            self._lines.close(line)
            self._not_sent(probe, attempts - 1, error)
            return
        self._lines.restore(line)
        verdict = tcp_outcome(error, icmp, queue_asked=line.tells_icmp)
        if verdict == (PortState.FILTERED, Reason.NO_RESPONSE):
            self._silent(probe, attempts, sent)
            return
        if verdict is LocalFault.NO_NEIGHBOUR:
            self._neighbourless.add(probe >> 16)
        rtt_us = NO_RTT if isinstance(verdict, LocalFault) else self._since_us(sent)
        self._tell_refusal(probe, 0 if error in _UNDER_WAY else error, icmp)
        self._end(probe, CODES[verdict], attempts, sent, rtt_us)

    def _opened(self, line: Line, error: int) -> None:
        if error == codes.ECONNRESET:
            rtt_us = self._since_us(line.sent)
            self._conditions.refused(line.probe, error, None)
        else:
            rtt_us = line.handshake_rtt_us(self._clock())
        self._end(line.probe, _OPEN, line.attempts, line.sent, rtt_us)
        self._release(line)
        self._lines.restore(line)

    def _tell_refusal(self, probe: int, error: int, icmp: IcmpError | None) -> None:
        if probe & 0xFFFF in self._noted:
            self._conditions.refused(probe, error, icmp)

    def _since_us(self, sent: float) -> int:
        return int((self._clock() - sent) * _US_PER_S)

    # ------------------------------------------------------------ reset or ICMP

    def _settle(self) -> None:
        """Find out which resets of a burst were ICMP errors; the others stand."""
        if not self._reset_lines:
            return
        self._starved_since = None
        for line in tuple(self._reset_lines):
            if may_hold_error(line.sock):
                if line.busy:  # with another probe, which the error may be about
                    self._answered(line, codes.EALREADY)
                else:
                    self._amend(take_errors(line.sock))
        self._reset_lines.clear()
        if self._noted:
            for probe, code, *_ in self._rows[self._unsettled :]:
                if code == _RESET:
                    self._tell_refusal(probe, codes.ECONNREFUSED, None)

    def _icmp_of(self, line: Line) -> IcmpError | None:
        """Take the ICMP error that the line's probe met; None when it met none."""
        if not may_hold_error(line.sock):
            return None
        errors = take_errors(line.sock)
        self._reset_lines.discard(line)
        address = self._hosts[line.probe >> 16]
        icmp = errors.pop((address.packed, line.target[1]), None)
        self._amend(errors)
        return icmp

    def _amend(self, errors: Mapping[tuple[bytes, int], IcmpError]) -> None:
        """Correct the resets of the burst that these ICMP errors are about."""
        for index in range(self._unsettled, len(self._rows)) if errors else ():
            probe, code, rtt_us, attempts, sent = self._rows[index]
            icmp = errors.get((self._hosts[probe >> 16].packed, probe & 0xFFFF))
            if icmp is None or code != _RESET:
                continue
            verdict = tcp_outcome(codes.ECONNREFUSED, icmp)
            fault = isinstance(verdict, LocalFault)
            code, rtt_us = CODES[verdict], NO_RTT if fault else rtt_us
            self._rows[index] = (probe, code, rtt_us, attempts, sent)
            self._tell_refusal(probe, codes.ECONNREFUSED, icmp)

    # ------------------------------------------------------------ silence and our own faults

    def _expire(self) -> None:
        for line in self._lines.overdue(self._clock()):
            self._release(line)
            # Not restored: its next SYN would follow the lost one in sequence, and a server whose
            # SYN-ACK was lost answers a SYN within its window by a reset. Open would look closed.
            self._lines.close(line)
            self._silent(line.probe, line.attempts, line.sent)

    def _silent(self, probe: int, attempts: int, sent: float) -> None:
        self._care.silence(probe >> 16, self._clock())
        if attempts < self._patience.attempts[probe >> 16]:
            self.retransmitted += 1
            self._source.again(probe, attempts)
        else:
            self._end(probe, _SILENT, attempts, sent)

    def _not_sent(self, probe: int, attempts: int, error: int) -> None:
        """Wait an exhausted system out; after `starved_s` without one socket, say so."""
        now = self._clock()
        fault = fault_of_errno(error)
        if error in TRANSIENT_ERRNOS and not self._has_source(probe >> 16, error):
            fault = LocalFault.NO_ROUTE
        elif error in TRANSIENT_ERRNOS:
            self._starved_since = self._starved_since or now
            if now - self._starved_since < self._conditions.starved_s:
                self._paused, self._paused_until = True, now + _PAUSE_S
                self._capacity = max(1, self.in_flight)
                self._source.again(probe, attempts)
                return
        self._end(probe, CODES[fault], attempts, now)

    def _has_source(self, host: int, error: int) -> bool:
        """Whether this machine has an address to ask the host from: EADDRNOTAVAIL means that, too."""
        return error != codes.EADDRNOTAVAIL or bool(source_towards(self._hosts[host]))

    # ------------------------------------------------------------ accounts

    def _end(self, probe: int, code: int, attempts: int, sent: float, rtt_us: int = NO_RTT) -> None:
        self._rows.append((probe, code, rtt_us, attempts, sent))
        self._source.finished(probe >> 16)

    def _release(self, line: Line) -> None:
        """Take the line out of what is under way; restore or close it afterwards."""
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
