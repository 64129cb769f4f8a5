"""The interfaces that probes leave by: their link-layer type and address (netdevice(7))."""

from __future__ import annotations

import fcntl
import socket
import struct
from dataclasses import dataclass
from typing import Final

_GET_FLAGS: Final = 0x8913  # SIOCGIFFLAGS
_GET_HARDWARE: Final = 0x8927  # SIOCGIFHWADDR
_REQUEST: Final = struct.Struct("=16sH14s8x")
_ETHERNET, _LOOPBACK = 1, 772  # linux/if_arp.h
_NO_ARP: Final = 0x80 | 0x8  # IFF_NOARP, IFF_LOOPBACK
_MAC: Final = 6


@dataclass(frozen=True, slots=True)
class Link:
    """An interface; `address` is None where frames have no link-layer header (TUN, tunnels).

    `asks` says whether link addresses of neighbours have to be found by ARP or ND.
    """

    index: int
    name: str
    address: bytes | None
    asks: bool


def link_of(index: int) -> Link:
    """Describe an interface.

    Raises:
        OSError: there is none of that index.
    """
    name = socket.if_indextoname(index)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        kind, address = _ask(sock, _GET_HARDWARE, name)
        flags, _ = _ask(sock, _GET_FLAGS, name)
    headed = kind in (_ETHERNET, _LOOPBACK)
    return Link(
        index, name, address[:_MAC] if headed else None, asks=headed and not flags & _NO_ARP
    )


def _ask(sock: socket.socket, request: int, name: str) -> tuple[int, bytes]:
    """Give the number (16 bits) and the bytes of an interface request's answer."""
    question = _REQUEST.pack(name.encode(), 0, bytes(14))
    _, number, rest = _REQUEST.unpack(fcntl.ioctl(sock, request, question))
    return number, rest
