"""The kernel's error queue, on real sockets of this machine."""

from __future__ import annotations

import select
import socket
from ipaddress import ip_address

import pytest

from portproof.scan.errqueue import enable, may_hold_error, read_error


def unused_udp_port(family: int, host: str) -> int:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(
    ("family", "host", "error"),
    [(socket.AF_INET, "127.0.0.1", (4, 3, 3)), (socket.AF_INET6, "::1", (6, 1, 4))],
)
def test_a_closed_udp_port_leaves_its_icmp_error_in_the_queue(
    family: int, host: str, error: tuple[int, int, int]
) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        assert enable(sock)
        sock.connect((host, unused_udp_port(family, host)))
        sock.send(b"?")
        waiter = select.poll()
        waiter.register(sock, 0)
        assert waiter.poll(5_000)
        assert may_hold_error(sock)
        queued = read_error(sock)
        assert queued is not None
        assert (queued.version, queued.icmp_type, queued.code) == error
        assert queued.offender == ip_address(host)
        # Sent to this machine, so this machine is the peer, and its word counts.
        assert not queued.local
        assert read_error(sock) is None


def test_a_reset_leaves_nothing_in_the_queue() -> None:
    with socket.socket() as closed, socket.socket() as sock:
        closed.bind(("127.0.0.1", 0))
        assert enable(sock)
        assert sock.connect_ex(closed.getsockname()) != 0
        assert not may_hold_error(sock)
        assert read_error(sock) is None


def test_a_socket_without_a_queue_is_told_so() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert not enable(one)
        assert read_error(one) is None
