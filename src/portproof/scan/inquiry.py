"""One open port's inquiry: which question comes next, what has been seen, and when it is settled.

::

    port of a greeting protocol? ── listen, patiently ─────┐   greeters, that port's first
    port of an asking protocol?  ── ask in its words ──────┤
    otherwise ── listen, short ────────────────────────────┤   greeters, on the same connection
    silent there ── http on that very connection ──────────┤
    then, each on a fresh connection: tls, redis, postgresql

A question that is answered is the only one under way. One that meets silence keeps its whole time,
but the next does not wait for its end: it begins on a connection of its own once the first has been
silent for `OVERLAP` of a time-out. So a port that never answers is done after less than two
time-outs, without any question having had less patience than alone; a slow server of one client at
a time gets to the next question when the first has been given up. Ports of greeting protocols are
left in peace for longer: servers look our address up, or wait on purpose for whoever talks first.

A server that greets in words nobody knows is not asked anything: those that wait to be asked do
not greet. A port claimed by MySQL is visited once at most (see `probes/mysql.py`). HTTP's 400 is
confirmed by TLS: several TLS servers answer a clear-text request with it. TLS that was refused is
read from what came of it, or from a hello by hand (see `probes/tls_hello.py`). So a port gets at
most `MOST_VISITS` connections.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final

from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Service
from portproof.model.probe import Probe, ProbeContext
from portproof.probes import for_port, over, tls_hello
from portproof.probes.tls_flight import read_flight
from portproof.scan.classify import TRANSIENT_ERRNOS
from portproof.scan.dialogue import Conversation, Talk
from portproof.scan.raw import RawRecord
from portproof.scan.steps import Listen, NextDialogue, Script
from portproof.scan.transcript import conversation_record, failure_record

MOST_VISITS: Final = 8
"""Connections to one port at most: at the worst a greeter that fell silent once it was answered."""
PATIENCE: Final = 3
"""A port of a greeting protocol is listened to for three dialogue time-outs: many servers look our
address up before they greet. An unclaimed one for a third of the time-out, before it is asked."""
OVERLAP: Final = 1 / 6
"""Of a time-out: so long a question is alone with its silence, before the next one begins."""
ALONE: Final = PATIENCE / 2
"""Time-outs that a port of a greeting protocol is left in peace, before it is asked beside."""
VISITED_ONCE: Final = frozenset({"mysql"})
_LISTENING: Final = "listen"
_TLS: Final = "tls"
_CERTIFICATE_REQUIRED: Final = "CERTIFICATE_REQUIRED"
"""In OpenSSL's name of the alert of RFC 8446 §6.2, which comes after the client's last word."""


@dataclass(frozen=True, slots=True)
class IdentifyRequest:
    """One open port to ask; `name` is the DNS name that was listed, if any.

    A `silent` port belongs to a fragile device: it is not even connected to again.
    """

    endpoint: Endpoint
    name: str | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One connection's worth of asking: the probe's name (or `listen`), and what is said."""

    name: str
    talk: Talk


@dataclass(frozen=True, slots=True)
class _Course:
    """Which probes a port meets: those that claim it and wait to be asked, and all of each kind."""

    claiming: tuple[Probe, ...]
    greeters: tuple[Probe, ...]
    """Those that claim the port come first: they listen first, and longest."""
    askers: tuple[Probe, ...]
    patient: bool
    once: bool


@cache
def _course_of(port: int) -> _Course:
    claimed, every = for_port(port, Transport.TCP), over(Transport.TCP)
    greeters = [probe for probe in every if probe.speaks_first]
    greeters.sort(key=lambda probe: probe not in claimed)
    return _Course(
        claiming=tuple(probe for probe in claimed if not probe.speaks_first),
        greeters=tuple(greeters),
        askers=tuple(probe for probe in every if not probe.speaks_first),
        patient=greeters[0] in claimed,
        once=any(probe.name in VISITED_ONCE for probe in claimed),
    )


