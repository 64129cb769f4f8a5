"""One helper's run: blocks in, frames out, answers in, outcomes out, all in one loop.

    parent ─ASK─► table ─► backlog ─► ways ─► wire
                              ▲ silent, sendings left
                              └────── deadlines
    parent ◄─ENDED─ ledger ◄─ table.find ◄─ answers ◄─ rings

Every probe is remembered until it ends, in some 40 bytes; only silent ones are sent again. An
answer to any sending counts as long as its probe waits.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

import numpy as np

from portproof.model.rawwire import End, Kind, WireError, asked, say
from portproof.rawhelper.answers import Answers, read
from portproof.rawhelper.backlog import Backlog, Pacer
from portproof.rawhelper.channel import Channel
from portproof.rawhelper.frames import ROWS
from portproof.rawhelper.host_time import HostTime
from portproof.rawhelper.ledger import Ledger
from portproof.rawhelper.neighbours import Neighbours
from portproof.rawhelper.outlet import Senders
from portproof.rawhelper.pace import KeyedPace, Pace
from portproof.rawhelper.patience import Patience
from portproof.rawhelper.plan import HelperPlan
from portproof.rawhelper.ring import ReceiveRing
from portproof.rawhelper.source_ports import IMPOSSIBLE, SourcePorts
from portproof.rawhelper.table import V4, V6, ProbeTable, Slots
from portproof.rawhelper.ways import Ways

_LONGEST_WAIT_S: Final = 0.05
_SHORTEST_WAIT_S: Final = 0.001
"""Waking for each probe of a slow rate would cost more than sending it."""

Sent: TypeAlias = tuple[float, int, Slots]
"""When a batch was sent, its number, and what it held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """All that needed CAP_NET_RAW."""

    senders: Senders
    rings: dict[int, ReceiveRing]
    """By IP version."""
    neighbours: Neighbours
    reserved: SourcePorts


