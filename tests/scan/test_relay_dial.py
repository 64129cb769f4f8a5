from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from portproof.model.endpoint import Endpoint, Transport
from portproof.scan.relay_dial import Dial, Ended, SocksServer
from servers.scripted import Script, serving

V4 = Endpoint(ip_address("192.0.2.7"), Transport.TCP, 443)
V6 = Endpoint(ip_address("2001:db8::7"), Transport.TCP, 443)
NOWHERE = b"\x00\x01\x00\x00\x00\x00\x00\x00"
LONGEST_S = 20.0


def ended(dial: Dial) -> Ended:
    """Let a dial go on until it has ended."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        poller = select.poll()
        poller.register(dial.sock, select.POLLOUT if dial.sends else select.POLLIN)
        poller.poll(100)
        if (end := dial.go_on()) is not None:
            return end
    raise AssertionError("the dial never ended")


@contextmanager
def dialled(
    script: Script, target: Endpoint = V4, *, user: bytes = b"", password: bytes = b""
) -> Iterator[tuple[Dial, Ended]]:
    with serving(script) as peer:
        where = (str(peer.endpoint.address), peer.endpoint.port)
        dial = Dial(SocksServer(socket.AF_INET, where, user, password), target)
        try:
            yield dial, ended(dial)
        finally:
            dial.close()


def says(*words: bytes, heard: list[bytes] | None = None) -> Script:
    """A server that answers each thing it hears with the next of its words."""

    def script(connection: socket.socket) -> None:
        for each in words:
            said = connection.recv(1_000)
            if heard is not None:
                heard.append(said)
            connection.sendall(each)
        connection.recv(1_000)

    return script


def test_a_connection_is_asked_for_by_address() -> None:
    heard: list[bytes] = []
    with dialled(says(b"\x05\x00", b"\x05\x00" + NOWHERE, heard=heard)) as (_, end):
        assert end == Ended(opened=True, said="succeeded")
    assert heard == [b"\x05\x01\x00", b"\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb"]


def test_an_ipv6_address_goes_with_its_sixteen_bytes() -> None:
    heard: list[bytes] = []
    with dialled(says(b"\x05\x00", b"\x05\x00" + NOWHERE, heard=heard), V6) as (_, end):
        assert end.opened
    assert heard[1] == b"\x05\x01\x00\x04" + V6.address.packed + b"\x01\xbb"


@pytest.mark.parametrize(
    "bound",
    [
        NOWHERE,
        b"\x00\x04" + bytes(16) + b"\x00\x50",
        b"\x00\x03\x09localhost\x00\x50",
    ],
    ids=["ipv4", "ipv6", "name"],
)
def test_what_the_target_says_at_once_stays_in_the_socket(bound: bytes) -> None:
    with dialled(says(b"\x05\x00", b"\x05\x00" + bound + b"220 mail\r\n")) as (dial, end):
        assert end.opened
        assert dial.sock.recv(100) == b"220 mail\r\n"


def test_a_reply_torn_across_segments_is_still_one_reply() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(100)
        for byte in b"\x05\x00":
            connection.sendall(bytes([byte]))
            time.sleep(0.01)
        connection.recv(100)
        for byte in b"\x05\x00" + NOWHERE:
            connection.sendall(bytes([byte]))
            time.sleep(0.01)
        connection.recv(100)

    with dialled(script) as (_, end):
        assert end.opened


def test_a_user_logs_in_with_a_password() -> None:
    heard: list[bytes] = []
    words = (b"\x05\x02", b"\x01\x00", b"\x05\x00" + NOWHERE)
    with dialled(says(*words, heard=heard), user=b"audit", password=b"word") as (_, end):
        assert end.opened
    assert heard[:2] == [b"\x05\x02\x00\x02", b"\x01\x05audit\x04word"]


def test_a_wrong_password_is_no_word_on_the_target() -> None:
    with dialled(says(b"\x05\x02", b"\x01\x01"), user=b"audit", password=b"no") as (_, end):
        assert end == Ended(opened=False, said="it refused the user or password")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "general failure (1)"),
        (2, "not allowed by its ruleset (2)"),
        (3, "network unreachable (3)"),
        (4, "host unreachable (4)"),
        (5, "connection refused (5)"),
        (6, "TTL expired (6)"),
        (7, "command not supported (7)"),
        (8, "address type not supported (8)"),
        (200, "unknown reply (200)"),
    ],
)
def test_no_other_reply_opens_anything(code: int, said: str) -> None:
    with dialled(says(b"\x05\x00", bytes([5, code]) + NOWHERE)) as (_, end):
        assert end == Ended(opened=False, said=said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((b"\x04\x00",), "it does not speak SOCKS5"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "it does not speak SOCKS5"),
        ((b"\x05\xff",), "it takes none of our ways to log in"),
        ((b"\x05\x02",), "it takes none of our ways to log in (2)"),
        ((b"\x05\x00", b"\x04\x00" + NOWHERE), "it does not speak SOCKS5"),
        ((b"\x05\x00", b"\x05\x00\x00\x09" + bytes(20)), "an address of the unknown type 9"),
    ],
)
def test_a_server_that_talks_nonsense_tells_nothing(words: tuple[bytes, ...], said: str) -> None:
    with dialled(says(*words)) as (_, end):
        assert end == Ended(opened=False, said=said)


def test_a_server_that_hangs_up_tells_nothing() -> None:
    with dialled(lambda connection: connection.close()) as (_, end):
        assert not end.opened
        assert "no word" in end.said or "without a word" in end.said


def test_a_proxy_that_is_not_there_tells_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        where = gone.getsockname()
    dial = Dial(SocksServer(socket.AF_INET, where), V4)
    try:
        assert ended(dial) == Ended(opened=False, said="no word: Connection refused")
    finally:
        dial.close()
