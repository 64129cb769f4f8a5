"""The way in: a receive ring shared with the kernel (TPACKET_V2, packet(7)).

The kernel writes each packet that the filter lets through into the next slot of the ring and marks
it as ours; a look over the marks finds what has come, without a system call. The socket is of type
SOCK_DGRAM, so that each packet begins with its IP header whatever link it came over, and it hears
all interfaces, because an answer may come by another one than the probe left by.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from portproof.rawhelper.libc import hear_all_interfaces

# linux/if_packet.h, asm-generic/socket.h
_SOL_PACKET: Final = 263
_RX_RING, _VERSION, _IGNORE_OUTGOING = 5, 10, 23
_TPACKET_V2: Final = 1
_ATTACH_FILTER: Final = 26
_OURS: Final = np.uint32(1)  # TP_STATUS_USER

_SLOT: Final = 256
_BLOCK: Final = 1 << 17
SLOTS: Final = 1 << 15
_AT_ONCE: Final = 8192
START: Final = 80
"""Where the IP header is in a slot: behind tpacket2_hdr and sockaddr_ll, aligned, and 16 bytes."""

HEADER: Final = np.dtype(
    {
        "names": ["status", "kept", "start", "seconds", "nanoseconds"],
        "formats": ["<u4", "<u4", "<u2", "<u4", "<u4"],
        "offsets": [0, 8, 14, 16, 20],
        "itemsize": _SLOT,
    }
)

Bytes = NDArray[np.uint8]


class ReceiveRing:
    """What has come for us: `drain` gives it, a row of bytes for each packet."""

    def __init__(self, ethertype: int, program: bytes) -> None:
        """Open the ring for packets of that type which the filter program lets through.

        Raises:
            OSError: no CAP_NET_RAW, or no memory for the ring.
        """
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
        try:
            attach(self.sock, program)
            self.sock.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
            self.sock.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
            request = struct.pack("=4I", _BLOCK, SLOTS * _SLOT // _BLOCK, _SLOT, SLOTS)
            self.sock.setsockopt(_SOL_PACKET, _RX_RING, request)
            self._map = mmap.mmap(self.sock.fileno(), SLOTS * _SLOT)
            hear_all_interfaces(self.sock, ethertype)
        except OSError:
            self.sock.close()
            raise
        self._bytes: Bytes = np.frombuffer(self._map, dtype=np.uint8).reshape(SLOTS, _SLOT)
        self._status = self._bytes.reshape(-1).view(HEADER)["status"]
        self._next = 0

    def drain(self) -> Bytes | None:
        """Take what has come, at most some thousands; None when nothing has."""
        status = self._status[self._next : self._next + _AT_ONCE]
        if not status[0] & _OURS:
            return None
        not_ours = (status & _OURS) == 0
        count = int(not_ours.argmax()) or len(status)
        taken = self._bytes[self._next : self._next + count].copy()
        status[:count] = 0
        self._next = (self._next + count) % SLOTS
        return taken


def attach(sock: socket.socket, program: bytes) -> None:
    """Let through only what a BPF program accepts."""
    held = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: how many instructions, and where; the kernel copies them.
    pointer = struct.pack("HL", len(program) // 8, ctypes.addressof(held))
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, pointer)
