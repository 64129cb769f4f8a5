"""What an errno and an ICMP error mean: the architecture's table, line by line."""

from __future__ import annotations

import errno
from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeAlias

import pytest

from portproof.model.observation import LocalFault, PortState, Reason
from portproof.scan.classify import (
    TRANSIENT_ERRNOS,
    IcmpError,
    Verdict,
    reason_of_icmp,
    tcp_outcome,
    udp_outcome,
)

Outcome: TypeAlias = Callable[[int, IcmpError | None], Verdict]

ROUTER = ip_address("192.0.2.1")


def icmp(icmp_type: int, code: int, *, version: int = 4, local: bool = False) -> IcmpError:
    return IcmpError(version, icmp_type, code, ROUTER, local)


@pytest.mark.parametrize(
    ("version", "icmp_type", "code", "reason"),
    [
        (4, 3, 0, Reason.NET_UNREACH),
        (4, 3, 1, Reason.HOST_UNREACH),
        (4, 3, 2, Reason.PROTO_UNREACH),
        (4, 3, 3, Reason.PORT_UNREACH),
        (4, 3, 9, Reason.NET_PROHIBITED),
        (4, 3, 10, Reason.HOST_PROHIBITED),
        (4, 3, 13, Reason.ADMIN_PROHIBITED),
        (4, 3, 5, Reason.OTHER_UNREACH),
        (4, 11, 0, Reason.OTHER_UNREACH),
        (6, 1, 0, Reason.NET_UNREACH),
        (6, 1, 1, Reason.ADMIN_PROHIBITED),
        (6, 1, 3, Reason.HOST_UNREACH),
        (6, 1, 4, Reason.PORT_UNREACH),
        (6, 1, 5, Reason.ADMIN_PROHIBITED),
        (6, 1, 6, Reason.ADMIN_PROHIBITED),
        (6, 4, 1, Reason.PROTO_UNREACH),
        (6, 3, 0, Reason.OTHER_UNREACH),
    ],
)
def test_each_icmp_error_has_its_reason(
    version: int, icmp_type: int, code: int, reason: Reason
) -> None:
    assert reason_of_icmp(version, icmp_type, code) is reason


def test_a_handshake_is_open() -> None:
    assert tcp_outcome(0, None) == (PortState.OPEN, Reason.HANDSHAKE)


def test_a_connection_reset_after_its_handshake_was_open() -> None:
    assert tcp_outcome(errno.ECONNRESET, None) == (PortState.OPEN, Reason.HANDSHAKE)


def test_a_refusal_is_a_reset_only_where_the_queue_was_asked() -> None:
    assert tcp_outcome(errno.ECONNREFUSED, None) == (PortState.CLOSED, Reason.RESET)
    unasked = tcp_outcome(errno.ECONNREFUSED, None, queue_asked=False)
    assert unasked == (PortState.CLOSED, Reason.CONN_REFUSED)


def test_a_refusal_by_icmp_is_filtered_for_tcp_and_closed_for_udp() -> None:
    refused = icmp(3, 3)
    tcp = tcp_outcome(errno.ECONNREFUSED, refused)
    assert tcp == (PortState.FILTERED, Reason.PORT_UNREACH)
    udp = udp_outcome(errno.ECONNREFUSED, refused)
    assert udp == (PortState.CLOSED, Reason.PORT_UNREACH)


def test_a_router_that_prohibits_filters_both() -> None:
    prohibited = icmp(3, 13)
    expected = (PortState.FILTERED, Reason.ADMIN_PROHIBITED)
    assert tcp_outcome(errno.EHOSTUNREACH, prohibited) == expected
    assert udp_outcome(errno.EHOSTUNREACH, prohibited) == expected


def test_silence_is_filtered_for_tcp_and_undecided_for_udp() -> None:
    assert tcp_outcome(errno.ETIMEDOUT, None) == (PortState.FILTERED, Reason.NO_RESPONSE)
    assert udp_outcome(0, None) == (PortState.OPEN_FILTERED, Reason.NO_RESPONSE)


@pytest.mark.parametrize("outcome", [tcp_outcome, udp_outcome])
@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (errno.ENETUNREACH, LocalFault.NO_ROUTE),
        (errno.EHOSTUNREACH, LocalFault.NO_ROUTE),
        (errno.EAFNOSUPPORT, LocalFault.NO_ROUTE),
        (errno.EPERM, LocalFault.NO_PERMISSION),
        (errno.EACCES, LocalFault.NO_PERMISSION),
        *((each, LocalFault.NO_SOCKETS) for each in sorted(TRANSIENT_ERRNOS)),
        (errno.EPROTO, LocalFault.NO_SOCKETS),
    ],
)
def test_an_error_of_the_call_itself_is_never_a_port_state(
    outcome: Outcome, code: int, fault: LocalFault
) -> None:
    assert outcome(code, None) is fault


@pytest.mark.parametrize("outcome", [tcp_outcome, udp_outcome])
def test_what_our_own_kernel_says_of_another_machine_is_our_fault(outcome: Outcome) -> None:
    assert outcome(errno.EHOSTUNREACH, icmp(3, 1, local=True)) is LocalFault.NO_NEIGHBOUR
    assert outcome(errno.EHOSTUNREACH, icmp(1, 3, version=6, local=True)) is LocalFault.NO_NEIGHBOUR
    assert outcome(errno.ENETUNREACH, icmp(3, 0, local=True)) is LocalFault.NO_ROUTE
    assert outcome(errno.ECONNREFUSED, icmp(3, 3, local=True)) is LocalFault.NO_PERMISSION


def test_an_icmp_error_prints_as_people_write_it() -> None:
    assert str(icmp(3, 13)) == "icmp 3/13 from 192.0.2.1"
    assert str(IcmpError(6, 1, 4, None, local=False)) == "icmpv6 1/4"
