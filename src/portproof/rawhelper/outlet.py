"""The way out: batches of frames by sendmmsg(2).

Over the network they leave by a packet socket (packet(7)) for each interface, which hears nothing,
because it is bound to no protocol; where frames have no link-layer header, each message says what
protocol it carries. What goes to this machine itself leaves by a raw IP socket (raw(7)) instead: the kernel takes IPv4 frames
on the loopback interface for forged unless it has routed them itself.

A full queue is waited for; any other error ends the frame it came for, and no other.
"""

from __future__ import annotations

import errno as codes
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.rawhelper.frames import ROWS, STRIDE, FrameBatch
from portproof.rawhelper.libc import sendmmsg

_AT_ONCE: Final = 128
"""Frames of one system call: few enough to know when each left, to some ten microseconds."""
_COUNT: Final = np.arange(_AT_ONCE)
_SEND_BUFFER: Final = 4 << 20
_WAIT_MS: Final = 1
_FULL: Final = frozenset({codes.EAGAIN, codes.ENOBUFS, codes.EINTR, codes.ENOMEM})
_ETHERTYPE: Final = {4: 0x0800, 6: 0x86DD}
_IPV4: Final = 4
_TARGET_AT: Final = {4: 4, 6: 8}
"""Where the address is in a struct sockaddr_in or sockaddr_in6."""
_MESSAGE_WORDS: Final = 8
"""struct mmsghdr on 64-bit Linux: name, its length, vector, its length, control, its length, flags,
and the count of bytes sent, 8 bytes each with their padding."""
_VECTOR_BYTES: Final = 16


def open_packet_socket(interface: int | None = None) -> socket.socket:
    """Open a socket for frames, over one interface or (None) over those that each frame names.

    Raises:
        OSError: no CAP_NET_RAW, or no such interface.
    """
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    if interface is not None:
        sock.bind((socket.if_indextoname(interface), 0))
    return _roomy(sock)


def open_raw_socket(version: int) -> socket.socket:
    """Open a socket for IP packets to this machine itself.

    Raises:
        OSError: no CAP_NET_RAW, or no such IP version.
    """
    family = socket.AF_INET if version == _IPV4 else socket.AF_INET6
    # IPPROTO_RAW: our packets bring their IP header along, in both versions.
    return _roomy(socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW))


@dataclass(frozen=True, slots=True)
class Senders:
    """The sockets that frames leave by."""

    packet: Mapping[int, socket.socket]
    """Over the network, by interface."""
    raw: Mapping[int, socket.socket]
    """To this machine itself, by IP version."""


def link_name(version: int, interface: int) -> bytes:
    """Give the address by which a frame leaves (struct sockaddr_ll): protocol and interface."""
    kind = socket.htons(_ETHERTYPE[version])
    return struct.pack("=HHiHBB8x", socket.AF_PACKET, kind, interface, 0, 0, 0)


class Outlet:
    """Sends the frames of one path; `frames` is filled by the caller."""

    def __init__(self, sock: socket.socket, frames: FrameBatch, name: bytes | None) -> None:
        """Send by `sock` to the address `name`; None: each frame to its own target.

        Empty: the socket is bound to where frames go, which spares the kernel a look-up for each.
        """
        self.frames = frames
        self._descriptor = sock.fileno()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLOUT)
        self._vectors = np.zeros((ROWS, 2), dtype=np.uint64)
        self._vectors[:, 0] = frames.buffer.ctypes.data + np.arange(ROWS) * STRIDE
        self._vectors[:, 1] = frames.length
        self._own_names = name is None
        if name is None:
            self._names = _unaddressed(frames.template.version)
        else:
            self._names = np.frombuffer(name, dtype=np.uint8).reshape(1, -1).copy()
        self._messages = np.zeros((ROWS, _MESSAGE_WORDS), dtype=np.uint64)
        size = self._names.shape[1]
        apart = size if self._own_names else 0
        if size:
            self._messages[:, 0] = self._names.ctypes.data + np.arange(ROWS) * apart
        self._messages[:, 1] = size
        self._messages[:, 2] = self._vectors.ctypes.data + np.arange(ROWS) * _VECTOR_BYTES
        self._messages[:, 3] = 1
        self._first = int(self._messages.ctypes.data)
        self.left_s = np.zeros(ROWS)
        """When each frame left, monotonic; evenly between the system calls before and after it."""

    def address(self, targets: NDArray[np.uint8]) -> None:
        """Address the first frames, a row of 4 or 16 bytes each, where frames have an own target."""
        if self._own_names:
            start = _TARGET_AT[self.frames.template.version]
            self._names[: len(targets), start : start + targets.shape[1]] = targets

    def send(self, count: int, stopped: Callable[[], bool]) -> dict[int, int]:
        """Send the first `count` frames; gives the errno of each that could not be sent.

        `left_s` says afterwards when each left. While the queue is full, `stopped` is asked each
        millisecond; once it says so, the rest counts as not sent (ECANCELED).
        """
        failed: dict[int, int] = {}
        at = 0
        while at < count:
            where = self._first + at * _MESSAGE_WORDS * 8
            began = time.monotonic()
            try:
                taken = sendmmsg(self._descriptor, where, min(count - at, _AT_ONCE), 0)
            except OSError as problem:
                if problem.errno not in _FULL:
                    failed[at] = problem.errno or codes.EIO
                    at += 1
                elif stopped():
                    failed.update(dict.fromkeys(range(at, count), codes.ECANCELED))
                    break
                else:
                    self._await_room(problem.errno)
            else:
                spacing_s = (time.monotonic() - began) / taken
                self.left_s[at : at + taken] = began + spacing_s * _COUNT[:taken]
                at += taken
        return failed

    def _await_room(self, error: int) -> None:
        # ENOBUFS is the interface's queue: the socket is writable all the same.
        if error == codes.EAGAIN:
            self._poll.poll(_WAIT_MS)
        else:
            select.select([], [], [], _WAIT_MS / 1000)


def _unaddressed(version: int) -> NDArray[np.uint8]:
    """Give a struct sockaddr_in or sockaddr_in6 for each frame, without an address (ip(7), ipv6(7))."""
    if version == _IPV4:
        name = struct.pack("=HH12x", socket.AF_INET, 0)
    else:
        name = struct.pack("=HH24x", socket.AF_INET6, 0)
    return np.tile(np.frombuffer(name, dtype=np.uint8), (ROWS, 1))


def _roomy(sock: socket.socket) -> socket.socket:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return sock
