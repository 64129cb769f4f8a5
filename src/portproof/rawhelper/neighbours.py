"""Link addresses of next hops: asked for by ARP (RFC 826) and neighbour discovery (RFC 4861).

A next hop has a number; columns say whether its link address is known. The kernel is not asked to
find it, because it does so only for packets that it routes itself: here, that would be a datagram
that nobody authorised. What the kernel knows already comes with the plan.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from portproof.rawhelper.filters import neighbour_advertisements
from portproof.rawhelper.libc import hear_all_interfaces
from portproof.rawhelper.links import Link
from portproof.rawhelper.packets import arp_request, neighbour_solicitation
from portproof.rawhelper.ring import attach

WAITING, KNOWN, SILENT = 0, 1, 2
_TRIES: Final = 3  # RFC 4861 §10, MAX_UNICAST_SOLICIT, and Linux' mcast_solicit
_AGAIN_S: Final = 1.0
_ARP, _IPV6 = 0x0806, 0x86DD
_LONGEST: Final = 512
_FIRST_HOPS: Final = 64
_MAC: Final = 6
_V4: Final = 4
_TARGET_LINK_ADDRESS: Final = b"\x02\x01"  # RFC 4861 §4.6.1: option 2, one unit of 8 bytes
_TARGET_AT: Final = 48
_OPTION_AT: Final = 64
_HOP_LIMIT: Final = 255  # RFC 4861 §7.1.2: it came from this link


@dataclass(slots=True)
class _Asked:
    """A next hop that has not answered yet."""

    hop: int
    frame: bytes
    interface: int
    tries: int = 0
    again_s: float = 0.0


class Neighbours:
    """The next hops of a run."""

    def __init__(self, sender: socket.socket) -> None:
        """Begin without any; `sender` is a packet socket that may send.

        Raises:
            OSError: no CAP_NET_RAW.
        """
        self._sender = sender
        self._hops: dict[tuple[int, bytes], int] = {}
        self._asked: dict[tuple[int, bytes], _Asked] = {}
        self.addresses = np.zeros((_FIRST_HOPS, _MAC), dtype=np.uint8)
        """Link address by hop."""
        self.state = np.zeros(_FIRST_HOPS, dtype=np.uint8)
        """WAITING, KNOWN or SILENT by hop."""
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        self.arp = socket.socket(socket.AF_PACKET, kind, 0)
        self.nd = socket.socket(socket.AF_PACKET, kind, 0)
        attach(self.nd, neighbour_advertisements())
        hear_all_interfaces(self.arp, _ARP)
        hear_all_interfaces(self.nd, _IPV6)

    @property
    def open(self) -> bool:
        """Whether some next hop has not answered, and may yet."""
        return bool(self._asked)

    def learn(self, interface: int, address: bytes, link_address: bytes) -> None:
        """Take a link address that is known already."""
        hop = self._numbered((interface, address))
        self.addresses[hop] = np.frombuffer(link_address, dtype=np.uint8)
        self.state[hop] = KNOWN
        self._asked.pop((interface, address), None)

    def hop_of(self, link: Link, source: str, address: bytes) -> int:
        """Give the number of a next hop; one not heard of yet is asked for at the next `pump`."""
        key = (link.index, address)
        known = self._hops.get(key)
        if known is not None:
            return known
        if not link.asks or link.address is None:
            self.learn(link.index, address, link.address or bytes(_MAC))
            return self._hops[key]
        if len(address) == _V4:
            frame = arp_request(source, link.address, socket.inet_ntoa(address))
        else:
            frame = neighbour_solicitation(source, link.address, address)
        hop = self._numbered(key)
        self._asked[key] = _Asked(hop, frame, link.index)
        return hop

    def pump(self, now_s: float) -> bool:
        """Read answers, ask again those that are due; True when something became known or silent."""
        if not self._asked:
            return False
        before = len(self._asked)
        for key, link_address in (*self._replies(), *self._advertisements()):
            if key in self._asked:
                self.learn(*key, link_address)
        for key, asked in list(self._asked.items()):
            if now_s < asked.again_s:
                continue
            if asked.tries == _TRIES:
                self.state[asked.hop] = SILENT
                del self._asked[key]
            else:
                self._ask(asked)
                asked.tries, asked.again_s = asked.tries + 1, now_s + _AGAIN_S
        return len(self._asked) < before

    def _ask(self, asked: _Asked) -> None:
        try:
            self._sender.sendto(asked.frame, (socket.if_indextoname(asked.interface), 0))
        except OSError:
            return  # a full queue, or the interface went away: after the last try it is silent

    def _numbered(self, key: tuple[int, bytes]) -> int:
        hop = self._hops.setdefault(key, len(self._hops))
        if hop >= len(self.state):
            self.addresses = np.concatenate((self.addresses, np.zeros_like(self.addresses)))
            self.state = np.concatenate((self.state, np.zeros_like(self.state)))
        return hop

    def _replies(self) -> Iterator[tuple[tuple[int, bytes], bytes]]:
        for packet, interface in _received(self.arp):
            # RFC 826: IPv4 over Ethernet, a reply; who it is from, link address and address.
            if packet[:8] == b"\x00\x01\x08\x00\x06\x04\x00\x02":
                yield (interface, packet[14:18]), packet[8:14]

    def _advertisements(self) -> Iterator[tuple[tuple[int, bytes], bytes]]:
        for packet, interface in _received(self.nd):
            option = packet[_OPTION_AT : _OPTION_AT + 2 + _MAC]
            if packet[7] == _HOP_LIMIT and option[:2] == _TARGET_LINK_ADDRESS and len(option) == 8:  # noqa: PLR2004
                yield (interface, packet[_TARGET_AT:_OPTION_AT]), option[2:]


def _received(sock: socket.socket) -> Iterator[tuple[bytes, int]]:
    """Give what waits in a packet socket, with the interface it came by."""
    while True:
        try:
            packet, origin = sock.recvfrom(_LONGEST)
        except BlockingIOError:
            return
        yield packet, socket.if_nametoindex(origin[0])
