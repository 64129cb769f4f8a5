"""The TCP engine of a light vantage: every connection is opened by a proxy, for us.

    ProbeSource ──take──► Dial ──► the proxy's word
                                      ├─ succeeded ──► open
                                      └─ all else, or none in time ──► Unmeasured(PROXY_CANNOT_TELL)

Nothing here is ever closed or filtered: `relay_dial` says why. So such a run finds what is exposed,
and closes nothing. Nor is anything asked again: the proxy's kernel repeats its own SYN.

Rates and limits per host are those of any run (`source`); connections at once are few, for proxies
are small machines. An SSH server goes on trying what we have given up, with a descriptor for each;
only so many of those are left behind at a time, and the sweep waits for them to end.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from portproof.model.batch import NO_RTT, OutcomeBatch
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import Timing
from portproof.plan.order import Order
from portproof.scan.classify import TRANSIENT_ERRNOS
from portproof.scan.conditions import Conditions
from portproof.scan.harvest import Harvest
from portproof.scan.relay_dial import Dial, Ended
from portproof.scan.relay_tunnel import Tunnel
from portproof.scan.rows import CODES
from portproof.scan.source import ProbeSource, Waiting

_PATIENCE: Final = 3
"""Time-outs a proxy gets for one connection: its kernel repeats a lost SYN after one second."""
MOST_LEFT_BEHIND: Final = 400
"""Connections that we have given up and an SSH server has not: half of the usual 1 024 descriptors."""
LEFT_BEHIND_S: Final = 135.0
"""Linux gives a connect up after 127 s (tcp(7), tcp_syn_retries)."""
_LONGEST_POLL_S: Final = 0.02
_PAUSE_S: Final = 0.05
_US_PER_S: Final = 1_000_000
_OPEN: Final = CODES[PortState.OPEN, Reason.PROXY_CONNECTED]
_CANNOT_TELL: Final = CODES[LocalFault.PROXY_CANNOT_TELL]


def patience_s(timing: Timing) -> float:
    """Give how long the proxy's word on one connection is waited for, in seconds."""
    return _PATIENCE * timing.timeout_ms / 1_000


@dataclass(slots=True, eq=False)
class _Call:
    """One dial under way for a probe."""

    dial: Dial
    probe: int
    sent: float
    given_up: bool = False


