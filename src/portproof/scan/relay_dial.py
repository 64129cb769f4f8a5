"""One connection through a SOCKS5 server, from the first byte to its word on the target.

    connect ─► methods ─► (user, password) ─► request ─► reply ─► the socket is the connection

RFC 1928, with RFC 1929 where a user is named. A `Dial` never waits: whoever holds it calls `go_on`
when the socket is ready. Exactly the reply is read, so that what the target says at once stays in
the socket. Addresses are sent, never names: a name that the proxy resolves may lead to an address
that nobody has authorised (law 4).

What a reply tells, and what it does not. `succeeded` is the one that says something of the target:
the server holds a connection to it. All others are the server's words about its own system: 5 may
be a reset, an ICMP error, its access list or its habit (some say 5 for everything that fails), 3 and
4 its own routes as well as the target's, 1 anything; ssh says nothing and hangs up. None of them
tells closed from filtered, so none is an observation (law 1).
"""

from __future__ import annotations

import errno as codes
import os
import socket
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from portproof.model.endpoint import Endpoint

_VERSION: Final = 5
_AUTH_VERSION: Final = 1  # of the sub-negotiation, RFC 1929 §2
_NO_AUTH, _USER_AUTH, _NO_METHOD = 0x00, 0x02, 0xFF
_CONNECT: Final = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_SHORTEST: Final = 5
"""Bytes of a reply that say how long it is: version, code, reserved, type, and a name's length."""
_LENGTHS: Final = {_IPV4: 10, _IPV6: 22}
_UNDER_WAY: Final = (0, codes.EINPROGRESS)

_WORDS: Final = {
    0: "succeeded",
    1: "general failure",
    2: "not allowed by its ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}

Address: TypeAlias = "tuple[str, int] | str"
"""Where the server listens: IP address and port, or the path of a Unix socket."""


@dataclass(frozen=True, slots=True)
class SocksServer:
    """A SOCKS5 server: its family and address, and who we are there (empty: nobody)."""

    family: socket.AddressFamily
    address: Address
    user: bytes = b""
    password: bytes = b""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a dial ended: whether the connection is there, and what the server said."""

    opened: bool
    said: str


class _Step(Enum):
    CONNECTING = auto()
    METHODS = auto()
    USER = auto()
    REPLY = auto()


class Dial:
    """One attempt; close it unless its socket was taken over."""

    __slots__ = ("_outgoing", "_received", "_server", "_step", "_target", "_wanted", "sock")

    def __init__(self, server: SocksServer, target: Endpoint) -> None:
        """Begin to connect to the server.

        Raises:
            OSError: no socket is to be had, or the server is not to be reached at once.
        """
        self._server = server
        self._target = target
        self._step = _Step.CONNECTING
        self._outgoing = b""
        self._received = bytearray()
        self._wanted = 2
        # The type below `socket.socket`, as conversations take it.
        self.sock = socket.SocketType(server.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        error = self.sock.connect_ex(server.address)
        if error not in _UNDER_WAY:
            self.sock.close()
            raise OSError(error, os.strerror(error))

    @property
    def sends(self) -> bool:
        """Whether it waits for room to send; else it waits for something to read."""
        return self._step is _Step.CONNECTING or bool(self._outgoing)

    def go_on(self) -> Ended | None:
        """Do what can be done; None while more has to come."""
        try:
            if self._step is _Step.CONNECTING and not self._connected():
                return None
            return self._talk()
        except BlockingIOError:
            return None
        except OSError as fault:
            return Ended(opened=False, said=f"no word: {fault.strerror or fault}")

    def close(self) -> None:
        """Hang up."""
        self.sock.close()

    def _connected(self) -> bool:
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        methods = bytes([_NO_AUTH, _USER_AUTH]) if self._server.user else bytes([_NO_AUTH])
        self._say(_Step.METHODS, bytes([_VERSION, len(methods)]) + methods)
        return True

    def _talk(self) -> Ended | None:
        while True:
            if self._outgoing:
                self._outgoing = self._outgoing[self.sock.send(self._outgoing) :]
                continue
            if not self._read():
                return Ended(opened=False, said="it hung up without a word")
            if len(self._received) < self._wanted:
                continue
            ended = self._understand(bytes(self._received))
            if ended is not None:
                return ended

    def _read(self) -> bool:
        """Read what is still wanted, and no byte more; False when the server has hung up."""
        chunk = self.sock.recv(self._wanted - len(self._received))
        self._received += chunk
        return bool(chunk)

    def _say(self, step: _Step, words: bytes) -> None:
        self._step, self._outgoing = step, words
        self._received.clear()
        self._wanted = _SHORTEST if step is _Step.REPLY else 2

    def _understand(self, reply: bytes) -> Ended | None:
        match self._step:
            case _Step.METHODS:
                return self._choose(reply)
            case _Step.USER:
                if reply[1] != 0:
                    return Ended(opened=False, said="it refused the user or password")
                self._say(_Step.REPLY, self._request())
                return None
            case _Step.REPLY | _Step.CONNECTING:
                return self._hear(reply)

    def _choose(self, reply: bytes) -> Ended | None:
        version, method = reply
        if version != _VERSION:
            return Ended(opened=False, said="it does not speak SOCKS5")
        if method == _NO_AUTH:
            self._say(_Step.REPLY, self._request())
            return None
        if method == _USER_AUTH and self._server.user:
            user, password = self._server.user, self._server.password
            words = bytes([_AUTH_VERSION, len(user)]) + user + bytes([len(password)]) + password
            self._say(_Step.USER, words)
            return None
        said = "it takes none of our ways to log in"
        return Ended(opened=False, said=said if method == _NO_METHOD else f"{said} ({method})")

    def _request(self) -> bytes:
        address, port = self._target.address, self._target.port
        kind = _IPV4 if address.version == 4 else _IPV6  # noqa: PLR2004 - the IP version
        return bytes([_VERSION, _CONNECT, 0, kind]) + address.packed + port.to_bytes(2)

    def _hear(self, reply: bytes) -> Ended | None:
        version, code, _, kind, length = reply[:_SHORTEST]
        if version != _VERSION:
            return Ended(opened=False, said="it does not speak SOCKS5")
        if code:
            return Ended(opened=False, said=f"{_WORDS.get(code, 'unknown reply')} ({code})")
        # The rest is read too, for what follows it is the target's.
        self._wanted = _LENGTHS.get(kind, 7 + length if kind == _NAME else 0)
        if not self._wanted:
            return Ended(opened=False, said=f"an address of the unknown type {kind}")
        return Ended(opened=True, said=_WORDS[0]) if len(reply) >= self._wanted else None
