"""The driver: one dialogue of a probe, over one real TCP connection.

A probe says *what* to send and where a reply ends; this file owns the socket, the clock and the
caps. Whatever the peer does, a conversation ends within

* `MAX_BYTES` received: an endless sender is cut off as if it had closed,
* one time-out per turn, and `MOST_TURNS_TIME` time-outs for the whole conversation: a peer that
  says one byte per second ends with what it said until then.

A reset, a close, garbage inside TLS: all are the peer's doing, none raises. The dialogue is
resumed with what came, b"" for nothing, and decides.

The captured bytes are those of the application: inside TLS the plain text, because that is what a
reader can check a claim against.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from portproof.model.endpoint import Endpoint
from portproof.model.observation import Service, TlsFacts
from portproof.model.probe import Dialogue, StartTls, Turn
from portproof.scan.family import family_of
from portproof.scan.tls import TlsSession

MAX_BYTES: Final = 65_536
"""Received per connection, TLS records included."""
MOST_TURNS_TIME: Final = 4
"""A whole conversation takes at most so many turn time-outs."""
PAUSE_S: Final = 0.25
"""A reply without an end mark is over when the peer pauses so long: above the 200 ms after which
TCP repeats a lost segment (RFC 6298 §2.4 as Linux has it), far below a time-out."""
_CHUNK: Final = 16_384
_MOST_MARKS: Final = 64


@dataclass(slots=True)
class Transcript:
    """What went over one connection: the bytes of each direction, and when they went."""

    started_ns: int = field(default_factory=time.monotonic_ns)
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    marks: list[str] = field(default_factory=list)
    """`+1234us >14` for 14 bytes sent 1.234 ms after the start, `<` received, `tls` begun."""

    def mark(self, event: str) -> None:
        """Note the time of an event; beyond the first 64 only the bytes tell."""
        if len(self.marks) < _MOST_MARKS:
            offset_us = (time.monotonic_ns() - self.started_ns) // 1_000
            self.marks.append(f"+{offset_us}us {event}")


class Connection:
    """One TCP connection as dialogues see it: turns, and TLS from some moment on.

    Use as an asynchronous context manager; it is closed at the end of the block.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Take a connected, non-blocking socket."""
        self._socket = sock
        self._tls: TlsSession | None = None
        self._position = 0
        self._wire_bytes = 0
        self._closed = False
        self.transcript = Transcript()
        self.certificate_der: bytes | None = None

    @classmethod
    async def open(cls, endpoint: Endpoint, *, timeout_s: float) -> Self:
        """Connect.

        Raises:
            OSError: the connection was refused, timed out, or could not be tried; also when the
                kernel connected the socket to itself (a free port of the ephemeral range).
        """
        sock = socket.socket(family_of(endpoint.address), socket.SOCK_STREAM)
        try:
            sock.settimeout(0)
            target = (str(endpoint.address), endpoint.port)
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(sock, target)
            _refuse_own_mirror(sock)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    async def listen(self, deadline: float) -> bool:
        """Wait until the peer says something unasked; False when it does not until `deadline`."""
        while not self.transcript.received:
            if not await self._receive(deadline):
                return False
        return True

    def rewind(self) -> bool:
        """Let the next dialogue read from the start; False when something was sent already.

        That way one greeting is read by several probes in turn on one connection.
        """
        if self.transcript.sent or self._tls:
            return False
        self._position = 0
        return True

    async def turn(self, turn: Turn, deadline: float) -> bytes:
        """Send the payload and read one reply (see `Turn`); `deadline` by the loop's clock."""
        if turn.payload:
            await self._send(turn.payload, deadline)
        ends_at_pause = turn.until is None and turn.size is None
        while (end := self._end_of_reply(turn)) is None:
            wait_until = deadline
            if ends_at_pause and self._unread():
                wait_until = min(deadline, asyncio.get_running_loop().time() + PAUSE_S)
            if not await self._receive(wait_until):
                end = min(self._unread(), turn.limit)
                break
        reply = bytes(self.transcript.received[self._position : self._position + end])
        self._position += end
        return reply

    async def start_tls(self, step: StartTls, deadline: float) -> TlsFacts | None:
        """Shake hands; None when the peer does not speak TLS, or not in time."""
        if self._tls is not None:
            return None
        session = TlsSession(step.server_name, step.alpn)
        try:
            while not session.handshake():
                await self._send_wire(session.pending(), deadline)
                chunk = await self._receive_wire(deadline)
                if not chunk:
                    return None
                session.feed(chunk)
            await self._send_wire(session.pending(), deadline)
        except ssl.SSLError as fault:
            self.transcript.mark(f"tls refused: {fault.reason}")
            self._closed = True
            return None
        # What came in clear text before TLS is not part of what is said inside (RFC 3207 §4.2).
        self._position = len(self.transcript.received)
        self._tls = session
        self.certificate_der = session.certificate_der()
        self.transcript.mark("tls")
        return session.facts()

    def _unread(self) -> int:
        return len(self.transcript.received) - self._position

    def _end_of_reply(self, turn: Turn) -> int | None:
        """Give the reply's length once it is complete; None while more is awaited."""
        longest = turn.limit if turn.size is None else min(turn.size, turn.limit)
        if turn.until is not None:
            found = self.transcript.received.find(turn.until, self._position)
            if found >= 0:
                return min(found + len(turn.until) - self._position, longest)
        return longest if self._unread() >= longest else None

    async def _send(self, payload: bytes, deadline: float) -> None:
        self.transcript.sent += payload
        self.transcript.mark(f">{len(payload)}")
        if self._tls is not None:
            try:
                self._tls.write(payload)
            except ssl.SSLError:
                self._closed = True
                return
            payload = self._tls.pending()
        await self._send_wire(payload, deadline)

    async def _receive(self, deadline: float) -> bool:
        """Wait for more bytes; False when the peer closed, broke TLS, or nothing came in time."""
        chunk = await self._receive_wire(deadline)
        if not chunk:
            return False
        if self._tls is not None:
            try:
                self._tls.feed(chunk)
                chunk = self._tls.read()
            except ssl.SSLError:
                self._closed = True
                return False
        if chunk:
            self.transcript.received += chunk
            self.transcript.mark(f"<{len(chunk)}")
        return True

    async def _send_wire(self, payload: bytes, deadline: float) -> None:
        if self._closed or not payload:
            return
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.get_running_loop().sock_sendall(self._socket, payload)
        except OSError:
            # TimeoutError too: a peer that does not read. What it said before is still read.
            self.transcript.mark("send failed")

    async def _receive_wire(self, deadline: float) -> bytes:
        room = min(_CHUNK, MAX_BYTES - self._wire_bytes)
        if self._closed or room <= 0:
            return b""
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await asyncio.get_running_loop().sock_recv(self._socket, room)
        except TimeoutError:
            return b""
        except OSError as fault:
            self.transcript.mark(f"closed: {fault.strerror or fault}")
            self._closed = True
            return b""
        if not chunk:
            self.transcript.mark("closed")
            self._closed = True
        self._wire_bytes += len(chunk)
        return chunk


def _refuse_own_mirror(sock: socket.socket) -> None:
    """Raise when a free port of the ephemeral range was "connected": the socket met itself."""
    try:
        peer = sock.getpeername()
    except OSError:
        return  # the peer has reset it meanwhile, which no mirror does
    if sock.getsockname() == peer:
        raise ConnectionRefusedError("the socket was connected to itself")


async def converse(
    dialogue: Dialogue, connection: Connection, *, turn_timeout_s: float
) -> Service | None:
    """Carry a dialogue to its end; gives what it recognised, None when it is something else."""
    clock = asyncio.get_running_loop().time
    ends = clock() + MOST_TURNS_TIME * turn_timeout_s
    try:
        step = next(dialogue)
        while True:
            deadline = min(ends, clock() + turn_timeout_s)
            match step:
                case Turn():
                    step = dialogue.send(await connection.turn(step, deadline))
                case StartTls():
                    step = dialogue.send(await connection.start_tls(step, deadline))
    except StopIteration as end:
        service: Service | None = end.value
        return service
    finally:
        dialogue.close()
