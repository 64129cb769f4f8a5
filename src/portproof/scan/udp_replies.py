"""What comes back: answers go on in their dialogues, ICMP errors decide, the rest counts for nothing.

An answer has to come from the address that was asked, by the socket that asked, and from the port
that was asked, unless the protocol answers from another one (`Turn.any_port`): then a valid answer
counts, and nothing else does. What comes late, twice, or unasked finds no row, and is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from socket import AF_INET, AddressFamily
from typing import Final

import numpy as np

from portproof.evidence.masking import mask, mask_service
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import PortState, Reason, Service
from portproof.model.probe import Probe, Turn
from portproof.scan.asked import SOURCES, AskedTable, key_of_v4, key_of_v6
from portproof.scan.classify import IcmpError, Verdict, udp_outcome
from portproof.scan.datagrams import Datagram, QueuedError
from portproof.scan.raw import RawRecord, refusal, rfc3339
from portproof.scan.udp_outcomes import Outcomes
from portproof.scan.udp_talk import Match, Talk, Words

KEPT_BYTES: Final = 4_096
_OPEN: Final = (PortState.OPEN, Reason.UDP_RESPONSE)
_ODD: Final = (PortState.OPEN_FILTERED, Reason.UDP_RESPONSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpAnswer:
    """What an endpoint said: told just before its outcome is emitted."""

    host: int
    """The host's index in the plan."""
    endpoint: Endpoint
    verdict: Verdict
    service: Service | None
    """What was recognised, masked; None unless the port is open."""
    raw: RawRecord
    """The deciding exchange, masked."""
    masked: int
    """How many secrets were masked in both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked of whom, and who hears of the answers."""

    probes_for: Callable[[int], Sequence[Probe]]
    """The probes for a port; none: nothing is sent to it."""
    name_of: Callable[[int], str | None]
    """The DNS name that a host (by its index) was listed by; None when an address was listed."""
    answered: Callable[[UdpAnswer], None]
    """Hears of every answer; of ICMP errors only at the ports that the conditions note."""
    started: datetime
    """The run's start by the wall clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Who has to be told what."""

    answered: Callable[[UdpAnswer], None]
    """Hears of every answer, and of ICMP errors at the ports of `noted`."""
    noted: frozenset[int]
    say: Callable[[int, Talk, Turn], None]
    """Has the next words of a dialogue sent: to the row's endpoint, as the talk says."""
    refused: Callable[[int, Verdict], None]
    """Hears of each row that an ICMP error is about to decide."""
    decided: Callable[[int], None]
    """Hears of each other row that is about to be decided, or has become a talk."""
    known: Callable[[int], bool]
    """Whether an ICMP error for this key answers the known closed port of a round."""
    started: datetime
    """The run's start by the wall clock."""


