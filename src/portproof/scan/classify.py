"""What an errno and an ICMP error mean: a state of the peer, or a fault of our own.

The table is the architecture's. Two lines of it are easily drawn wrongly:

* ECONNREFUSED is a reset *or* ICMP port-unreachable. Only the socket's error queue tells
  (`scan.errqueue`), so it is asked first and what it said is passed in here.
* "Host unreachable" is a router's word about the peer, or our own kernel's about a neighbour that
  did not answer ARP or ND. The address the ICMP error came from tells; the second is Unmeasured.
"""

from __future__ import annotations

import errno as codes
from dataclasses import dataclass
from typing import Final, TypeAlias

from portproof.model.endpoint import Address
from portproof.model.observation import LocalFault, PortState, Reason

Verdict: TypeAlias = tuple[PortState, Reason] | LocalFault

_UNREACHABLE_V4: Final = 3  # RFC 792: destination unreachable
_UNREACHABLE_V6: Final = 1  # RFC 4443 §3.1
_PARAMETER_PROBLEM_V6: Final = 4  # RFC 4443 §3.4
_IPV6: Final = 6

_REASONS: Final[dict[tuple[int, int, int], Reason]] = {
    (4, _UNREACHABLE_V4, 0): Reason.NET_UNREACH,
    (4, _UNREACHABLE_V4, 1): Reason.HOST_UNREACH,
    (4, _UNREACHABLE_V4, 2): Reason.PROTO_UNREACH,
    (4, _UNREACHABLE_V4, 3): Reason.PORT_UNREACH,
    (4, _UNREACHABLE_V4, 9): Reason.NET_PROHIBITED,
    (4, _UNREACHABLE_V4, 10): Reason.HOST_PROHIBITED,
    (4, _UNREACHABLE_V4, 13): Reason.ADMIN_PROHIBITED,  # RFC 1812 §5.2.7.1
    (_IPV6, _UNREACHABLE_V6, 0): Reason.NET_UNREACH,
    (_IPV6, _UNREACHABLE_V6, 1): Reason.ADMIN_PROHIBITED,
    (_IPV6, _UNREACHABLE_V6, 3): Reason.HOST_UNREACH,
    (_IPV6, _UNREACHABLE_V6, 4): Reason.PORT_UNREACH,
    (_IPV6, _UNREACHABLE_V6, 5): Reason.ADMIN_PROHIBITED,
    (_IPV6, _UNREACHABLE_V6, 6): Reason.ADMIN_PROHIBITED,
    (_IPV6, _PARAMETER_PROBLEM_V6, 1): Reason.PROTO_UNREACH,
}

TRANSIENT_ERRNOS: Final = frozenset(
    {
        codes.EADDRNOTAVAIL,  # every ephemeral port towards this endpoint is taken
        codes.EMFILE,
        codes.ENFILE,
        codes.ENOBUFS,
        codes.ENOMEM,
        codes.EAGAIN,  # Linux: no free local port, or the routing cache is full
    }
)
"""Errors of the call itself that go away: waited out, and never a state of a port."""

_FAULTS: Final[dict[int, LocalFault]] = {
    codes.ENETUNREACH: LocalFault.NO_ROUTE,
    codes.EHOSTUNREACH: LocalFault.NO_ROUTE,
    codes.ENETDOWN: LocalFault.NO_ROUTE,
    codes.EAFNOSUPPORT: LocalFault.NO_ROUTE,  # IPv6 is switched off
    codes.EINVAL: LocalFault.NO_ROUTE,  # a route of type blackhole, or an address without a scope
    codes.EPERM: LocalFault.NO_PERMISSION,
    codes.EACCES: LocalFault.NO_PERMISSION,
}


@dataclass(frozen=True, slots=True)
class IcmpError:
    """One ICMP error as the kernel queued it.

    `version` is 4 or 6, `offender` who sent it (None when the kernel does not say), `local`
    whether it came from this machine about another one, `errno` what the kernel makes of it.
    """

    version: int
    icmp_type: int
    code: int
    offender: Address | None
    local: bool
    errno: int = 0

    @property
    def reason(self) -> Reason:
        """The reason that this error gives for a state."""
        return reason_of_icmp(self.version, self.icmp_type, self.code)

    def __str__(self) -> str:
        kind = "icmp" if self.version != _IPV6 else "icmpv6"
        source = "" if self.offender is None else f" from {self.offender}"
        return f"{kind} {self.icmp_type}/{self.code}{source}"


def reason_of_icmp(version: int, icmp_type: int, code: int) -> Reason:
    """Name an ICMP error (`version` 4 or 6); OTHER_UNREACH for what has no word of its own."""
    return _REASONS.get((version, icmp_type, code), Reason.OTHER_UNREACH)


def tcp_outcome(errno: int, icmp: IcmpError | None, *, queue_asked: bool = True) -> Verdict:
    """Classify how a TCP connect ended.

    `errno` is 0 for a handshake and ETIMEDOUT for silence. `icmp` is what the error queue held,
    None when it was empty. `queue_asked` is False where the system has no such queue: a refusal
    is then CONN_REFUSED, because it cannot be told whether a reset came.
    """
    # Linux says ECONNREFUSED for a reset of the SYN, ECONNRESET only after a complete handshake.
    if errno in (0, codes.ECONNRESET):
        return (PortState.OPEN, Reason.HANDSHAKE)
    if icmp is not None:
        return _fault_of_own_icmp(icmp) if icmp.local else (PortState.FILTERED, icmp.reason)
    if errno == codes.ECONNREFUSED:
        return (PortState.CLOSED, Reason.RESET if queue_asked else Reason.CONN_REFUSED)
    if errno == codes.ETIMEDOUT:
        return (PortState.FILTERED, Reason.NO_RESPONSE)
    return fault_of_errno(errno)


def udp_outcome(errno: int, icmp: IcmpError | None) -> Verdict:
    """Classify a UDP probe that got no valid answer.

    `errno` is 0 (or ETIMEDOUT) for silence. A refusal is ICMP port-unreachable: no other message
    makes one on a UDP socket.
    """
    if icmp is not None:
        if icmp.local:
            return _fault_of_own_icmp(icmp)
        closed = icmp.reason is Reason.PORT_UNREACH
        return (PortState.CLOSED if closed else PortState.FILTERED, icmp.reason)
    if errno == codes.ECONNREFUSED:
        return (PortState.CLOSED, Reason.PORT_UNREACH)
    if errno in (0, codes.ETIMEDOUT):
        return (PortState.OPEN_FILTERED, Reason.NO_RESPONSE)
    return fault_of_errno(errno)


def fault_of_errno(errno: int) -> LocalFault:
    """Name the local fault behind an errno that came from the call itself.

    What is not in the table is NO_SOCKETS: the socket layer failed us, nothing is known of the peer.
    """
    return _FAULTS.get(errno, LocalFault.NO_SOCKETS)


def _fault_of_own_icmp(icmp: IcmpError) -> LocalFault:
    """Name what our own kernel's ICMP error means: only HOST_UNREACH is a missing neighbour."""
    if icmp.reason is Reason.HOST_UNREACH:
        return LocalFault.NO_NEIGHBOUR
    if icmp.reason is Reason.NET_UNREACH:
        return LocalFault.NO_ROUTE
    return LocalFault.NO_PERMISSION  # a reject rule in our own output chain