class Inquiry:
    """What is asked of one port; `next_question` gives one question after the other."""

    def __init__(
        self,
        request: IdentifyRequest,
        timeout_s: float,
        remind: Callable[[Inquiry, float], None],
    ) -> None:
        """`remind` has the next question begin in so many seconds, unless a question ends before."""
        self.endpoint = request.endpoint
        self.host = request.endpoint.address.packed
        """The host as bytes: its hash costs a tenth of the address's."""
        self.timeout_s = timeout_s
        self.service: Service | None = None
        self.raw: RawRecord | None = None
        """The conversation that told, or the first in which bytes came."""
        self.masked = 0
        self.tried: list[str] = []
        """Names of the probes whose dialogue began, in that order."""
        self.made = 0
        """Connections begun."""
        self.connected = self.starved = False
        self.settled = False
        """Whether `service` is the last word."""
        self._name = request.name
        self._remind = remind
        self._course = _course_of(request.endpoint.port)
        self._handed: set[str] = set()
        self._under_way: set[str] = set()
        self._listened = self._heard = self._refused_tls = False

    # ------------------------------------------------------------ which question

    def next_question(self) -> Question | None:
        """Give the question whose turn it is; None when there is none (for now)."""
        if self.settled or self.made >= MOST_VISITS:
            return None
        question = self._next()
        if question is not None:
            self.made += 1
            self._under_way.add(question.name)
        return question

    def _next(self) -> Question | None:
        if self._refused_tls:
            self._refused_tls = False
            return Question(tls_hello.NAME, self._say_hello)
        if self.service is not None:
            # HTTP said 400, and TLS has the last word.
            return self._first_of(probe for probe in self._course.askers if probe.name == _TLS)
        return self._first_of(self._course.claiming) or self._unclaimed()

    def _unclaimed(self) -> Question | None:
        if not self._listened or (self._heard and self._untried(self._course.greeters)):
            if _LISTENING in self._under_way:
                return None
            self._listened = True
            return Question(_LISTENING, self._listen)
        if self._heard or self._course.once or not self.connected:
            return None
        return self._first_of(self._course.askers)

    def _first_of(self, probes: Iterable[Probe]) -> Question | None:
        for probe in self._untried(probes):
            self._handed.add(probe.name)
            return Question(probe.name, partial(self._ask, probe))
        return None

    def _untried(self, probes: Iterable[Probe]) -> list[Probe]:
        return [probe for probe in probes if probe.name not in self._handed]

    def wants_more(self) -> bool:
        """Whether silence so far is a reason to begin the next question beside the last."""
        return not (self.settled or self._heard)

    # ------------------------------------------------------------ questions

    def _ask(self, probe: Probe, conversation: Conversation) -> Script:
        self.connected = True
        self._remind(self, OVERLAP * self.timeout_s)
        return (yield from self._hold(probe, conversation))

    def _listen(self, conversation: Conversation) -> Script:
        """Let the server speak first; where it is silent, the first asking probe speaks.

        The greeters share one connection as long as none of them has to answer.
        """
        self.connected = True
        patient = self._course.patient or self._heard
        wait_s = self.timeout_s * (PATIENCE if patient else 1 / PATIENCE)
        alone_s = self.timeout_s * (ALONE if patient else 1 / PATIENCE + OVERLAP)
        self._remind(self, alone_s)
        if not (yield Listen(wait_s)):
            askers = [] if patient else self._untried(self._course.askers)
            if not askers:
                return None
            self._handed.add(askers[0].name)
            return (yield from self._hold(askers[0], conversation))
        self._heard = True
        for probe in self._untried(self._course.greeters):
            if not (yield NextDialogue()):
                return None
            self._handed.add(probe.name)
            service = yield from self._hold(probe, conversation)
            if service is not None:
                return service
        return None

    def _say_hello(self, conversation: Conversation) -> Script:
        self.tried.append(tls_hello.NAME)
        service = yield from tls_hello.hold(self._context())
        said = read_flight(bytes(conversation.transcript.received))
        conversation.certificate_der = said.certificate_der
        self._keep(tls_hello.NAME, conversation, recognised=service is not None)
        return service

    def _hold(self, probe: Probe, conversation: Conversation) -> Script:
        self.tried.append(probe.name)
        service = yield from probe.dialogue(self._context())
        if probe.name == _TLS:
            service = self._read_refusal(service, conversation)
        self._keep(probe.name, conversation, recognised=service is not None)
        return service

    def _read_refusal(self, service: Service | None, conversation: Conversation) -> Service | None:
        """Give the service with what is known of a certificate that the client should have had."""
        if service is not None:
            if _CERTIFICATE_REQUIRED not in conversation.refusal:
                return service
            wanted = {"client_certificate": "required"}
            return replace(service, attributes={**service.attributes, **wanted})
        flight = read_flight(bytes(conversation.flight))
        if flight.certificate_der is None:
            self._refused_tls = flight.is_tls
            return None
        conversation.certificate_der = flight.certificate_der
        return tls_hello.service_of(flight, self._name)

    def _context(self) -> ProbeContext:
        return ProbeContext(
            host=self._name or str(self.endpoint.address),
            port=self.endpoint.port,
            nonce=secrets.token_bytes(16),
            server_name=self._name,
        )

    # ------------------------------------------------------------ what came of them

    def took(self, question: Question, conversation: Conversation) -> None:
        """Take note of how a question ended."""
        self._under_way.discard(question.name)
        if conversation.service is not None:
            self.service = conversation.service
        if self.service is not None:
            self.settled = not self._unsure(self.service)

    def done(self) -> None:
        """Take note that no question is under way, and none is left."""
        self.settled = True

    def failed(self, question: Question, fault: OSError) -> None:
        """Take note of a connection that did not come about."""
        self._under_way.discard(question.name)
        self.starved |= fault.errno in TRANSIENT_ERRNOS
        if self.raw is None:
            said = os.strerror(fault.errno) if fault.errno else str(fault) or "timed out"
            self.raw = failure_record(self.endpoint, said)

    def _unsure(self, service: Service) -> bool:
        """Whether TLS may still know better: a clear-text 400 is what many of its servers say."""
        if service.name != "http" or service.attributes.get("status") != "400":
            return False
        asking = self._refused_tls or not self._under_way.isdisjoint({_TLS, tls_hello.NAME})
        return asking or _TLS not in self._handed

    def _keep(self, probe: str, conversation: Conversation, *, recognised: bool) -> None:
        """Keep the conversation that told, otherwise the first in which bytes came."""
        transcript = conversation.transcript
        if recognised or (transcript.received and not (self.raw or {}).get("received_bytes")):
            self.raw, self.masked = conversation_record(
                self.endpoint, probe, transcript, conversation.certificate_der
            )
