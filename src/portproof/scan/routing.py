"""What the kernel's own tables say: which addresses are ours, and which neighbours do not answer.

Asked by rtnetlink (rtnetlink(7)), because trying to bind or to connect gives other answers where
`ip_nonlocal_bind` is set or a whole prefix is local, and because a missing neighbour shows in a
socket only after three seconds, longer than most time-outs.
"""

from __future__ import annotations

import socket
import struct
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

from portproof.model.endpoint import Address, Network
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
_REACHABLE: Final = 0x02  # NUD_REACHABLE
_DOUBTED: Final = 0x08 | 0x10  # NUD_DELAY, NUD_PROBE
_BY_HAND: Final = 0x40 | 0x80  # NUD_NOARP, NUD_PERMANENT
_LINK_ADDRESS: Final = 2  # NDA_LLADDR
_GET_RULE: Final = 34  # RTM_GETRULE; its header has the layout of a route's
_IPV4: Final = 4
_BUFFER: Final = 1 << 16
_NETLINK_LEVEL, _STRICT_CHECK = 270, 12  # linux/socket.h: SOL_NETLINK; linux/netlink.h


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


def own_networks() -> tuple[Network, ...]:
    """Give the networks that any of the kernel's tables calls local.

    One look instead of a question for each of a million addresses; with rules of its own in the
    kernel, a table may not be in force for all (`is_own` knows).
    """
    found = []
    for family, width in ((socket.AF_INET, 32), (socket.AF_INET6, 128)):
        body = _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, _LOCAL_ROUTE, 0)
        for kind, payload in _ask(_GET_ROUTE, _REQUEST | _DUMP, body, strict=True):
            if kind in (_ERROR, _DONE):
                break
            fields = _ROUTE.unpack_from(payload)
            if fields[_ROUTE_TYPE_FIELD] == _LOCAL_ROUTE:
                packed = _attributes(payload[_ROUTE.size :]).get(_DESTINATION, bytes(width // 8))
                found.append(ip_network((packed, fields[1]), strict=False))
    return tuple(found)


def route_starts(version: int) -> tuple[int, ...]:
    """Give the addresses, as numbers and ascending, from which on another route may hold.

    Between two of them the kernel gives every address the same answer: they are the ends of all
    prefixes in all its tables and rules. So one question answers for a million addresses.
    """
    family, width = (socket.AF_INET, 32) if version == _IPV4 else (socket.AF_INET6, 128)
    starts = {0}
    body = _ROUTE.pack(family, *[0] * 8)
    for request in (_GET_ROUTE, _GET_RULE):
        for kind, payload in _ask(request, _REQUEST | _DUMP, body):
            if kind in (_ERROR, _DONE):
                break
            packed = _attributes(payload[_ROUTE.size :]).get(_DESTINATION)
            if packed is not None:
                size = 1 << (width - _ROUTE.unpack_from(payload)[1])
                first = int.from_bytes(packed, "big") // size * size
                starts |= {first, first + size}
    return tuple(sorted(each for each in starts if each < 1 << width))


class Routes:
    """The kernel's answers for many addresses, each as it was when first asked for.

    One question serves all addresses between two of `route_starts`: a run of seconds would spend as
    long again on asking about each of its thousands of hosts.
    """

    def __init__(self) -> None:
        self._starts: dict[int, tuple[int, ...]] = {}
        self._known: dict[tuple[int, int], tuple[Route | None, bool]] = {}
        """By version and stretch: the route, and whether each address is its own next hop."""

    def __call__(self, address: Address) -> Route | None:
        """Give what `route_to` would."""
        version = address.version
        starts = self._starts.get(version)
        if starts is None:
            starts = self._starts[version] = route_starts(version)
        stretch = (version, bisect_right(starts, int(address)))
        held = self._known.get(stretch)
        if held is None:
            route = route_to(address)
            held = (route, route is not None and route.next_hop == address)
            self._known[stretch] = held
        route, on_link = held
        return replace(route, next_hop=address) if route is not None and on_link else route


def link_addresses() -> Iterator[tuple[int, Address, bytes]]:
    """Give the neighbours that answered lately, or were entered by hand: interface, address, MAC."""
    body = _NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    for kind, payload in _ask(_GET_NEIGHBOUR, _REQUEST | _DUMP, body):
        if kind in (_ERROR, _DONE):
            break
        _, interface, state, _, _ = _NEIGHBOUR.unpack_from(payload)
        held = _attributes(payload[_NEIGHBOUR.size :])
        if state & (_REACHABLE | _BY_HAND) and {_DESTINATION, _LINK_ADDRESS} <= held.keys():
            yield interface, ip_address(held[_DESTINATION]), held[_LINK_ADDRESS]


def silent_neighbours() -> frozenset[Address]:
    """Give the neighbours that were asked for by ARP or ND and have not answered."""
    return _neighbours(_NOT_ANSWERING)


def answering_neighbours() -> frozenset[Address]:
    """Give the neighbours that answered ARP or ND lately: within the kernel's time, about a minute."""
    return _neighbours(_REACHABLE)


def doubted_neighbours() -> frozenset[Address]:
    """Give the neighbours known from before that the kernel is about to ask again (some 8 s)."""
    return _neighbours(_DOUBTED)


def _neighbours(states: int) -> frozenset[Address]:
    """Give the neighbours in one of those states (NUD_*, a bit each)."""
    body = _NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    found = set()
    for kind, payload in _ask(_GET_NEIGHBOUR, _REQUEST | _DUMP, body):
        if kind in (_ERROR, _DONE):
            break
        state = _NEIGHBOUR.unpack_from(payload)[_STATE_FIELD]
        destination = _attributes(payload[_NEIGHBOUR.size :]).get(_DESTINATION)
        if destination and state & states:
            found.add(ip_address(destination))
    return frozenset(found)


def _ask(
    kind: int, flags: int, body: bytes, *, strict: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Send one request and give the messages of its answer: type and payload.

    `strict` has the kernel itself leave out what the request does not ask for (Linux 4.20).
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        if strict:
            with suppress(OSError):  # an older kernel gives more, which is looked through here
                sock.setsockopt(_NETLINK_LEVEL, _STRICT_CHECK, 1)
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