class RelaySweep:
    """One sweep over TCP endpoints through a tunnel; `run` it once."""

    def __init__(
        self,
        hosts: Sequence[Address],
        order: Order,
        emit: Callable[[OutcomeBatch], None],
        conditions: Conditions,
        *,
        tunnel: Tunnel,
        opened: Callable[[int, str], None] = lambda _probe, _said: None,
    ) -> None:
        """`opened` hears of each probe that found its port open, and what the proxy said."""
        self._hosts = hosts
        self._harvest = Harvest(conditions, emit)
        self._conditions = conditions
        self._clock = conditions.clock
        self._tunnel = tunnel
        self._opened = opened
        self._source = ProbeSource(order, len(hosts), conditions.rates)
        self._at_once = min(tunnel.way.at_once, conditions.rates.max_connections)
        if len(hosts) == 1:
            self._at_once = min(self._at_once, conditions.rates.per_host_connections)
        self._patience_s = patience_s(conditions.timing)
        self._epoll = select.epoll()
        self._calls: dict[int, _Call] = {}
        self._waiting: deque[_Call] = deque()
        """Calls in the order in which they will be given up, some of them ended already."""
        self._left_behind: deque[_Call] = deque()
        self._starved_since: float | None = None
        self._paused_until = conditions.began
        self.in_flight = 0
        self.retransmitted = 0
        """Probes sent again: none, ever."""

    @property
    def done(self) -> int:
        """Endpoints with an outcome so far."""
        return self._harvest.done

    def run(self) -> bool:
        """Probe everything; False when the stop signal ended it early.

        Each endpoint that has an outcome has been emitted when this returns.
        """
        try:
            return self._sweep()
        finally:
            for call in list(self._calls.values()):
                self._hang_up(call)
            self._epoll.close()
            self._harvest.flush()

    def _sweep(self) -> bool:
        while self._source or self.in_flight:
            now = self._clock()
            if now >= self._harvest.next_look:
                if self._conditions.stop():
                    return False
                self._harvest.look(now)
            self._launch(now)
            self._collect()
            self._expire(self._clock())
        return True

    # ------------------------------------------------------------ sending

    def _launch(self, now: float) -> None:
        room = self._room(now)
        if room <= 0:
            return
        probes = self._source.take(now, room)
        for position, (probe, attempts) in enumerate(probes):
            if not self._call(probe, attempts):
                self._source.put_back(probes[position:])
                self._paused_until = now + _PAUSE_S
                break
        self._source.sent_by(self._clock())

    def _room(self, now: float) -> int:
        """Give how many calls may begin now."""
        if now < self._paused_until:
            return 0
        # Each of those in flight may be left behind, too.
        return min(self._at_once, MOST_LEFT_BEHIND - len(self._left_behind)) - self.in_flight

    def _call(self, probe: int, attempts: int) -> bool:
        """Begin one call; False when the system has no socket just now."""
        now = self._clock()
        target = Endpoint(self._hosts[probe >> 16], Transport.TCP, probe & 0xFFFF)
        try:
            dial = self._tunnel.dial(target)
        except OSError as fault:
            return self._not_called((probe, attempts), fault, now)
        self._starved_since = None
        call = _Call(dial, probe, now)
        descriptor = dial.sock.fileno()
        self._calls[descriptor] = call
        self._epoll.register(descriptor, select.EPOLLOUT)
        self._waiting.append(call)
        self.in_flight += 1
        return True

    def _not_called(self, waiting: Waiting, fault: OSError, now: float) -> bool:
        """Wait an exhausted system out, for a while; give the probe up otherwise."""
        if fault.errno in TRANSIENT_ERRNOS:
            self._starved_since = self._starved_since or now
            if now - self._starved_since < self._conditions.starved_s:
                return False
            self._end(waiting[0], CODES[LocalFault.NO_SOCKETS], now)
        else:
            self._end(waiting[0], _CANNOT_TELL, now)
        return True

    # ------------------------------------------------------------ answers

    def _collect(self) -> None:
        for descriptor, _ in self._epoll.poll(self._idle_s()):
            call = self._calls[descriptor]
            ended = call.dial.go_on()
            if ended is not None:
                self._hang_up(call)
                self._answered(call, ended)
            else:
                mask = select.EPOLLOUT if call.dial.sends else select.EPOLLIN
                self._epoll.modify(descriptor, mask)

    def _answered(self, call: _Call, ended: Ended) -> None:
        if call.given_up:
            self._left_behind.remove(call)
            return
        call.given_up = True  # nothing is left to wait for
        self.in_flight -= 1
        if ended.opened:
            self._opened(call.probe, ended.said)
            rtt_us = int((self._clock() - call.sent) * _US_PER_S)
            self._end(call.probe, _OPEN, call.sent, rtt_us)
        else:
            self._end(call.probe, _CANNOT_TELL, call.sent)

    def _expire(self, now: float) -> None:
        while self._waiting and (
            self._waiting[0].given_up or now >= self._waiting[0].sent + self._patience_s
        ):
            call = self._waiting.popleft()
            if not call.given_up:
                self._give_up(call)
        while self._left_behind and now >= self._left_behind[0].sent + LEFT_BEHIND_S:
            self._hang_up(self._left_behind.popleft())

    def _give_up(self, call: _Call) -> None:
        call.given_up = True
        self.in_flight -= 1
        self._end(call.probe, _CANNOT_TELL, call.sent)
        if self._tunnel.lingers:
            self._left_behind.append(call)
        else:
            self._hang_up(call)

    def _hang_up(self, call: _Call) -> None:
        # Closing the only descriptor of a socket takes it out of epoll (epoll(7)).
        del self._calls[call.dial.sock.fileno()]
        call.dial.close()

    def _end(self, probe: int, code: int, sent: float, rtt_us: int = NO_RTT) -> None:
        self._harvest.rows.append((probe, code, rtt_us, 1, sent))
        self._source.finished(probe >> 16)

    def _idle_s(self) -> float:
        """Give how long to wait for answers: no longer than until the next probe may leave."""
        now = self._clock()
        if self._source and self._room(now) > 0:
            return min(self._source.wait_s(now), _LONGEST_POLL_S)
        return _LONGEST_POLL_S