class Engine:
    """One run; `run` it once."""

    def __init__(
        self, plan: HelperPlan, channel: Channel, sockets: Sockets, ways: Ways, table: ProbeTable
    ) -> None:
        self._channel = channel
        self._sockets = sockets
        self._ways = ways
        self._table = table
        self._ledger = Ledger(table, channel)
        self._backlog = Backlog(
            table, sockets.neighbours, HostTime(plan.host_timeout_s), pacers_of(plan, table)
        )
        self._pace = Pace(plan.global_pps)
        self._patience = Patience(plan)
        self._deadlines: deque[Sent] = deque()
        self._last_words: deque[Sent] = deque()
        """Sent for the last time: waited for until silence may be claimed."""
        self._turn = 0
        self._stopped = False

    def run(self) -> None:
        """Work until the parent says stop, or goes.

        Raises:
            WireError: the parent sent what is not understood.
        """
        while not self._stop_heard():
            now = time.monotonic()
            busy = self._send(now) | self._receive()
            now = time.monotonic()
            self._expire(now)
            if self._sockets.neighbours.pump(now):
                self._give_up(now)
            self._ledger.flush(now)
            self._channel.push()
            if not busy:
                self._wait(now)
        self._receive()
        self._ledger.flush(time.monotonic(), at_once=True)
        self._channel.send(say(Kind.DONE))
        self._hand_over()

    def _hear(self) -> None:
        """Take what the parent says."""
        for kind, payload in self._channel.frames():
            if kind in (Kind.ASK_V4, Kind.ASK_V6):
                block, records = asked(kind, payload)
                slots = self._table.add(block, kind, records)
                self._ways.assign(self._table, slots, V6 if kind is Kind.ASK_V6 else V4)
                self._backlog.add(slots)
            elif kind is Kind.STOP:
                self._stopped = True
            else:
                raise WireError(f"a parent does not say {kind.name}")

    def _stop_heard(self) -> bool:
        self._hear()
        return self._stopped or self._channel.closed

    # ------------------------------------------------------------ out

    def _send(self, now: float) -> bool:
        """Send what may leave now, at most a batch; True when something was sent."""
        if self._stopped or self._channel.full or not self._backlog:
            return False
        granted = self._pace.granted(now, ROWS)
        slots = self._backlog.take(now, granted) if granted else np.zeros(0, dtype=np.int64)
        self._give_up(now)
        if not len(slots):
            return False
        self._turn += 1
        failed = self._ways.send(self._table, slots, self._turn, self._stop_heard)
        ended = time.monotonic()
        for slot, error in failed.items():
            if not self._stopped:
                self._ledger.unanswered(np.array([slot]), End.NOT_SENT, ended, error)
        if failed:
            slots = slots[~np.isin(slots, list(failed))]
        # Paid for when it has left: a queue that was full must not let two seconds' worth into one.
        self._pace.spend(ended, len(slots))
        self._deadlines.append((ended, self._turn, slots))
        return True

    def _give_up(self, now: float) -> None:
        """End the probes that cannot leave any more."""
        for end, slots in self._backlog.given_up():
            self._ledger.unanswered(slots, end, now)

    # ------------------------------------------------------------ in

    def _receive(self) -> bool:
        """Take what has come, at most a part of each ring; True when there was something."""
        busy = False
        for version, ring in self._sockets.rings.items():
            packets = ring.drain()
            if packets is not None:
                tcp, icmp = read(version, packets)
                self._match(version, Kind.ENDED, tcp)
                self._match(version, Kind.ENDED_ICMP, icmp)
                busy = True
        return busy

    def _match(self, version: int, kind: Kind, answers: Answers) -> None:
        """End the probes that the answers are for; what fits none is ignored."""
        if not len(answers.port):
            return
        find = self._table.find_v6 if version == V6 else self._table.find_v4
        slots, fits = find(answers.address, answers.port, answers.sequence)
        back = self._sockets.reserved.sendings_ago(answers.source, self._table.attempts[slots])
        fits &= (back != IMPOSSIBLE) & (self._table.attempts[slots] > 0)
        rows = np.flatnonzero(fits)
        slots, first = np.unique(slots[rows], return_index=True)
        rows = rows[first]
        if len(rows):
            now = time.monotonic()
            shift = time.time() - now
            taken = answers.rows(rows, shift)
            rtt_us = self._ledger.answered(kind, slots, taken, back[rows], now)
            self._patience.learn(rtt_us)

    # ------------------------------------------------------------ silence

    def _expire(self, now: float) -> None:
        """Send again, or give up, what has been silent for long enough."""
        patience = self._patience
        while self._deadlines and self._deadlines[0][0] + patience.again_s <= now:
            sent, turn, slots = self._deadlines.popleft()
            still = self._still(slots, turn)
            spent = self._table.attempts[still] >= self._table.until[still]
            if not spent.all():
                self._backlog.again(still[~spent])
            if spent.any():
                self._last_words.append((sent, turn, still[spent]))
        while self._last_words and self._last_words[0][0] + patience.last_s <= now:
            _, turn, slots = self._last_words.popleft()
            still = self._still(slots, turn)
            if len(still):
                self._ledger.unanswered(still, End.SILENT, now)

    def _still(self, slots: Slots, turn: int) -> Slots:
        """Give those that wait, and have not been sent since (or belong to another block by now)."""
        return np.asarray(slots[self._table.waiting[slots] & (self._table.turn[slots] == turn)])

    # ------------------------------------------------------------ waiting

    def _wait(self, now: float) -> None:
        """Sleep until something comes or is due."""
        channel, rings = self._channel, self._sockets.rings.values()
        heard: list[socket.socket] = [channel.sock, *(ring.sock for ring in rings)]
        neighbours = self._sockets.neighbours
        if neighbours.open:
            heard += [neighbours.arp, neighbours.nd]
        due_s = min(
            _LONGEST_WAIT_S,
            max(self._backlog.wait_s(now), self._pace.wait_s(now), _SHORTEST_WAIT_S),
            max(self._next_deadline_s() - now, _SHORTEST_WAIT_S),
        )
        if self._ledger.holding:
            due_s = min(due_s, 2 * _SHORTEST_WAIT_S)
        select.select(heard, [channel.sock] if channel.holding else [], [], due_s)

    def _next_deadline_s(self) -> float:
        again = self._deadlines[0][0] + self._patience.again_s if self._deadlines else inf
        last = self._last_words[0][0] + self._patience.last_s if self._last_words else inf
        return min(again, last)

    def _hand_over(self) -> None:
        """Wait until the parent has taken everything, or is gone."""
        while self._channel.holding and not self._channel.closed:
            select.select([], [self._channel.sock], [], _LONGEST_WAIT_S)
            self._channel.push()


def pacers_of(plan: HelperPlan, table: ProbeTable) -> list[Pacer]:
    """Give the limits beside the global one, those that can bind at all."""
    pacers: list[Pacer] = []
    if plan.per_host_pps < plan.global_pps:
        pacers.append((KeyedPace(plan.per_host_pps), lambda slots: table.host[slots]))
    if plan.per_subnet_pps is not None and plan.per_subnet_pps < plan.global_pps:
        pacers.append((KeyedPace(plan.per_subnet_pps), table.subnet_of))
    return pacers
