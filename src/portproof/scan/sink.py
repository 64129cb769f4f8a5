"""The sink: portproof's own listener beyond a boundary, which writes down what reaches it.

It accepts TCP connections and closes them, answers datagrams of ours (`sink_words`) and nobody
else's, and writes one JSON line for each. It sends nothing by itself. Everything is bounded: the
number of listeners, of lines (what is more is counted), of connections taken at once. Privileges
are given up once the sockets are open.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self, TextIO

from portproof.errors import SettingsError
from portproof.model.endpoint import Endpoint, Transport, bracketed
from portproof.scan.family import family_of
from portproof.scan.limits import raise_descriptor_limit
from portproof.scan.sink_words import SIZE, answer_to, run_of

SCHEMA: Final = "portproof.sink/1"
MOST_LISTENERS: Final = 4_096
_SPARE_DESCRIPTORS: Final = 64
_BACKLOG: Final = 64
_TAKEN_AT_ONCE: Final = 64
"""Connections or datagrams taken from one socket before the others have their turn."""
_WATCHING_S: Final = 5.0
"""How often a line says that the sink still listens: silence in the log is worth that much."""
_POLL_S: Final = 0.2
_NOBODY: Final = 65_534
_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkLimits:
    """How long a sink listens, and how much it writes."""

    seconds: float | None = None
    """None: until it is stopped."""
    lines: int = 100_000
    """Arrivals written down; more are counted."""


class Sink:
    """Listens at endpoints of this machine between `with Sink(...) as sink:` and the block's end."""

    def __init__(self, endpoints: Sequence[Endpoint], out: TextIO, limits: SinkLimits) -> None:
        """Open every listener, then give up what privileges the process has.

        Raises:
            SettingsError: too many of them, or one cannot be opened (an address that is not this
                machine's, a port in use, a port below 1024 without root).
        """
        if not 0 < len(endpoints) <= MOST_LISTENERS:
            raise SettingsError(
                f"{len(endpoints):,} listeners: a sink has between 1 and {MOST_LISTENERS:,}; "
                "name fewer ports, or fewer addresses"
            )
        raise_descriptor_limit(len(endpoints) + _SPARE_DESCRIPTORS)
        self._endpoints = tuple(endpoints)
        self._out = out
        self._limits = limits
        self._arrivals = 0
        self._unlisted = 0
        self._selector = selectors.DefaultSelector()
        with ExitStack() as stack:
            stack.callback(self._selector.close)
            for each in endpoints:
                sock = stack.enter_context(_listening(each))
                self._selector.register(sock, selectors.EVENT_READ, each)
            give_up_privileges()
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def listen(self, stop: Callable[[], bool]) -> int:
        """Write down what arrives until `stop` says so or the time is over; gives how much did.

        Raises:
            OSError: the log cannot be written.
        """
        began = time.monotonic()
        next_line = began + _WATCHING_S
        listening = [str(each) for each in self._endpoints]
        self._say({"sink": SCHEMA, "listening": listening, "pid": os.getpid()})
        while not stop():
            now = time.monotonic()
            if self._limits.seconds is not None and now - began >= self._limits.seconds:
                break
            if now >= next_line:
                next_line = now + _WATCHING_S
                self._say({"watching": True, "unlisted": self._unlisted})
            for key, _ in self._selector.select(_POLL_S):
                self._take(key.fileobj, key.data)
        self._say({"ended": True, "arrivals": self._arrivals, "unlisted": self._unlisted})
        return self._arrivals

    def _take(self, sock: object, endpoint: Endpoint) -> None:
        if not isinstance(sock, socket.socket):
            raise TypeError("only sockets are registered")
        take = self._connection if endpoint.transport is Transport.TCP else self._datagram
        for _ in range(_TAKEN_AT_ONCE):
            if not take(sock, endpoint):
                return

    def _connection(self, listener: socket.socket, endpoint: Endpoint) -> bool:
        """Take one connection; False when there is none just now, or its peer has gone."""
        try:
            connection, peer = listener.accept()
        except OSError:
            return False
        connection.close()
        self._arrived(endpoint, peer, None)
        return True

    def _datagram(self, sock: socket.socket, endpoint: Endpoint) -> bool:
        """Take one datagram, and answer it if it is ours; False when there is none just now."""
        try:
            datagram, peer = sock.recvfrom(SIZE + 1)
        except OSError:
            return False
        run_id = run_of(datagram)
        self._arrived(endpoint, peer, run_id)
        if run_id is not None:
            # A lost answer is what the log is for: it says that the question arrived.
            with suppress(OSError):
                sock.sendto(answer_to(datagram), peer)
        return True

    def _arrived(self, endpoint: Endpoint, peer: tuple[str, int], run_id: str | None) -> None:
        self._arrivals += 1
        if self._arrivals > self._limits.lines:
            self._unlisted += 1
            return
        host = peer[0].partition("%")[0]
        source = f"[{host}]:{peer[1]}" if ":" in host else f"{host}:{peer[1]}"
        told: dict[str, object] = {"arrived": str(endpoint), "from": source}
        self._say(told | ({"run": run_id} if run_id is not None else {}))

    def _say(self, told: dict[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._out.write(json.dumps({"at": at, **told}) + "\n")
        self._out.flush()


def give_up_privileges() -> None:
    """Become nobody, when root, and never anything more again; others have nothing to give up.

    Raises:
        SettingsError: the system refuses, so that a listener for everybody would run as root.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.geteuid() != 0:
        return
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError as refusal:
        raise SettingsError(
            f"cannot give up root ({refusal.strerror}): run the sink as another user"
        ) from refusal


def _listening(endpoint: Endpoint) -> socket.socket:
    tcp = endpoint.transport is Transport.TCP
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    sock = socket.socket(family_of(endpoint.address), kind)
    try:
        sock.settimeout(0)
        if tcp:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((str(endpoint.address), endpoint.port))
        if tcp:
            sock.listen(_BACKLOG)
    except OSError as refusal:
        sock.close()
        raise SettingsError(
            f"cannot listen at {bracketed(endpoint.address)}:{endpoint.port}/{endpoint.transport}: "
            f"{refusal.strerror or refusal}"
        ) from refusal
    return sock
