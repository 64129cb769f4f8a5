"""Local ports that a sweep binds itself, so that it is quicker and can never meet itself.

Left to the kernel, a socket gets a new port for each connect, which is a sixth of what a closed port
costs; a bound one keeps its port. And over the ephemeral range of our own addresses the kernel may
connect a socket to itself, or two of our sockets to each other (simultaneous open, RFC 9293 §3.5),
which looks like a handshake with a server. Ports are therefore bound in lanes::

    target port in the first third of the range ──► leaves by a port of the second third
    target port in the second third             ──► leaves by a port of the last third
    any other target port                       ──► leaves by a port of the first third

Two of our sockets meet only if each targets the other's port. No pair of lanes does: whoever
leaves by the second third targets the first, whose sockets target neither the first nor the second;
whoever leaves by the last targets the second, whose sockets target the first; and whoever leaves
by the first targets the last or what is outside, from where the second third is targeted or nothing
leaves. As the lanes follow from the kernel's range alone, this holds across all processes of all
sweeps of the machine, without a word between them.
"""

from __future__ import annotations

import errno as codes
import socket
from collections import deque
from collections.abc import Sequence
from random import SystemRandom
from typing import Final

from portproof.model.endpoint import Address
from portproof.scan.family import family_of
from portproof.scan.limits import ephemeral_ports, reserved_ports

ANYWHERE: Final = 3
"""The lane towards other machines: no port of theirs is ours, so any will do."""

_LANES: Final = 3
_TRIES: Final = 64
"""Ports of others that are stepped over before none is said to be free."""
_USUAL: Final = range(32_768, 61_000)
"""Linux's own default, for a machine whose range is too narrow for lanes."""
_NARROWEST: Final = 192
_DISCARD: Final = 9


class LocalPorts:
    """One worker's share of the local ports, by lane."""

    def __init__(self, share: tuple[int, int] = (0, 1)) -> None:
        """Take the share `(worker, workers)`: no two workers have a port in common."""
        thirds = _thirds(ephemeral_ports())
        worker, workers = share
        reserved = reserved_ports()
        pools = [[port for port in third if port not in reserved] for third in thirds]
        # Half of the first third is for other machines, so that neither use can starve the other.
        pools = [pools[0][::2], pools[1], pools[2], pools[0][1::2]]
        self._pools = [_somewhere(pool[worker::workers]) for pool in pools]
        self.lane_of: bytes = _lanes(thirds)
        """By target port on an address of our own: the lane that its probe leaves by."""

    def bind(self, sock: socket.socket, address: str, lane: int) -> int:
        """Bind the socket to a free port of the lane, and give the port.

        `address` is one of ours, or empty for any. 0: none is free, and the socket, on its way to
        another machine, may do without.

        Raises:
            OSError: none is free (EADDRNOTAVAIL), or binding fails for another reason.
        """
        pool = self._pools[lane]
        for _ in range(min(_TRIES, len(pool))):
            port = pool.popleft()
            try:
                sock.bind((address, port))
            except OSError as refused:
                pool.append(port)
                if refused.errno not in (codes.EADDRINUSE, codes.EACCES):
                    raise
            else:
                return port
        if lane != ANYWHERE:
            # Without a port of its lane, the probe could meet another of ours.
            raise OSError(codes.EADDRNOTAVAIL, "every local port of the lane is in use")
        return 0

    def give_back(self, port: int, lane: int) -> None:
        """Take a port back whose socket is closed."""
        self._pools[lane].append(port)


def common_source(hosts: Sequence[Address]) -> str:
    """Give the address of ours that a socket may be bound to for all hosts; empty for any.

    One host is reached from one address, and bound to it, each connect is cheaper still. A
    link-local address would need its interface, too, and goes without.
    """
    if len(hosts) != 1 or hosts[0].is_link_local:
        return ""
    return source_towards(hosts[0])


def source_towards(address: Address) -> str:
    """Give the address of ours that the kernel would send from; empty when there is none.

    Connecting a datagram socket chooses it by the same rules as a probe, and sends nothing.
    """
    try:
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as trial:
            trial.connect((str(address), _DISCARD))
            source = trial.getsockname()
    except OSError:
        return ""
    return str(source[0])


def _thirds(ports: range) -> tuple[range, range, range]:
    """Cut the range in three; the cuts are the same for every worker of every sweep."""
    span = ports if len(ports) >= _NARROWEST else _USUAL
    third = len(span) // _LANES
    return span[:third], span[third : 2 * third], span[2 * third :]


def _lanes(thirds: tuple[range, range, range]) -> bytes:
    lanes = bytearray(1 << 16)
    for port in thirds[0]:
        lanes[port] = 1
    for port in thirds[1]:
        lanes[port] = 2
    return bytes(lanes)


def _somewhere(ports: Sequence[int]) -> deque[int]:
    """Begin anywhere: a sweep repeated at once would else send from the same port to the same peer.

    A peer, or a firewall on the way, may still hold the connection of the last time.
    """
    pool = deque(ports)
    pool.rotate(SystemRandom().randrange(len(pool) or 1))
    return pool
