"""Datagrams by the batch: sendmmsg, recvmmsg and the error queue of Linux, on one socket.

One system call per datagram would cost more than all else that a sweep does, so hundreds go and
come at once (sendmmsg(2), recvmmsg(2), by ctypes: Python knows neither). The socket is not
connected: one stands for every peer, and the error queue (ip(7), IP_RECVERR) tells of each ICMP
error which destination it is about.

On such a socket a queued ICMP error also makes the next call fail, whatever its destination. That
failure says nothing of the datagram at hand: it is cleared and the call made again, and only what
goes on failing is the call's own.
"""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from errno import EAGAIN, EINTR
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from portproof.scan import errqueue
from portproof.scan.classify import IcmpError

BATCH: Final = 128
"""Datagrams per call: their answers fit the receive buffer that an ordinary user may have."""
LONGEST_KEPT: Final = 4_096
"""Of a longer datagram the rest is dropped by the kernel; its true size is still told."""

_ERRORS: Final = 128
"""Queued errors read at once."""
_QUOTED: Final = 64
_ANCILLARY: Final = 128
_RECEIVE_BUFFER: Final = 16 << 20
_SO_RCVBUFFORCE: Final = 33  # asm-generic/socket.h; needs CAP_NET_ADMIN
_FOREIGN_ERRORS: Final = 8
"""Failures in a row that may be other datagrams' ICMP errors; the next one is the call's own."""
_BIND_TRIES: Final = 64
_CONTROL_HEADER: Final = 2 * ctypes.sizeof(ctypes.c_size_t)  # struct cmsghdr: size_t and two ints

_MSGHDR: Final = np.dtype(
    [
        ("name", np.uintp),
        ("name_size", np.uint32),
        ("pieces", np.uintp),
        ("piece_count", np.uintp),
        ("control", np.uintp),
        ("control_size", np.uintp),
        ("flags", np.int32),
    ],
    align=True,
)
_MMSGHDR: Final = np.dtype([("head", _MSGHDR), ("size", np.uint32)], align=True)
_IOVEC: Final = np.dtype([("base", np.uintp), ("size", np.uintp)], align=True)
_SOCKADDR: Final = {
    socket.AF_INET: np.dtype([("family", "=u2"), ("port", ">u2"), ("address", "S4"), ("", "S8")]),
    socket.AF_INET6: np.dtype(
        [("family", "=u2"), ("port", ">u2"), ("flow", ">u4"), ("address", "S16"), ("scope", "=u4")]
    ),
}
_BYTES: Final = {socket.AF_INET: 4, socket.AF_INET6: 16}
_ADDRESSES: Final[dict[socket.AddressFamily, type[IPv4Address | IPv6Address]]] = {
    socket.AF_INET: IPv4Address,
    socket.AF_INET6: IPv6Address,
}

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram as it came: `size` is its true size, `data` the first LONGEST_KEPT bytes."""

    address: int
    """The sender's, as a number."""
    port: int
    data: bytes
    size: int


@dataclass(frozen=True, slots=True)
class QueuedError:
    """One ICMP error, and the destination of the datagram that it is about."""

    address: int
    port: int
    icmp: IcmpError


