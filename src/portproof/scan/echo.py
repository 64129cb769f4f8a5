"""ICMP echo to many hosts, through the kernel's unprivileged ping sockets.

A datagram socket of the protocol ICMP (Linux) needs no privilege: the kernel chooses the identifier,
computes the checksum and hands us our own replies alone. Whether it may be opened is a setting,
`net.ipv4.ping_group_range`; raw sockets stay in their own process (law 6), so where it is closed,
echo is not to be had and `unavailable` says why.

A reply counts when its payload is what we sent and it comes from the address that was asked.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from select import POLLIN, poll
from typing import Final

from portproof.contracts import StopSignal
from portproof.model.endpoint import Address
from portproof.scan.classify import TRANSIENT_ERRNOS
from portproof.scan.family import family_of
from portproof.scan.limiter import RateLimiter

# RFC 792: type 8, code 0; RFC 4443 §4.1: type 128, code 0. Checksum and identifier are the kernel's.
_HEADER: Final = struct.Struct("!BBHHH")
_REQUEST: Final = {4: 8, 6: 128}
_REPLY: Final = {4: 0, 6: 129}
_PROTOCOL: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_TOKEN_BYTES: Final = 16
_INDEX: Final = struct.Struct("!I")
_PAYLOAD: Final = _HEADER.size + _TOKEN_BYTES
_LONGEST: Final = 2048
_AT_ONCE: Final = 64
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoConditions:
    """How fast, how often and how long: packets per second in all, requests per host, seconds."""

    rate_pps: int
    requests: int
    timeout_s: float
    clock: Callable[[], float]
    stop: StopSignal
    """Asked some twenty times a second."""


def unavailable(version: int) -> str:
    """Say why no echo of that IP version can be sent; empty when it can."""
    try:
        _open(version).close()
    except OSError as refused:
        return (
            f"no ICMPv{version} echo: the system gives no ping socket ({refused.strerror}); "
            "net.ipv4.ping_group_range says which groups get one"
        )
    return ""


class EchoSweep:
    """Asks hosts for an echo; `run` it once."""

    def __init__(
        self, hosts: Sequence[Address], answered: Callable[[int], None], conditions: EchoConditions
    ) -> None:
        """Prepare to ask; `answered` hears the index of each host once, when its reply comes."""
        self._hosts = hosts
        self._answered = answered
        self._conditions = conditions
        self._token = secrets.token_bytes(_TOKEN_BYTES)
        self._limiter = RateLimiter(conditions.rate_pps)
        self._sockets: dict[int, socket.socket] = {}
        self._here = bytearray(len(hosts))
        self.sent = 0
        """Echo requests that left this machine."""

    def run(self, versions: Sequence[int]) -> bool:
        """Ask every host of those IP versions; False when the stop signal ended it early.

        Raises:
            OSError: the system gives no ping socket (ask `unavailable` first).
        """
        try:
            for version in versions:
                self._sockets[version] = _open(version)
            return all(self._round(number) for number in range(self._conditions.requests))
        finally:
            for sock in self._sockets.values():
                sock.close()

    def _round(self, number: int) -> bool:
        """Ask the hosts that have not answered yet once more, then wait for their replies."""
        clock = self._conditions.clock
        waiting = 0
        for index, host in enumerate(self._hosts):
            if self._here[index] or host.version not in self._sockets:
                continue
            if not self._grant():
                return False
            self._ask(index, host, number)
            waiting += 1
            if waiting % _AT_ONCE == 0:
                self._collect(0.0)
        deadline = clock() + self._conditions.timeout_s if waiting else clock()
        while clock() < deadline and self._missing():
            if self._conditions.stop():
                return False
            self._collect(min(_LOOK_S, max(0.0, deadline - clock())))
        return True

    def _grant(self) -> bool:
        """Wait until one more request may leave; False when the sweep is to stop."""
        while not self._limiter.take(now := self._conditions.clock(), 1):
            if self._conditions.stop():
                return False
            self._collect(min(_LOOK_S, self._limiter.wait_s(now)))
        return True

    def _missing(self) -> bool:
        return any(
            not here and host.version in self._sockets
            for here, host in zip(self._here, self._hosts, strict=True)
        )

    def _ask(self, index: int, host: Address, number: int) -> None:
        header = _HEADER.pack(_REQUEST[host.version], 0, 0, 0, number)
        packet = header + self._token + _INDEX.pack(index)
        try:
            self._sockets[host.version].sendto(packet, (str(host), 0))
        except OSError as refused:
            if refused.errno in TRANSIENT_ERRNOS:
                self._collect(_LOOK_S)
            return  # not asked: no reply will come, and none is claimed
        self.sent += 1

    def _collect(self, wait_s: float) -> None:
        poller = poll()
        by_descriptor = {sock.fileno(): sock for sock in self._sockets.values()}
        for descriptor in by_descriptor:
            poller.register(descriptor, POLLIN)
        for descriptor, _ in poller.poll(wait_s * 1000):
            self._read(by_descriptor[descriptor])

    def _read(self, sock: socket.socket) -> None:
        while True:
            try:
                packet, sender = sock.recvfrom(_LONGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about an earlier request: no reply, nothing to claim
            self._take(packet, sender[0])

    def _take(self, packet: bytes, sender: str) -> None:
        if len(packet) != _PAYLOAD + _INDEX.size or packet[_HEADER.size : _PAYLOAD] != self._token:
            return
        (index,) = _INDEX.unpack_from(packet, _PAYLOAD)
        if index >= len(self._hosts) or self._here[index]:
            return
        host = self._hosts[index]
        # A link-local sender carries its interface: fe80::1%3.
        if ip_address(sender.partition("%")[0]) == host and packet[0] == _REPLY[host.version]:
            self._here[index] = 1
            self._answered(index)


def _open(version: int) -> socket.socket:
    family = family_of(ip_address("0.0.0.0" if version == 4 else "::"))  # noqa: PLR2004, S104
    return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _PROTOCOL[version])
