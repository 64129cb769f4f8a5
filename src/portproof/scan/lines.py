"""Sockets as reusable lines: one descriptor serves thousands of connects.

A connect that was refused returns its socket to CLOSED when the error is collected; one that was
answered, or stays silent, is ended by connecting to AF_UNSPEC (connect(2)), which resets it without
giving up the descriptor; a line that was not refused just before holds the last acknowledgement of
its handshake back (`scan.last_ack`), and then the server has nothing to accept. So a sweep needs as
many sockets as it has probes under way, and no more. A line is watched by epoll only once it has to
wait, edge-triggered and registered once for its whole life: most ports of near hosts answer before
connect() has returned, and never need it.

Idle lines lie in stacks, one for each family and lane (`scan.local_ports`); the top one is asked
first, again and again, and stays warm.
"""

from __future__ import annotations

import ctypes
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from portproof.scan.errqueue import enable
from portproof.scan.last_ack import hold_back
from portproof.scan.local_ports import ANYWHERE, LocalPorts

_WATCHED: Final = select.EPOLLOUT | select.EPOLLET
# struct linger: l_onoff = 1, l_linger = 0.
_LINGER: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"
_TCP_INFO_RTT: Final = slice(68, 72)  # linux/tcp.h: tcpi_rtt, µs, the sixteenth word after 8 bytes
_US_PER_S: Final = 1_000_000
_LANES: Final = ANYWHERE + 1

SocketAddress = tuple[str, int]

# Python's own connect() takes the family from the socket, so it cannot say AF_UNSPEC.
_connect = ctypes.CDLL(None).connect
_connect.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
_UNSPECIFIED: Final = bytes(16)  # struct sockaddr with sa_family AF_UNSPEC, which is 0


class Line:
    """One socket and the probe it carries; `serial` grows with each, so that old deadlines show."""

    __slots__ = (
        "attempts",
        "busy",
        "connect",
        "home",
        "port",
        "probe",
        "registered",
        "sent",
        "serial",
        "sock",
        "target",
        "tells_icmp",
    )

    def __init__(self, sock: socket.socket, home: Stack) -> None:
        self.sock = sock
        self.home = home
        self.port = 0
        """The local port it is bound to; 0 when the kernel chooses one for each connect."""
        # Bound once: this is called twice for every closed port.
        self.connect: Callable[[SocketAddress], int] = sock.connect_ex
        self.tells_icmp = enable(sock)
        hold_back(sock)
        self.registered = False
        self.busy = False
        self.probe = 0
        self.attempts = 0
        self.sent = 0.0
        self.serial = 0
        self.target: SocketAddress = ("", 0)

    def carry(self, probe: int, attempts: int, sent: float, target: SocketAddress) -> None:
        """Note the probe that has been sent, how often by now, and when."""
        self.probe, self.attempts, self.sent, self.target = probe, attempts, sent, target

    def handshake_rtt_us(self, now: float) -> int:
        """Give the kernel's own measure of the handshake; ours when it has none, longer by our delay."""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_RTT.stop)
        measured = int.from_bytes(info[_TCP_INFO_RTT], "little")
        return measured or int((now - self.sent) * _US_PER_S)


class Stack(list[Line]):
    """Idle lines of one family and lane: use the last, append what is idle again."""

    __slots__ = ("family", "lane")

    def __init__(self, family: int, lane: int) -> None:
        super().__init__()
        self.family = family
        self.lane = lane


class LinePool:
    """Opens, lends and closes lines; never more than `limit` at once."""

    def __init__(self, limit: int, ports: LocalPorts, source: str = "") -> None:
        """Start without a line; `source` is the address of ours that all probes leave by.

        Empty when there are several, or it is not known: the kernel chooses.
        """
        self.limit = limit
        self.watched: dict[int, Line] = {}
        self._ports = ports
        self._source = source
        self._stacks = {
            (int(family), lane): Stack(int(family), lane)
            for family in (socket.AF_INET, socket.AF_INET6)
            for lane in range(_LANES)
        }
        self._count = 0
        self._deadlines: dict[float, deque[tuple[float, Line, int]]] = {}
        self._epoll = select.epoll()

    def stack(self, family: int, lane: int) -> Stack:
        """Give the idle lines of a family and lane."""
        return self._stacks[family, lane]

    def open(self, stack: Stack) -> Line:
        """Open one more line for the stack; an idle one of another stack makes way when there are too many.

        Raises:
            OSError: the system gives no socket (EMFILE, ENFILE, ENOBUFS, ENOMEM, EAFNOSUPPORT …), or
                there is no local port (EADDRNOTAVAIL).
        """
        if self._count >= self.limit:
            self._make_way()
        sock = socket.socket(stack.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        line = Line(sock, stack)
        try:
            line.port = self._ports.bind(sock, self._source, stack.lane)
        except OSError:
            sock.close()
            raise
        self._count += 1
        return line

    def watch(self, line: Line, timeout_s: float) -> None:
        """Have `poll` report the line when something comes, and `overdue` when nothing does.

        Registering late misses nothing: what is there already is reported.
        """
        line.serial += 1
        queue = self._deadlines.get(timeout_s)
        if queue is None:
            queue = self._deadlines[timeout_s] = deque()
        queue.append((line.sent + timeout_s, line, line.serial))
        if not line.registered:
            descriptor = line.sock.fileno()
            self._epoll.register(descriptor, _WATCHED)
            self.watched[descriptor] = line
            line.registered = True

    def poll(self, timeout_s: float) -> list[tuple[int, int]]:
        """Wait for lines; gives descriptors and event masks."""
        return self._epoll.poll(timeout_s, max(1, len(self.watched)))

    def overdue(self, now: float) -> Iterator[Line]:
        """Give the lines that have waited in vain; only the heads of the queues are looked at."""
        for queue in self._deadlines.values():
            while queue:
                deadline, line, serial = queue[0]
                waits = line.busy and line.serial == serial
                if waits and deadline > now:
                    break
                queue.popleft()
                if waits:
                    yield line

    def restore(self, line: Line) -> None:
        """End whatever the line is in, leaving nothing in TIME_WAIT, and put it on its stack."""
        if _connect(line.sock.fileno(), _UNSPECIFIED, len(_UNSPECIFIED)):
            set_no_linger(line.sock)
            self.close(line)
        else:
            hold_back(line.sock)
            line.home.append(line)

    def close(self, line: Line) -> None:
        """Close a line; its descriptor may be another's from now on."""
        if line.registered:
            del self.watched[line.sock.fileno()]
        line.busy = False
        self._count -= 1
        line.sock.close()
        if line.port:
            self._ports.give_back(line.port, line.home.lane)

    def close_all(self) -> None:
        """Close everything, whatever is under way."""
        stacks = self._stacks.values()
        idle = [line for stack in stacks for line in stack if not line.registered]
        for line in (*idle, *self.watched.values()):
            line.sock.close()
        for stack in stacks:
            stack.clear()
        self.watched.clear()
        self._epoll.close()

    def _make_way(self) -> None:
        for idle in self._stacks.values():
            if idle:
                self.close(idle.pop())
                return


def set_no_linger(sock: socket.socket) -> None:
    """Have closing the socket reset its connection: no port of ours stays in TIME_WAIT."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
