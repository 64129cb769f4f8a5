"""The socket error queue of Linux: which ICMP error a connection met, and who sent it (ip(7)).

IP_RECVERR and IPV6_RECVERR ask for it; MSG_ERRQUEUE reads it. Each record is a
`sock_extended_err` followed by the address of the node that sent the ICMP error.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from portproof.model.endpoint import Address
from portproof.scan.classify import IcmpError
from portproof.scan.routing import is_own

# linux/in.h and linux/in6.h; Python names neither before 3.14.
IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25

# linux/errqueue.h: ee_errno, ee_origin, ee_type, ee_code, ee_pad, ee_info, ee_data.
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")
_ORIGIN_ICMP: Final = 2
_ORIGIN_ICMP6: Final = 3
_SOCKADDR_V4: Final = struct.Struct("=H2x4s")  # family, port, address
_SOCKADDR_V6: Final = struct.Struct("=H2x4x16s")  # family, port, flow label, address
_ANCILLARY_SIZE: Final = 256
_ICMP_PAYLOAD: Final = 64

_SO_MEMINFO: Final = 55  # asm-generic/socket.h
_EMPTY: Final = bytes(4)


def enable(sock: socket.socket) -> bool:
    """Ask the kernel to queue ICMP errors for the socket; False where it knows no such queue."""
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    except OSError:
        return False
    return True


def may_hold_error(sock: socket.socket) -> bool:
    """Whether a connecting socket has something queued; the quick question before `read_error`.

    Queued errors are charged to the receive memory (SK_MEMINFO_RMEM_ALLOC), which is otherwise 0
    until data arrives. Reading an empty queue costs an exception, several times as much as this,
    and a sweep asks it once for each closed port.
    """
    return sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, len(_EMPTY)) != _EMPTY


def read_error(sock: socket.socket) -> IcmpError | None:
    """Take the oldest ICMP error from the socket's queue; None when there is none.

    Records of other origins (a local errno) are taken and passed over: the call that failed has
    said the same.
    """
    return next((error for *_, error in _queued(sock)), None)


def take_errors(sock: socket.socket) -> dict[tuple[bytes, int], IcmpError]:
    """Take all that is queued: by packed address and port of the peer that each is about.

    Of several about one peer, the oldest is given.
    """
    taken: dict[tuple[bytes, int], IcmpError] = {}
    for address, port, error in _queued(sock):
        taken.setdefault((address.packed if address else b"", port), error)
    return taken


def _queued(sock: socket.socket) -> Iterator[tuple[Address | None, int, IcmpError]]:
    """Take the ICMP errors from the queue, the oldest first, each with whom it is about."""
    while True:
        try:
            _, ancillary, _, asked = sock.recvmsg(
                _ICMP_PAYLOAD, _ANCILLARY_SIZE, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
            )
        except OSError:
            # EAGAIN: empty. Anything else: there is no queue to read.
            return
        address = _address_of(asked)
        for level, kind, body in ancillary:
            if (level, kind) in (
                (socket.IPPROTO_IP, IP_RECVERR),
                (socket.IPPROTO_IPV6, IPV6_RECVERR),
            ) and (error := read_record(body, address)):
                yield address, asked[1] if asked else 0, error


def read_record(body: bytes, asked: Address | None) -> IcmpError | None:
    """Read one `sock_extended_err`; None when it is of another origin than ICMP.

    `asked` is where the failed packet had been sent, None when the kernel does not say.
    """
    if len(body) < _EXTENDED_ERROR.size:
        return None
    errno, origin, icmp_type, code, _, _, _ = _EXTENDED_ERROR.unpack_from(body)
    if origin not in (_ORIGIN_ICMP, _ORIGIN_ICMP6):
        return None
    offender = _offender(body[_EXTENDED_ERROR.size :])
    # What the asked address says itself is the peer's word, whoever that is: most errors are.
    local = (
        offender is not None
        and offender != asked
        and is_own(offender)
        # A packet to this machine: its ICMP error is the peer's word, too.
        and not (asked is not None and is_own(asked))
    )
    version = 4 if origin == _ORIGIN_ICMP else 6
    return IcmpError(version, icmp_type, code, offender, local, errno)


def _offender(sockaddr: bytes) -> Address | None:
    if len(sockaddr) >= _SOCKADDR_V4.size:
        family, address = _SOCKADDR_V4.unpack_from(sockaddr)
        if family == socket.AF_INET:
            return IPv4Address(address)
        if family == socket.AF_INET6 and len(sockaddr) >= _SOCKADDR_V6.size:
            return IPv6Address(_SOCKADDR_V6.unpack_from(sockaddr)[1])
    return None


def _address_of(asked: tuple[str, int] | None) -> Address | None:
    if not asked:
        return None
    host = asked[0].partition("%")[0]
    return IPv6Address(host) if ":" in host else IPv4Address(host)
