"""One conversation: the dialogues that scripts of probes hold over one real TCP connection.

A probe says *what* to send and where a reply ends; a `Conversation` owns the socket and the caps.
It never waits: `scan.conversations` tells it when the socket is ready or its deadline has come, and
it goes on with its script as far as the bytes allow::

    script ──► Turn · StartTls · Listen · NextDialogue ──► served from what came, or waits
       ▲                                                          │
       └───────── bytes · TlsFacts or None · bool ◄───────────────┘

Whatever the peer does, a dialogue ends within

* `MAX_BYTES` received: an endless sender is cut off as if it had closed,
* one time-out per turn, and `MOST_TURNS_TIME` time-outs for the whole of it: a peer that says one
  byte per second ends with what it said until then.

A reset, a close, garbage inside TLS: all are the peer's doing, none raises. The script is resumed
with what came, b"" for nothing, and decides.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from enum import Enum
from typing import Final, TypeAlias

from portproof.model.observation import Service, TlsFacts
from portproof.model.probe import StartTls, Step, Turn
from portproof.scan.last_ack import let_go
from portproof.scan.steps import Listen, NextDialogue, Script, end_of_reply
from portproof.scan.tls import TlsSession
from portproof.scan.transcript import Transcript

MAX_BYTES: Final = 65_536
"""Received per connection, TLS records included."""
MOST_TURNS_TIME: Final = 4
"""A whole dialogue takes at most so many turn time-outs."""
PAUSE_S: Final = 0.25
"""A reply without an end mark is over when the peer pauses so long: above the 200 ms after which
TCP repeats a lost segment (RFC 6298 §2.4 as Linux has it), far below a time-out."""
NEVER: Final = float("inf")
_CHUNK: Final = 16_384


Talk: TypeAlias = Callable[["Conversation"], Script]
"""Begins the script once the connection is there."""


class _Waiting(Enum):
    """The answer that is none: more has to come first."""

    FOR_PEER = 0


_Answer: TypeAlias = bytes | TlsFacts | bool | _Waiting | None
_WAIT: Final = _Waiting.FOR_PEER


class Conversation:
    """One TCP connection and the script that talks over it; `service` once it is `over`."""

    __slots__ = (
        "_closed",
        "_deaf",
        "_ends",
        "_hung_up",
        "_late",
        "_limit",
        "_outgoing",
        "_pauses",
        "_position",
        "_readable",
        "_script",
        "_session",
        "_step",
        "_talk",
        "_timeout_s",
        "_tls",
        "_wire_bytes",
        "certificate_der",
        "connected",
        "deadline",
        "failure",
        "flight",
        "looked_at",
        "on_end",
        "over",
        "refusal",
        "service",
        "sock",
        "transcript",
    )

    def __init__(
        self,
        sock: socket.SocketType,
        talk: Talk,
        on_end: Callable[[Conversation], None],
        *,
        timeout_s: float,
    ) -> None:
        """Take a non-blocking socket that is being connected; `timeout_s` is that of each turn."""
        self.sock = sock
        self._talk = talk
        self._timeout_s = timeout_s
        self.on_end = on_end
        self.transcript = Transcript()
        self.connected = self.over = False
        self.service: Service | None = None
        """What the script recognised."""
        self.failure: OSError | None = None
        """Why no connection came about."""
        self.certificate_der: bytes | None = None
        """The certificate of a finished handshake."""
        self.flight = bytearray()
        """What the peer said to a handshake that was not finished, as it came."""
        self.refusal = ""
        """OpenSSL's word for the alert or error that ended TLS; empty when none did."""
        self.deadline = NEVER
        """When `expire` must be called, by the clock of the `now` given."""
        self.looked_at = NEVER
        """When the switchboard looks at the deadline next; never after it."""
        self._script: Script | None = None
        self._step: Step | Listen | NextDialogue | None = None
        self._session: TlsSession | None = None
        self._tls = False
        self._outgoing = bytearray()
        self._position = self._wire_bytes = 0
        self._limit = self._ends = NEVER
        self._readable = self._hung_up = self._pauses = False
        self._closed = self._deaf = self._late = False

    # ------------------------------------------------------------ what the switchboard tells

    def begin(self, now: float) -> None:
        """Start talking: the connection is there."""
        self.connected = True
        self._ends = now + MOST_TURNS_TIME * self._timeout_s
        self._script = self._talk(self)
        self._resume(None, now)
        self._serve(now)
        if not self.over:
            let_go(self.sock)

    def readable(self, now: float, *, hung_up: bool) -> None:
        """Go on: bytes came, or the peer has gone."""
        self._readable = True
        self._hung_up |= hung_up
        self._serve(now)

    def writable(self) -> None:
        """Send what there was no room for."""
        if self._outgoing and not self.over:
            self._send_rest()

    def expire(self, now: float) -> None:
        """Go on with what came: the deadline is reached."""
        if not self.connected:
            self.fail(TimeoutError())
            return
        # We may be late ourselves: what has come meanwhile came in time.
        self._readable = True
        self._serve(now)
        if self.over or self.deadline > now:
            return
        if self._outgoing:
            # A peer that does not read. What it said before is still read.
            self.transcript.mark("send failed")
            self._outgoing.clear()
        self._late = True
        self._serve(now)

    def fail(self, fault: OSError) -> None:
        """End before anything was said: no connection came about."""
        self.failure = fault
        self.over = True

    def close(self) -> None:
        """Hang up, whatever is under way."""
        self.over = True
        self.sock.close()
        if self._script is not None:
            self._script.close()
            self._script = None

    # ------------------------------------------------------------ the script

    def _serve(self, now: float) -> None:
        """Serve the script's steps until one has to wait."""
        while not self.over:
            answer = self._answer()
            if answer is not _WAIT:
                self._resume(answer, now)
            elif not self._receive(now):
                return

    def _answer(self) -> _Answer:
        step = self._step
        if isinstance(step, Turn):
            return self._reply(step)
        if isinstance(step, StartTls):
            return self._shake_hands()
        if isinstance(step, Listen):
            heard = bool(self.transcript.received)
            return heard if heard or self._nothing_more() else _WAIT
        return self._rewind()

    def _nothing_more(self) -> bool:
        """Whether the step has to do with what came: its time is over, or the peer has gone."""
        return self._late or self._deaf

    def _resume(self, answer: _Answer, now: float) -> None:
        if self._script is None:
            return
        if isinstance(self._step, Listen):
            self._ends = now + MOST_TURNS_TIME * self._timeout_s
        try:
            step = self._script.send(answer)
        except StopIteration as end:
            self.service = end.value
            self.over = True
            return
        self._take_up(step, now)

    def _take_up(self, step: Step | Listen | NextDialogue, now: float) -> None:
        self._step = step
        self._pauses = False
        if isinstance(step, Listen):
            self._limit = now + step.wait_s
        else:
            if isinstance(step, NextDialogue):
                self._ends = now + MOST_TURNS_TIME * self._timeout_s
            self._limit = min(self._ends, now + self._timeout_s)
        self.deadline = self._limit
        self._late = self._limit <= now
        if isinstance(step, Turn):
            self._pauses = step.until is None and step.size is None
            if step.payload:
                self._say(step.payload)
            if self._pauses and self._unread():
                self.deadline = min(self._limit, now + PAUSE_S)
        elif isinstance(step, StartTls) and not self._tls:
            self._session = TlsSession(step.server_name, step.alpn)
            self.flight.clear()

    def _rewind(self) -> bool:
        if self.transcript.sent or self._session is not None:
            return False
        self._position = 0
        return True

    # ------------------------------------------------------------ turns

    def _reply(self, turn: Turn) -> bytes | _Waiting:
        end = end_of_reply(turn, self.transcript.received, self._position)
        if end is None:
            if not self._nothing_more():
                return _WAIT
            end = min(self._unread(), turn.limit)
        start, self._position = self._position, self._position + end
        return bytes(self.transcript.received[start : self._position])

    def _unread(self) -> int:
        return len(self.transcript.received) - self._position

    # ------------------------------------------------------------ TLS

    def _shake_hands(self) -> TlsFacts | _Waiting | None:
        session = self._session
        if session is None or self._tls:
            return None
        try:
            finished = session.handshake()
        except ssl.SSLError as fault:
            self._send_wire(session.pending())
            self._end_tls(fault, "refused")
            return None
        self._send_wire(session.pending())
        if finished:
            return self._enter_tls(session)
        if not self._nothing_more():
            return _WAIT
        self._session = None
        return None

    def _enter_tls(self, session: TlsSession) -> TlsFacts:
        # What came in clear text before TLS is not part of what is said inside (RFC 3207 §4.2).
        self._position = len(self.transcript.received)
        self._tls = True
        self.flight.clear()
        self.certificate_der = session.certificate_der()
        self.transcript.mark("tls")
        # A greeting may have come in the same segment as the end of the handshake.
        self._decrypt(session)
        return session.facts()

    def _decrypt(self, session: TlsSession) -> None:
        try:
            self._hear(session.read())
        except ssl.SSLZeroReturnError:
            self.transcript.mark("closed")
            self._hang_up()
        except ssl.SSLError as fault:
            self._end_tls(fault, "ended")

    def _end_tls(self, fault: ssl.SSLError, how: str) -> None:
        """Hear no more: the peer sent an alert, or what is no TLS."""
        self.refusal = fault.reason or ""
        self.transcript.mark(f"tls {how}: {self.refusal}")
        self._hang_up()

    # ------------------------------------------------------------ bytes

    def _say(self, payload: bytes) -> None:
        self.transcript.sent += payload
        self.transcript.mark(f">{len(payload)}")
        if self._tls and self._session is not None:
            try:
                self._session.write(payload)
            except ssl.SSLError as fault:
                self._end_tls(fault, "ended")
                return
            payload = self._session.pending()
        self._send_wire(payload)

    def _send_wire(self, payload: bytes) -> None:
        if not payload or self._closed:
            return
        sent = 0 if self._outgoing else self._try_to_send(payload)
        if sent < len(payload):
            self._outgoing += payload[sent:]

    def _send_rest(self) -> None:
        while self._outgoing and (sent := self._try_to_send(self._outgoing)):
            del self._outgoing[:sent]

    def _try_to_send(self, payload: bytes | bytearray) -> int:
        """Give how many bytes are off our hands: all of them where they can never be sent."""
        try:
            return self.sock.send(payload)
        except BlockingIOError:
            return 0  # the rest goes when there is room
        except OSError:
            self.transcript.mark("send failed")
            return len(payload)

    def _receive(self, now: float) -> bool:
        """Take in what is there; False when nothing has changed, and so the script has to wait."""
        room = min(_CHUNK, MAX_BYTES - self._wire_bytes)
        if not self._readable or self._deaf:
            return False
        try:
            chunk = self.sock.recv(room) if room else b""
        except BlockingIOError:
            self._readable = False
            return False
        except OSError as fault:
            self.transcript.mark(f"closed: {fault.strerror or fault}")
            self._hang_up()
            return True
        if not room:
            self._deaf = True
        elif not chunk:
            self.transcript.mark("closed")
            self._hang_up()
        else:
            # A short read has emptied the socket (epoll(7), "edge-triggered"), but for the end.
            self._readable = len(chunk) == room or self._hung_up
            self._wire_bytes += len(chunk)
            self._take_in(chunk)
            if self._pauses and self._unread():
                self.deadline = min(self._limit, now + PAUSE_S)
        return True

    def _take_in(self, chunk: bytes) -> None:
        session = self._session
        if session is None:
            self._hear(chunk)
            return
        session.feed(chunk)
        if self._tls:
            self._decrypt(session)
        else:
            self.flight += chunk

    def _hear(self, said: bytes) -> None:
        if said:
            self.transcript.received += said
            self.transcript.mark(f"<{len(said)}")

    def _hang_up(self) -> None:
        self._closed = self._deaf = True
