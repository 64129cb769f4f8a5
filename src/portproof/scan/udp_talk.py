"""What is said over datagrams: opening words of a probe, and what comes of an answer.

Nothing is remembered of what was asked. The nonce of an asking is a keyed hash of the endpoint and
the attempt, so that the same words can be made again when something comes, and whether it answers
them is for the probe to say. Only an endpoint that did say something becomes an object (`Talk`).

A probe opens with its first turn. Some have a second question for a peer that ignores the first (an
agent that knows our community string, or one that knows nobody's): the last asking of a port puts
all of them, so that nothing is missed, and the earlier ones only the first, which tells more.

A dialogue is not kept either: it is held again from its beginning, with the replies so far. So it
can be tried what a reply comes to; one that comes to the same as silence is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Final, TypeAlias

from portproof.model.endpoint import Address
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, Probe, ProbeContext, StartTls, Turn
from portproof.scan.classify import IcmpError

_MOST_OPENINGS: Final = 4
"""So many questions are put to a silent port at once, at most, whatever a probe has to say."""
_TEXTS: Final = 4_096
"""Hosts whose text is kept for their answer."""

Step: TypeAlias = Turn | Service | None


@dataclass(slots=True)
class Talk:
    """An endpoint that has said something: what was exchanged, and the dialogue that goes on."""

    probe: str = ""
    """The probe whose words are in `sent`."""
    sent_ms: int = 0
    """When the datagram left that was answered."""
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    datagrams: int = 0
    """How many came back; one may be empty."""
    rtt_us: int | None = None
    icmp: IcmpError | None = None
    service: Service | None = None
    match: Match | None = None
    """What the dialogue has come to; None: no probe had more to ask."""
    turn: Turn | None = None
    """What was said last in the dialogue; None: nothing more is to be said."""
    source: int = 0
    """The socket that the dialogue is held from."""
    port: int = 0
    """The port of the peer that the dialogue is held with (TFTP moves to another one)."""
    tried: set[str] = field(default_factory=set)
    """The probes that began a dialogue: each may do so once, or an echo would go on for ever."""
    seen: set[bytes] = field(default_factory=set)
    """What came already: the network may deliver a datagram twice."""


@dataclass(frozen=True, slots=True)
class Match:
    """A probe that a reply fits, or that has more to ask before it can tell."""

    probe: Probe
    context: ProbeContext
    """What the dialogue knows; its nonce is that of the attempt that was replied to."""
    replies: tuple[bytes, ...]
    """What the dialogue was resumed with, b"" for silence."""
    sent: bytes
    """The words that were replied to first."""
    step: Turn | Service


class Words:
    """What is said to the endpoints of one sweep, always the same to the same attempt."""

    def __init__(
        self,
        hosts: Sequence[Address],
        name_of: Callable[[int], str | None],
        probes_for: Callable[[int], Sequence[Probe]],
        *,
        most_attempts: int,
        secret: bytes,
    ) -> None:
        self._text_of = lru_cache(maxsize=_TEXTS)(lambda host: name_of(host) or str(hosts[host]))
        self._probes_for = probes_for
        self._most_attempts = most_attempts
        self._secret = secret
        self._probes: dict[int, Sequence[Probe]] = {}
        self.roaming: set[int] = set()
        """Ports whose servers may answer from another one."""

    def probes(self, port: int) -> Sequence[Probe]:
        """Give the probes for a port; none: nothing may be sent to it."""
        probes = self._probes.get(port)
        if probes is None:
            probes = self._probes[port] = self._probes_for(port)
            context = ProbeContext(host="", port=port, nonce=bytes(16))
            if any(
                turn.any_port
                for probe in probes
                for turn in islice(_openings(probe, context), _MOST_OPENINGS)
            ):
                self.roaming.add(port)
        return probes

    def openings(self, endpoint: int, attempt: int) -> list[Turn]:
        """Give the first turns for an endpoint (host index · 65536 + port)."""
        context = self._context(endpoint, attempt)
        return [
            turn
            for probe in self.probes(endpoint & 0xFFFF)
            for turn in islice(_openings(probe, context), self._questions(attempt))
        ]

    def matches(self, endpoint: int, attempt: int, reply: bytes) -> Iterator[Match]:
        """Give what each probe makes of a reply to what was said in that attempt."""
        context = self._context(endpoint, attempt)
        for probe in self.probes(endpoint & 0xFFFF):
            dialogue = probe.dialogue(context)
            opening = next(dialogue)
            step = _advance(dialogue, reply)
            dialogue.close()
            if isinstance(opening, Turn) and step is not None:
                yield Match(probe, context, (reply,), opening.payload, step)
            if self._questions(attempt) == 1:
                continue
            # A later question counts only when the reply settles it.
            for silent, later in enumerate(islice(_openings(probe, context), 1, _MOST_OPENINGS), 1):
                replies = (*(b"",) * silent, reply)
                settled = _after(probe, context, replies)
                if isinstance(settled, Service):
                    yield Match(probe, context, replies, later.payload, settled)

    def is_crowded(self, port: int, attempts: int) -> bool:
        """Whether the port was asked several questions at once: answers may be of any of them."""
        return self._questions(attempts - 1) > 1 or len(self.probes(port)) > 1

    def _questions(self, attempt: int) -> int:
        """How many questions each probe puts at once, at most."""
        return 1 if attempt + 1 < self._most_attempts else _MOST_OPENINGS

    @staticmethod
    def after(match: Match, reply: bytes) -> Step:
        """Give what a dialogue comes to by one more reply: its next turn, or its end."""
        return _after(match.probe, match.context, (*match.replies, reply))

    def _context(self, endpoint: int, attempt: int) -> ProbeContext:
        asking = endpoint.to_bytes(8) + attempt.to_bytes(1)
        return ProbeContext(
            host=self._text_of(endpoint >> 16),
            port=endpoint & 0xFFFF,
            nonce=blake2b(asking, digest_size=16, key=self._secret).digest(),
        )


def _openings(probe: Probe, context: ProbeContext) -> Iterator[Turn]:
    """Give what the probe says first, and then what it goes on to say to a silent peer."""
    dialogue = probe.dialogue(context)
    step: object = next(dialogue)
    while isinstance(step, Turn):
        yield step
        step = _advance(dialogue, b"")
    dialogue.close()


def _after(probe: Probe, context: ProbeContext, replies: Sequence[bytes]) -> Step:
    """Hold the dialogue from its beginning, with these replies; gives what comes then."""
    dialogue = probe.dialogue(context)
    step: Step = None
    next(dialogue)
    for reply in replies:
        step = _advance(dialogue, reply)
    dialogue.close()
    return step


def _advance(dialogue: Dialogue, reply: bytes) -> Step:
    """Resume a dialogue; gives its next turn, or what it recognised in the end."""
    try:
        step = dialogue.send(reply)
        while isinstance(step, StartTls):
            step = dialogue.send(None)  # a probe over datagrams begins no TLS
    except StopIteration as end:
        service: Service | None = end.value
        return service
    return step
