"""The UDP sweep: datagrams that a server must answer, and what silence and ICMP mean.

UDP has no handshake, so only an answer in the protocol that was asked proves a port open::

    valid answer to our question ............ open           udp-response, with the service
    ICMP port unreachable ................... closed         port-unreach
    other ICMP unreachable .................. filtered       with its reason
    bytes that answer nothing we asked ...... open|filtered  udp-response
    silence after all attempts .............. open|filtered  no-response
    the call itself fails ................... Unmeasured     the local fault
    no probe registered for the port ........ Unmeasured     not-probed; nothing is sent

How it goes::

    order ─► draw ─► table (a row each) ─► ask ─► postbox ─► …
                        │                   ▲
                        │                   ├── silent, attempts left: again
                        │                   └── silent, and the host sends ICMP errors: rounds
                        ▼
       replies ─► outcomes ─► OutcomeBatch ─► emit

The first words of every probe leave in one blast, as fast as the rates let them. What answers goes
on in its dialogue (`udp_replies`, `udp_talk`) by the same socket. What stays silent is asked again: as often as the
plan says where the host never sent an ICMP error, and in rounds (`udp_rounds`, `bucket`) where it
did, because such a host limits its errors and a closed port may be silent only for that.

The hardest decision: bytes that are no valid answer. Something is there, but a middlebox, a
reflector or an echo looks the same, and `open` would claim a service that nobody saw. So the
state stays open|filtered, the reason says that something came, and the bytes are kept.

What a port may cost: 1 + max_retries askings, each with its time-out and at least a second apart.
At a host that sends ICMP errors two seconds for each silent port and a minute, at most
(`scan.bucket`). After that silence is what it is, and stays open|filtered.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Sequence
from errno import EADDRNOTAVAIL
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from portproof.model.batch import OutcomeBatch
from portproof.model.endpoint import Address
from portproof.model.observation import LocalFault, PortState
from portproof.model.probe import Turn
from portproof.plan.order import Order
from portproof.scan.asked import NEVER_MS, SOURCES, AskedTable, key_of_v4, key_of_v6
from portproof.scan.care import datagram_care_of
from portproof.scan.classify import Verdict, fault_of_errno
from portproof.scan.conditions import Conditions
from portproof.scan.datagrams import BATCH
from portproof.scan.host_time import HostTime
from portproof.scan.postbox import Letter, Postbox
from portproof.scan.routing import is_own
from portproof.scan.udp_outcomes import Outcomes
from portproof.scan.udp_replies import Asking, Hearing, Replies
from portproof.scan.udp_rounds import KnownClosed, Rounds
from portproof.scan.udp_talk import Talk, Words

REPEAT_S: Final = 1.0
"""Between two askings of one port, at least: a host that limits its errors has one more by then."""

_FLUSH_S: Final = 0.25
_LOOK_S: Final = 0.1
_DUE_S: Final = 0.01
_LONGEST_WAIT_S: Final = 0.05
_MS: Final = 1_000
_US: Final = 1_000_000
_IPV4: Final = 4


class UdpSweep:
    """One sweep over one plan's UDP endpoints; `run` it once."""

    def __init__(
        self,
        hosts: Sequence[Address],
        order: Order,
        emit: Callable[[OutcomeBatch], None],
        conditions: Conditions,
        asking: Asking,
    ) -> None:
        timing = conditions.timing
        self._hosts = hosts
        self._order = order
        self._conditions = conditions
        self._clock = conditions.clock
        self._timeout_ms = timing.udp_timeout_ms
        self._most_attempts = 1 + timing.max_retries
        self._next = 0
        self._table = AskedTable()
        self._words = Words(
            hosts,
            asking.name_of,
            asking.probes_for,
            most_attempts=self._most_attempts,
            secret=os.urandom(32),
        )
        self._outcomes = Outcomes(self._table, emit, began=conditions.began)
        self._again = array("q")
        """Rows to be asked again, each followed by its endpoint: it may be decided meanwhile."""
        self._known = KnownClosed()
        self._neighbourless = BitMap()
        self._host_time = HostTime(timing.host_timeout_ms)
        self._rounds = Rounds(self._table, needed=timing.max_retries)
        self._post = Postbox(
            conditions.rates,
            len(hosts),
            starved_s=conditions.starved_s,
            unwanted=lambda port: bool(self._words.probes(port)),
            care=datagram_care_of(hosts, conditions),
        )
        self._replies = Replies(
            hosts,
            self._table,
            self._words,
            self._outcomes,
            Hearing(
                answered=asking.answered,
                noted=conditions.noted,
                say=self._say,
                refused=self._row_refused,
                decided=self._row_decided,
                known=self._rounds.knows,
                started=asking.started,
            ),
            timeout_ms=self._timeout_ms,
        )
        self._next_look = self._next_flush = self._next_due = conditions.began
        self.retransmitted = 0
        """Askings of silent ports beyond the first."""

    @property
    def done(self) -> int:
        """Endpoints with an outcome so far."""
        return self._outcomes.done

    def run(self) -> bool:
        """Ask everything; False when the stop signal ended it early.

        Each endpoint that has an outcome has been emitted when this returns; those that have none
        (only after a stop) were not.
        """
        try:
            return self._sweep()
        finally:
            self._post.close()
            self._outcomes.clear()
            self._outcomes.flush()

    def _sweep(self) -> bool:
        while self._next < len(self._order) or len(self._table):
            now = self._clock()
            if now >= self._next_look:
                if self._conditions.stop():
                    return False
                self._look(now)
            self._write(now)
            self._post.dispatch(now, self._is_wanted, self._sent, self._not_sent)
            self._collect()
            if now >= self._next_due:
                self._next_due = now + _DUE_S
                self._expire(now)
            self._wait()
        return True

    def _look(self, now: float) -> None:
        """Do what has to be done a few times a second."""
        self._conditions.tick()
        self._next_look = now + _LOOK_S
        if now >= self._next_flush:
            self._outcomes.flush()
            self._next_flush = now + _FLUSH_S

    def _wait(self) -> None:
        """Wait for answers, not at all while something can be sent."""
        now = self._clock()
        if not self._post and (self._again or self._may_draw()):
            wait_s = 0.0
        else:
            due = self._conditions.began + self._table.next_due_ms() / _MS
            wait_s = min(due - now, self._rounds.next_s() - now, self._post.wait_s(now))
        self._post.wait(min(max(wait_s, 0.0), _LONGEST_WAIT_S))

    def _may_draw(self) -> bool:
        return self._next < len(self._order) and self._table.room > 0

    # ------------------------------------------------------------ what is asked next

    def _write(self, now: float) -> None:
        """Write letters while there is room: rounds first, then repetitions, then new endpoints."""
        while len(self._post) < BATCH and (host := self._rounds.next_host(now)) is not None:
            self._next_round(host, now)
        room = max(0, BATCH - len(self._post))
        for row, probe in zip(
            self._again[: 2 * room : 2], self._again[1 : 2 * room : 2], strict=True
        ):
            if self._table.holds(row, probe) and not self._replies.talks_in(row):
                self._ask(row)
        del self._again[: 2 * room]
        room = BATCH - len(self._post)
        if room > 0 and self._may_draw():
            self._draw(min(room, self._table.room))

    def _draw(self, count: int) -> None:
        """Begin with the next endpoints of the order."""
        hosts, ports = self._order.block(self._next, count)
        self._next += len(ports)
        probes = (hosts.astype(np.int64) << 16) | ports
        known = np.array([bool(self._words.probes(port)) for port in ports.tolist()], dtype=bool)
        self._outcomes.not_probed(probes[~known])
        asked = probes[known]
        keys = [self._key(probe >> 16, probe & 0xFFFF) for probe in asked.tolist()]
        for row in self._table.add(np.array(keys, dtype=np.uint64), asked).tolist():
            self._ask(row)

    def _ask(self, row: int, *, in_round: bool = False) -> int:
        """Write what has to be asked of the row; gives how many letters that makes."""
        probe, attempt = int(self._table.probe[row]), int(self._table.attempts[row])
        host = probe >> 16
        fault = self._hindrance(host)
        if fault is not None:
            self._fail(row, fault)
            return 0
        turns = self._words.openings(probe, attempt)
        for turn in turns:
            self._post.post(self._letter(probe, turn, row, attempt % SOURCES, in_round=in_round))
        self._table.attempts[row] = min(attempt + 1, 255)
        self._table.due_ms[row] = NEVER_MS
        self.retransmitted += attempt > 0
        return len(turns)

    def _hindrance(self, host: int) -> LocalFault | None:
        if host in self._neighbourless:
            return LocalFault.NO_NEIGHBOUR
        return LocalFault.HOST_TIMEOUT if self._host_time.over(host, self._clock()) else None

    def _letter(
        self, probe: int, turn: Turn, row: int, source: int, *, in_round: bool = False
    ) -> Letter:
        host = probe >> 16
        return Letter(
            source=source,
            host=host,
            address=self._hosts[host],
            port=probe & 0xFFFF,
            payload=turn.payload,
            row=row,
            probe=probe,
            in_round=in_round,
        )

    def _say(self, row: int, talk: Talk, turn: Turn) -> None:
        """Write the next words of a dialogue."""
        letter = self._letter(int(self._table.probe[row]), turn, row, talk.source)
        self._table.due_ms[row] = NEVER_MS
        self._post.post(letter._replace(port=talk.port, first=False))

    def _key(self, host: int, port: int) -> int:
        address = self._hosts[host]
        key_of = key_of_v4 if address.version == _IPV4 else key_of_v6
        return key_of(int(address), port)

    # ------------------------------------------------------------ what left, and what cannot

    def _is_wanted(self, letter: Letter) -> bool:
        """Whether a letter still asks something, and would not come to ourselves."""
        wanted = letter.row < 0 or (
            self._table.holds(letter.row, letter.probe) and not self._outcomes.has(letter.row)
        )
        if wanted and self._post.is_ours(letter.port) and is_own(letter.address):
            self._not_sent(letter, 0)
            return False
        if not wanted and letter.in_round:
            self._rounds.sent(letter.host, self._clock(), self._now_ms())
        return wanted

    def _sent(self, letters: Sequence[Letter]) -> None:
        now, timeout_ms = self._clock(), self._timeout_ms
        now_us = int((now - self._conditions.began) * _US)
        for in_round in (False, True):
            rows = [each.row for each in letters if each.in_round is in_round and each.first]
            due_ms = NEVER_MS if in_round else now_us // _MS + timeout_ms
            self._table.asked([row for row in rows if row >= 0], letters[0].source, now_us, due_ms)
        for letter in letters:
            if letter.in_round:
                self._rounds.sent(letter.host, now, now_us // _MS)
            elif not letter.first:
                self._table.due_ms[letter.row] = now_us // _MS + timeout_ms

    def _not_sent(self, letter: Letter, error: int) -> None:
        """Our own system will not send it: nothing is known of the endpoint."""
        if letter.in_round:
            self._rounds.sent(letter.host, self._clock(), self._now_ms())
        if letter.row < 0:
            return
        if self._replies.talks_in(letter.row):
            self._replies.overdue(letter.row)
            return
        no_address = error == EADDRNOTAVAIL
        self._table.attempts[letter.row] -= 1
        self._fail(letter.row, LocalFault.NO_ROUTE if no_address else fault_of_errno(error))

    def _fail(self, row: int, fault: LocalFault) -> None:
        self._row_decided(row)
        self._outcomes.end(row, fault, rtt_us=None, sent_ms=self._now_ms())

    # ------------------------------------------------------------ what comes

    def _collect(self) -> None:
        now_us = int((self._clock() - self._conditions.began) * _US)
        # Answers before errors: where both came, the answer counts.
        for source, family, came in self._post.datagrams():
            self._replies.take(source, family, came, now_us)
        for source, family, errors in self._post.errors():
            self._replies.take_errors(source, family, errors, now_us)
        self._outcomes.clear()

    def _row_decided(self, row: int) -> None:
        self._rounds.leave(int(self._table.probe[row]) >> 16, row, refused=False)

    def _row_refused(self, row: int, verdict: Verdict) -> None:
        """Learn from an ICMP error that is about to decide a row."""
        probe = int(self._table.probe[row])
        host, port = probe >> 16, probe & 0xFFFF
        closed = not isinstance(verdict, LocalFault) and verdict[0] is PortState.CLOSED
        self._rounds.leave(host, row, refused=closed)
        if closed:
            self._known.note(host, port)
        elif verdict is LocalFault.NO_NEIGHBOUR:
            self._neighbourless.add(host)

    # ------------------------------------------------------------ silence

    def _expire(self, now: float) -> None:
        """Deal with the rows whose time is over: a repetition, a round, or silence."""
        rows = self._table.due(self._now_ms())
        if not len(rows):
            return
        talking = np.array([self._replies.talks_in(row) for row in rows.tolist()], dtype=bool)
        for row in rows[talking].tolist():
            self._replies.overdue(row)
        self._outcomes.clear()
        self._repeat(rows[~talking], now)

    def _repeat(self, rows: NDArray[np.int64], now: float) -> None:
        """Ask silent rows again, as often as the plan says, and as the host's ICMP errors let us."""
        if self._most_attempts > 1:
            hosts = self._table.probe[rows] >> 16
            limited = np.isin(
                hosts, [each for each in np.unique(hosts).tolist() if self._known.of(each)]
            )
            for host in np.unique(hosts[limited]).tolist():
                self._rounds.join(host, rows[hosts == host].tolist(), now)
            self._table.due_ms[rows[limited]] = NEVER_MS
            rows = rows[~limited]
        over = self._table.attempts[rows] >= self._most_attempts
        self._outcomes.silent(rows[over])
        self._later(rows[~over])

    def _later(self, rows: NDArray[np.int64]) -> None:
        """Ask rows again, those that were asked less than a second ago when it is over."""
        again_ms = self._table.sent_ms[rows].astype(np.int64) + int(REPEAT_S * _MS)
        ready = again_ms <= self._now_ms()
        asked = np.column_stack((rows[ready], self._table.probe[rows[ready]]))
        self._again.extend(asked.ravel().tolist())
        self._table.due_ms[rows[ready]] = NEVER_MS
        self._table.due_ms[rows[~ready]] = again_ms[~ready]

    def _next_round(self, host: int, now: float) -> None:
        """End the host's round and begin the next one, as long as silent ports wait."""
        self._outcomes.silent(np.array(self._rounds.end(host, now), dtype=np.int64))
        rows = self._rounds.begin(host)
        if not rows:
            return
        letters = sum(self._ask(row, in_round=True) for row in rows)
        known = self._known.of(host)
        if letters:
            probe = host << 16 | known
            turn = self._words.openings(probe, 0)[0]
            self._post.post(self._letter(probe, turn, -1, 0, in_round=True))
            letters += 1
        self._rounds.posted(host, letters, now, known=self._key(host, known))

    def _now_ms(self) -> int:
        return int((self._clock() - self._conditions.began) * _MS)
