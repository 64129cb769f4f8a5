"""Sockets as reusable lines: one descriptor serves thousands of connects.

A connect that was refused returns its socket to CLOSED when the error is collected, so the next one
needs neither socket() nor close(). A line is watched by epoll only once it has to wait, edge-
triggered and registered once for its whole life: most ports of this machine answer before connect()
has returned, and never need it.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Final

from portproof.scan.errqueue import enable

_WATCHED: Final = select.EPOLLOUT | select.EPOLLET
# struct linger: l_onoff = 1, l_linger = 0.
_LINGER: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"
_TCP_INFO_RTT: Final = slice(68, 72)  # linux/tcp.h: tcpi_rtt, µs, the sixteenth word after 8 bytes
_US_PER_S: Final = 1_000_000

SocketAddress = tuple[str, int]


class Line:
    """One socket and the probe it carries; `serial` grows with each, so that old deadlines show."""

    __slots__ = (
        "attempts",
        "busy",
        "connect",
        "family",
        "probe",
        "registered",
        "sent",
        "serial",
        "sock",
        "target",
        "tells_icmp",
    )

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        # Kept as a number: `socket.family` builds an enum member at each look.
        self.family = int(sock.family)
        # Bound once: this is called twice for every closed port.
        self.connect: Callable[[SocketAddress], int] = sock.connect_ex
        self.tells_icmp = enable(sock)
        self.registered = False
        self.busy = False
        self.probe = 0
        self.attempts = 0
        self.sent = 0.0
        self.serial = 0
        self.target: SocketAddress = ("", 0)

    def local(self) -> SocketAddress:
        """Give the address and port that the kernel chose for our end."""
        name = self.sock.getsockname()
        return (name[0], name[1])

    def handshake_rtt_us(self, now: float) -> int:
        """Give the kernel's own measure of the handshake; ours when it has none, longer by our delay."""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_RTT.stop)
        measured = int.from_bytes(info[_TCP_INFO_RTT], "little")
        return measured or int((now - self.sent) * _US_PER_S)


class LinePool:
    """Opens, lends and closes lines; never more than `limit` at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.watched: dict[int, Line] = {}
        self._free: dict[int, list[Line]] = {socket.AF_INET: [], socket.AF_INET6: []}
        self._count = 0
        self._epoll = select.epoll()

    def free_of(self, family: int) -> list[Line]:
        """Give the idle lines of a family: pop one to use it, append it when it is idle again."""
        return self._free[family]

    def open(self, family: int) -> Line:
        """Open one more line; an idle one of the other family makes way when there are too many.

        Raises:
            OSError: the system gives no socket (EMFILE, ENFILE, ENOBUFS, ENOMEM, EAFNOSUPPORT …).
        """
        if self._count >= self.limit:
            for idle in self._free.values():
                if idle:
                    self.close(idle.pop())
                    break
        line = Line(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
        self._count += 1
        return line

    def watch(self, line: Line) -> None:
        """Have `poll` report the line; registering late misses nothing, it reports what is there."""
        if not line.registered:
            descriptor = line.sock.fileno()
            self._epoll.register(descriptor, _WATCHED)
            self.watched[descriptor] = line
            line.registered = True

    def poll(self, timeout_s: float) -> list[tuple[int, int]]:
        """Wait for lines; gives descriptors and event masks."""
        return self._epoll.poll(timeout_s, max(1, len(self.watched)))

    def close(self, line: Line) -> None:
        """Close a line with a reset; its descriptor may be another's from now on."""
        if line.registered:
            del self.watched[line.sock.fileno()]
        line.busy = False
        self._count -= 1
        line.sock.close()

    def hang_up(self, line: Line) -> None:
        """Close an established connection without leaving TIME_WAIT behind."""
        set_no_linger(line.sock)
        self.close(line)

    def close_all(self) -> None:
        """Close everything, whatever is under way."""
        idle = [line for lines in self._free.values() for line in lines if not line.registered]
        for line in (*idle, *self.watched.values()):
            line.sock.close()
        for lines in self._free.values():
            lines.clear()
        self.watched.clear()
        self._epoll.close()


def set_no_linger(sock: socket.socket) -> None:
    """Have closing the socket reset its connection: no port of ours stays in TIME_WAIT."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