class Replies:
    """Takes datagrams and ICMP errors in, and decides by them."""

    def __init__(
        self,
        hosts: Sequence[Address],
        table: AskedTable,
        words: Words,
        outcomes: Outcomes,
        hearing: Hearing,
        *,
        timeout_ms: int,
    ) -> None:
        self._hosts = hosts
        self._table = table
        self._words = words
        self._outcomes = outcomes
        self._hearing = hearing
        self._timeout_ms = timeout_ms
        self._talks: dict[int, Talk] = {}

    def talks_in(self, row: int) -> bool:
        """Whether the row has said something and is not decided yet."""
        return row in self._talks

    # ------------------------------------------------------------ datagrams

    def take(self, source: int, family: AddressFamily, came: list[Datagram], now_us: int) -> None:
        """Take datagrams that came by one socket."""
        rows = self._find(family, [(each.address, each.port) for each in came])
        for datagram, row in zip(came, rows, strict=True):
            if row < 0:
                self._from_elsewhere(source, family, datagram, now_us)
            elif not self._outcomes.has(row):
                self._hear(row, source, datagram, now_us)

    def _find(self, family: AddressFamily, names: Iterable[tuple[int, int]]) -> list[int]:
        """Give the row of each endpoint, -1 where it is not under way."""
        key_of = key_of_v4 if family == AF_INET else key_of_v6
        names = list(names)
        keys = np.array([key_of(*name) for name in names], dtype=np.uint64)
        rows: list[int] = self._table.find(keys).tolist()
        if family == AF_INET:
            return rows
        # Two IPv6 endpoints may share a key: the address decides.
        return [
            row if row >= 0 and int(self._hosts[self._host(row)]) == name[0] else -1
            for row, name in zip(rows, names, strict=True)
        ]

    def _from_elsewhere(
        self, source: int, family: AddressFamily, datagram: Datagram, now_us: int
    ) -> None:
        """Look whether a port of the sender was asked that may answer from another one.

        Where several were, nobody can tell which of them it is: the answer counts for none.
        """
        ports = sorted(self._words.roaming)
        found = self._find(family, [(datagram.address, port) for port in ports])
        asked = [row for row in found if row >= 0]
        if len(asked) != 1 or self._outcomes.has(asked[0]):
            return
        match = self._match(asked[0], source, datagram, settled=True)
        if match is not None:
            self._begin(asked[0], source, datagram, match, now_us)

    def _hear(self, row: int, source: int, datagram: Datagram, now_us: int) -> None:
        """Take what an asked endpoint says."""
        talk = self._talks.get(row)
        if talk is not None and datagram.data in talk.seen:
            return
        if talk is not None and talk.turn is not None and talk.source == source:
            self._note(talk, datagram)
            self._go_on(row, talk, datagram.data)
            return
        if not self._attempts(row, source):
            return  # nothing was asked by this socket: it is no answer
        match = self._match(row, source, datagram, settled=False)
        self._begin(row, source, datagram, match, now_us)

    def _match(self, row: int, source: int, datagram: Datagram, *, settled: bool) -> Match | None:
        """Find the probe that a datagram answers; one that settles it before one that asks on.

        `settled`: only such a one.
        """
        talk = self._talks.get(row)
        endpoint, asking_on = int(self._table.probe[row]), None
        for attempt in self._attempts(row, source):
            for match in self._words.matches(endpoint, attempt, datagram.data):
                if isinstance(match.step, Turn):
                    began = talk is not None and match.probe.name in talk.tried
                    if asking_on is None and not began and not settled:
                        asking_on = match
                else:
                    return match
        return asking_on

    def _attempts(self, row: int, source: int) -> range:
        """Give the attempts that were made by this socket, the latest first, two at most."""
        made = int(self._table.attempts[row])
        latest = made - 1 - (made - 1 - source) % SOURCES
        return range(latest, max(-1, latest - SOURCES - 1), -SOURCES)

    def _begin(
        self, row: int, source: int, datagram: Datagram, match: Match | None, now_us: int
    ) -> None:
        """Make a talk of the first words of an endpoint, or add to what it said so far."""
        talk = self._talks.get(row)
        if talk is None:
            talk = self._new_talk(row, source, now_us)
        self._note(talk, datagram)
        if match is None:
            if talk.match is None:
                self._quote(row, talk)
            return
        talk.probe, talk.source, talk.port = match.probe.name, source, datagram.port
        talk.match = match
        talk.sent, talk.received = bytearray(match.sent), bytearray(datagram.data)
        talk.tried.add(match.probe.name)
        if isinstance(match.step, Turn):
            self._say(row, talk, match.step)
        else:
            talk.service = match.step
            self.close(row)

    def _new_talk(self, row: int, source: int, now_us: int) -> Talk:
        table = self._table
        self._hearing.decided(row)
        talk = self._talks[row] = Talk(source=source, sent_ms=int(table.sent_ms[row]))
        talk.rtt_us = table.rtt_us(row, source, now_us)
        talk.port = int(table.probe[row]) & 0xFFFF
        # Another probe's answer may be on its way: it has the rest of the time.
        table.due_ms[row] = talk.sent_ms + self._timeout_ms
        return talk

    def _quote(self, row: int, talk: Talk) -> None:
        """Note what was asked last, as what the endpoint's words came after."""
        endpoint, made = int(self._table.probe[row]), int(self._table.attempts[row])
        talk.probe = self._words.probes(endpoint & 0xFFFF)[0].name
        first = self._words.openings(endpoint, made - 1)[0]
        talk.sent = bytearray(first.payload)

    @staticmethod
    def _note(talk: Talk, datagram: Datagram) -> None:
        talk.datagrams += 1
        talk.seen.add(datagram.data)
        talk.received += datagram.data

    # ------------------------------------------------------------ dialogues

    def _go_on(self, row: int, talk: Talk, reply: bytes) -> None:
        """Go on with what came (b"": nothing)."""
        match = talk.match
        if match is None or talk.turn is None:
            return
        step = self._words.after(match, reply)
        attempts, port = int(self._table.attempts[row]), int(self._table.probe[row]) & 0xFFFF
        crowded = self._words.is_crowded(port, attempts)
        if reply and crowded and step == self._words.after(match, b""):
            return  # it says no more than silence would: what was asked for may still come
        replies = (*match.replies, reply)
        while isinstance(step, Turn) and talk.icmp is not None:
            # After an ICMP error nothing is sent any more; what was answered before it stands.
            match = replace(match, replies=replies)
            step, replies = self._words.after(match, b""), (*replies, b"")
        if isinstance(step, Turn):
            talk.match = replace(match, replies=replies)
            self._say(row, talk, step)
        else:
            talk.turn, talk.service = None, step
            self._ended(row, talk)

    def _ended(self, row: int, talk: Talk) -> None:
        """Decide the row, unless other probes may still be answered."""
        port = int(self._table.probe[row]) & 0xFFFF
        if talk.service is not None or len(self._words.probes(port)) <= 1:
            self.close(row)
        else:
            self._table.due_ms[row] = int(self._table.sent_ms[row]) + self._timeout_ms

    def _say(self, row: int, talk: Talk, turn: Turn) -> None:
        talk.turn = turn
        talk.sent += turn.payload
        self._hearing.say(row, talk, turn)

    def overdue(self, row: int) -> None:
        """Go on with a talk whose time is over: nothing came, or nothing that fits."""
        talk = self._talks[row]
        if talk.turn is None:
            self.close(row)
        else:
            self._go_on(row, talk, b"")

    def close(self, row: int) -> None:
        """Decide the row by its talk."""
        talk = self._talks.pop(row)
        if talk.service is not None:
            verdict: Verdict = _OPEN
        elif talk.datagrams:
            verdict = _ODD
        else:
            verdict = udp_outcome(0, talk.icmp)
        self._tell(row, verdict, talk)
        self._outcomes.end(row, verdict, rtt_us=talk.rtt_us, sent_ms=talk.sent_ms)

    # ------------------------------------------------------------ ICMP errors

    def take_errors(
        self, source: int, family: AddressFamily, errors: list[QueuedError], now_us: int
    ) -> None:
        """Take the ICMP errors about datagrams of one socket."""
        key_of = key_of_v4 if family == AF_INET else key_of_v6
        rows = self._find(family, [(each.address, each.port) for each in errors])
        for error, row in zip(errors, rows, strict=True):
            if row < 0:
                self._hearing.known(key_of(error.address, error.port))
            elif not self._outcomes.has(row) and self._attempts(row, source):
                self._refuse(row, source, error.icmp, now_us)

    def _refuse(self, row: int, source: int, icmp: IcmpError, now_us: int) -> None:
        talk = self._talks.get(row)
        if talk is not None:
            if talk.turn is not None:
                talk.icmp = icmp
                self._go_on(row, talk, b"")
            return
        verdict, port = udp_outcome(0, icmp), int(self._table.probe[row]) & 0xFFFF
        self._hearing.refused(row, verdict)
        if len(self._words.probes(port)) > 1:
            # One question may be refused and another one answered: a wrong one proves nothing.
            talk = self._new_talk(row, source, now_us)
            talk.icmp = icmp
            self._quote(row, talk)
            return
        rtt_us = self._table.rtt_us(row, source, now_us)
        sent_ms = int(self._table.sent_ms[row])
        if port in self._hearing.noted:
            talk = Talk(sent_ms=sent_ms, rtt_us=rtt_us, icmp=icmp, port=port)
            self._quote(row, talk)
            self._tell(row, verdict, talk)
        self._outcomes.end(row, verdict, rtt_us=rtt_us, sent_ms=sent_ms)

    # ------------------------------------------------------------ evidence

    def _tell(self, row: int, verdict: Verdict, talk: Talk) -> None:
        """Tell what an endpoint said, without its secrets."""
        endpoint = int(self._table.probe[row])
        where = Endpoint(self._hosts[endpoint >> 16], Transport.UDP, endpoint & 0xFFFF)
        service, masked = talk.service, 0
        if service is not None:
            service, masked = mask_service(service)
        at = self._hearing.started + timedelta(milliseconds=talk.sent_ms)
        raw, masked_raw = record_of_talk(where, talk, at)
        self._hearing.answered(
            UdpAnswer(
                host=endpoint >> 16,
                endpoint=where,
                verdict=verdict,
                service=service,
                raw=raw,
                masked=masked + masked_raw,
            )
        )

    def _host(self, row: int) -> int:
        return int(self._table.probe[row]) >> 16


def record_of_talk(endpoint: Endpoint, talk: Talk, at: datetime) -> tuple[RawRecord, int]:
    """Give what is kept of an exchange, masked, and how many secrets were masked in it."""
    received = mask(bytes(talk.received))
    record: RawRecord = {
        "kind": "datagrams",
        "endpoint": str(endpoint),
        "probe": talk.probe,
        "at": rfc3339(at),
        "sent_hex": bytes(talk.sent[:KEPT_BYTES]).hex(),
        "sent_bytes": len(talk.sent),
        "received_hex": received.data[:KEPT_BYTES].hex(),
        "received_bytes": len(received.data),
        "masked": received.count,
        "masked_kinds": " ".join(received.kinds),
    }
    record |= refusal(0, talk.icmp)
    if talk.rtt_us is not None:
        record["rtt_us"] = talk.rtt_us
    if talk.port != endpoint.port:
        record["answered_from_port"] = talk.port
    return record, received.count
