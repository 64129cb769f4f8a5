"""What the kernel's own tables say: which addresses are ours, and which neighbours do not answer.

Asked by rtnetlink (rtnetlink(7)), because trying to bind or to connect gives other answers where
`ip_nonlocal_bind` is set or a whole prefix is local, and because a missing neighbour shows in a
socket only after three seconds, longer than most time-outs.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from portproof.model.endpoint import Address
from portproof.scan.family import family_of

# linux/netlink.h, linux/rtnetlink.h, linux/neighbour.h
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, sender
_ROUTE: Final = struct.Struct("=BBBBBBBBI")  # family, lengths, ..., type (the eighth), flags
_NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")  # family, interface, state, flags, type
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type

_REQUEST: Final = 0x1
_DUMP: Final = 0x300
_ERROR, _DONE, _GET_ROUTE, _GET_NEIGHBOUR = 2, 3, 26, 30
_ROUTE_TYPE_FIELD: Final = 7
_LOCAL_ROUTE: Final = 2  # RTN_LOCAL
_DESTINATION, _INTERFACE, _GATEWAY, _VIA = 1, 4, 5, 18  # RTA_DST, NDA_DST; RTA_OIF; ...
_VIA_FAMILY: Final = 2  # bytes of the address family before the address in RTA_VIA
_INDEX: Final = struct.Struct("=I")
_STATE_FIELD: Final = 2
_NOT_ANSWERING: Final = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED
_BUFFER: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Route:
    """Where packets to an address go: to ourselves, or to `next_hop` (a router, or the address).

    `interface` is the index of the interface they leave by. A router may be of the other family
    (RFC 5549).
    """

    local: bool
    next_hop: Address
    interface: int


def route_to(address: Address) -> Route | None:
    """Ask the kernel which way it would take; None when there is none."""
    packed = address.packed
    body = _ROUTE.pack(family_of(address), len(packed) * 8, 0, 0, 0, 0, 0, 0, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _DESTINATION) + packed
    for kind, payload in _ask(_GET_ROUTE, _REQUEST, body):
        if kind == _ERROR:
            return None
        held = _attributes(payload[_ROUTE.size :])
        gateway = held.get(_GATEWAY) or held.get(_VIA, b"")[_VIA_FAMILY:]
        return Route(
            local=_ROUTE.unpack_from(payload)[_ROUTE_TYPE_FIELD] == _LOCAL_ROUTE,
            next_hop=ip_address(gateway) if gateway else address,
            # A route that drops what it is given (blackhole) has no interface.
            interface=_INDEX.unpack(held[_INTERFACE])[0] if _INTERFACE in held else 0,
        )
    return None


@lru_cache(maxsize=4096)
def is_own(address: Address) -> bool:
    """Whether the address is this machine's: loopback, on an interface, or routed as local."""
    route = route_to(address)
    return route is not None and route.local


def silent_neighbours() -> frozenset[Address]:
    """Give the neighbours that were asked for by ARP or ND and have not answered."""
    body = _NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    found = set()
    for kind, payload in _ask(_GET_NEIGHBOUR, _REQUEST | _DUMP, body):
        if kind in (_ERROR, _DONE):
            break
        state = _NEIGHBOUR.unpack_from(payload)[_STATE_FIELD]
        destination = _attributes(payload[_NEIGHBOUR.size :]).get(_DESTINATION)
        if destination and state & _NOT_ANSWERING:
            found.add(ip_address(destination))
    return frozenset(found)


def _ask(kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """Send one request and give the messages of its answer: type and payload."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.bind((0, 0))
        sock.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)
        while True:
            reply = sock.recv(_BUFFER)
            while len(reply) >= _HEADER.size:
                length, answer, _, _, _ = _HEADER.unpack_from(reply)
                yield answer, reply[_HEADER.size : length]
                reply = reply[_aligned(length) :]


def _attributes(body: bytes) -> dict[int, bytes]:
    found = {}
    while len(body) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(body)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = body[_ATTRIBUTE.size : length]
        body = body[_aligned(length) :]
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3