class DatagramSocket:
    """One non-blocking UDP socket, bound to a port of its own, with an error queue."""

    def __init__(self, family: socket.AddressFamily, *, unwanted: Callable[[int], bool]) -> None:
        """Open and bind it, if possible to a port that is not `unwanted`.

        Raises:
            OSError: there is no socket or no port left, or the family is switched off.
        """
        self.family = family
        self._bytes = _BYTES[family]
        self._address = _ADDRESSES[family]
        self._socket = _bound(family, unwanted)
        self.port: int = self._socket.getsockname()[1]
        """The local port."""
        self._inbox = _Inbox(family, BATCH, LONGEST_KEPT, 0)
        self._error_box = _Inbox(family, _ERRORS, _QUOTED, _ANCILLARY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """Give the descriptor, for poll(2)."""
        return self._socket.fileno()

    def send(
        self, addresses: Sequence[bytes], ports: Sequence[int], payloads: Sequence[bytes]
    ) -> tuple[int, int]:
        """Send datagrams to these packed addresses and ports, in order, until one is refused.

        Gives how many went out, and the errno that refused the next one; 0 when all went out.
        """
        box = _Outbox(self.family, addresses, ports, payloads)
        sent = failures = 0
        while sent < len(payloads):
            count = _LIBC.sendmmsg(self.fileno(), box.from_(sent), len(payloads) - sent, 0)
            if count > 0:
                sent, failures = sent + count, 0
                continue
            error = ctypes.get_errno()
            if error == EAGAIN or failures == _FOREIGN_ERRORS:
                return sent, error
            failures += error != EINTR
            # An earlier datagram's ICMP error: taken from the socket, it stays in the queue.
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return sent, 0

    def receive(self) -> list[Datagram]:
        """Take what has come, at most a batch; empty when nothing has."""
        box = self._inbox
        count = self._take(box, 0)
        heads, names = box.heads[:count], box.names[:count]
        sizes, ports = heads["size"].tolist(), names["port"].tolist()
        addresses = self._numbers(names["address"])
        return [
            Datagram(addresses[row], ports[row], box.read(row, min(size, LONGEST_KEPT)), size)
            for row, size in enumerate(sizes)
        ]

    def errors(self) -> Iterator[QueuedError]:
        """Take the ICMP errors that have come, all of them.

        Records of other origins (a local errno) are passed over: the call that failed says the same.
        """
        box, count = self._error_box, _ERRORS
        while count == _ERRORS:
            count = self._take(box, socket.MSG_ERRQUEUE)
            ports = box.names["port"][:count].tolist()
            addresses = self._numbers(box.names["address"][:count])
            ends = box.heads["head"]["control_size"][:count].tolist()
            for row in range(count):
                asked = self._address(addresses[row])
                icmp = errqueue.read_record(box.control(row, ends[row])[_CONTROL_HEADER:], asked)
                if icmp is not None:
                    yield QueuedError(addresses[row], ports[row], icmp)

    def _take(self, box: _Inbox, flags: int) -> int:
        """Fill the box; gives how many datagrams or errors are in it."""
        flags |= socket.MSG_DONTWAIT | socket.MSG_TRUNC
        for _ in range(_FOREIGN_ERRORS):
            box.clear()
            count: int = _LIBC.recvmmsg(self.fileno(), box.begin, len(box.heads), flags, None)
            if count >= 0:
                return count
            if ctypes.get_errno() == EAGAIN:
                break
        return 0

    def _numbers(self, packed: NDArray[np.bytes_]) -> list[int]:
        if self._bytes == _BYTES[socket.AF_INET]:
            numbers: list[int] = np.frombuffer(packed.tobytes(), dtype=">u4").tolist()
            return numbers
        whole, size = packed.tobytes(), self._bytes
        return [int.from_bytes(whole[at : at + size]) for at in range(0, len(whole), size)]


class _Outbox:
    """Datagrams on their way: the structures that sendmmsg reads."""

    def __init__(
        self,
        family: socket.AddressFamily,
        addresses: Sequence[bytes],
        ports: Sequence[int],
        payloads: Sequence[bytes],
    ) -> None:
        count = len(payloads)
        names = np.zeros(count, dtype=_SOCKADDR[family])
        names["family"], names["port"] = family, ports
        names["address"] = np.frombuffer(b"".join(addresses), dtype=f"S{_BYTES[family]}")
        # One byte more: an empty array of bytes has no address.
        content = np.frombuffer(b"".join(payloads) + b"\0", dtype=np.uint8)
        sizes = np.fromiter(map(len, payloads), dtype=np.uintp, count=count)
        pieces = np.zeros(count, dtype=_IOVEC)
        pieces["size"] = sizes
        pieces["base"] = content.ctypes.data + np.cumsum(sizes, dtype=np.uintp) - sizes
        heads = np.zeros(count, dtype=_MMSGHDR)
        _point(heads, names, pieces)
        heads["head"]["name_size"] = names.itemsize
        self._parts = (names, content, pieces, heads)  # the kernel sees addresses, not references

    def from_(self, first: int) -> ctypes.c_void_p:
        """Give the address of the first header that is still to be sent."""
        heads = self._parts[-1]
        return ctypes.c_void_p(heads.ctypes.data + first * heads.itemsize)


class _Inbox:
    """Room for datagrams: the structures that recvmmsg fills."""

    def __init__(self, family: socket.AddressFamily, count: int, size: int, control: int) -> None:
        self.heads = np.zeros(count, dtype=_MMSGHDR)
        self.names = np.zeros(count, dtype=_SOCKADDR[family])
        self.begin = ctypes.c_void_p(self.heads.ctypes.data)
        self._content = np.zeros((count, size), dtype=np.uint8)
        self._control = np.zeros((count, control), dtype=np.uint8)
        self._pieces = np.zeros(count, dtype=_IOVEC)
        self._pieces["size"] = size
        self._pieces["base"] = _rows(self._content)
        _point(self.heads, self.names, self._pieces)
        if control:
            self.heads["head"]["control"] = _rows(self._control)

    def clear(self) -> None:
        """Make the room empty again: the kernel has written sizes over ours."""
        self.heads["head"]["name_size"] = self.names.itemsize
        self.heads["head"]["control_size"] = self._control.shape[1]

    def read(self, row: int, size: int) -> bytes:
        """Give the bytes of one datagram."""
        return self._content[row, :size].tobytes()

    def control(self, row: int, size: int) -> bytes:
        """Give the ancillary bytes of one datagram."""
        return self._control[row, :size].tobytes()


def _point(heads: NDArray[np.void], names: NDArray[np.void], pieces: NDArray[np.void]) -> None:
    """Let each header point to its name and to its one piece of content."""
    heads["head"]["name"] = _rows(names)
    heads["head"]["pieces"] = _rows(pieces)
    heads["head"]["piece_count"] = 1


def _rows(array: NDArray[np.void] | NDArray[np.uint8]) -> NDArray[np.uintp]:
    """Give the address in memory of each row."""
    offsets = np.arange(len(array), dtype=np.uintp) * np.uintp(array.strides[0])
    return np.uintp(array.ctypes.data) + offsets


def _bound(family: socket.AddressFamily, unwanted: Callable[[int], bool]) -> socket.socket:
    """Give a socket bound to a free port, which is a wanted one unless there is none.

    Raises:
        OSError: there is no socket or no port left, or the family is switched off.
    """
    spared: list[socket.socket] = []
    try:
        for _ in range(_BIND_TRIES):
            sock = socket.socket(family, socket.SOCK_DGRAM)
            spared.append(sock)
            sock.settimeout(0)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("", 0))
            if not unwanted(sock.getsockname()[1]):
                break
        chosen = spared.pop()
    finally:
        # Kept open until now: the kernel might have offered the same port again.
        for each in spared:
            each.close()
    errqueue.enable(chosen)
    _widen(chosen)
    return chosen


def _widen(sock: socket.socket) -> None:
    """Make the receive buffer as large as we may: what does not fit is lost, and asked again."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
