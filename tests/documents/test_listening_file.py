"""Listening sockets as hosts tell them: real ss, osquery's rows, and what is neither."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import factories as make
from portproof.documents.listening_file import read_listening
from portproof.errors import DocumentError
from portproof.model.endpoint import Transport
from portproof.model.reconcile import Listener, Listening

LOCAL = make.endpoint("127.0.0.1:1/tcp").address
LOCAL_6 = make.endpoint("[::1]:1/tcp").address
ELSEWHERE = make.endpoint("10.0.0.5:1/tcp").address
ELSEWHERE_6 = make.endpoint("[2001:db8::5]:1/tcp").address


def read(folder: Path, text: str) -> Listening:
    path = folder / "sockets"
    path.write_text(text, encoding="utf-8")
    return read_listening(path)


def faults(folder: Path, text: str) -> str:
    with pytest.raises(DocumentError) as refused:
        read(folder, text)
    return str(refused.value)


@pytest.fixture
def sockets() -> Iterator[dict[str, int]]:
    """Open one socket of each kind that ss writes in another way; gives their ports."""
    with ExitStack() as stack:

        def opened(family: int, kind: int, host: str, *, only_6: bool = False) -> int:
            held = stack.enter_context(socket.socket(family, kind))
            if family == socket.AF_INET6:
                held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only_6))
            held.bind((host, 0))
            if kind == socket.SOCK_STREAM:
                held.listen()
            return int(held.getsockname()[1])

        tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
        yield {
            "one address": opened(socket.AF_INET, tcp, "127.0.0.1"),
            "all of IPv4": opened(socket.AF_INET, tcp, "0.0.0.0"),
            "dual-stack": opened(socket.AF_INET6, tcp, "::"),
            "all of IPv6": opened(socket.AF_INET6, tcp, "::", only_6=True),
            "one of IPv6": opened(socket.AF_INET6, tcp, "::1"),
            "udp": opened(socket.AF_INET, udp, "0.0.0.0"),
        }


def test_every_kind_of_socket_of_a_real_ss_is_read(tmp_path: Path, sockets: dict[str, int]) -> None:
    told = subprocess.run(["ss", "-tulpnH"], capture_output=True, text=True, check=True).stdout
    held = {each.port: each for each in read(tmp_path, told).listeners}

    def served(name: str) -> list[bool]:
        places = (LOCAL, ELSEWHERE, LOCAL_6, ELSEWHERE_6)
        return [held[sockets[name]].serves(each) for each in places]

    assert served("one address") == [True, False, False, False]
    assert served("all of IPv4") == [True, True, False, False]
    assert served("dual-stack") == [True, True, True, True]
    assert served("all of IPv6") == [False, False, True, True]
    assert served("one of IPv6") == [False, False, True, False]
    assert held[sockets["udp"]].transport is Transport.UDP
    assert all("python" in held[each].process for each in sockets.values())


def test_a_header_an_interface_and_a_missing_program_are_read(tmp_path: Path) -> None:
    text = (
        "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
        "udp   UNCONN 0      0      10.0.0.5%eth0:68   0.0.0.0:*\n"
    )
    (held,) = read(tmp_path, text).listeners
    assert (held.address, held.port, held.process) == (ELSEWHERE, 68, "")


def test_an_ipv4_address_in_the_form_of_ipv6_is_ipv4(tmp_path: Path) -> None:
    (held,) = read(tmp_path, "tcp LISTEN 0 5 [::ffff:10.0.0.5]:22 *:*\n").listeners
    assert held.serves(ELSEWHERE)


def test_sockets_of_other_kinds_are_named_and_not_read(tmp_path: Path) -> None:
    held = read(tmp_path, "sctp LISTEN 0 5 0.0.0.0:99 0.0.0.0:*\n")
    assert not held.listeners
    assert held.not_understood == (f"{tmp_path}/sockets:1: sctp LISTEN 0 5 0.0.0.0:99 0.0.0.0:*",)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "sockets:1:1: lists no socket"),
        ("LISTEN 0 5 0.0.0.0:22 0.0.0.0:*\n", "sockets:1:1: 'LISTEN 0 5 0.0.0.0:22 0.0.0.0:*' has no Netid column"),
        ("tcp LISTEN 0 5 0.0.0.0:ssh 0.0.0.0:*\n", "sockets:1:16: '0.0.0.0:ssh' ends in no port"),
        ("tcp LISTEN 0 5 host:22 0.0.0.0:*\n", "'host:22' begins with no address"),
        ("tcp ESTAB 0 0 10.0.0.5:22 10.9.0.1:5000\n", "sockets:1:15: '10.0.0.5:22' is in state 'ESTAB', not listening"),
        ("tcp LISTEN 0 5 10.0.0.5:65536 0.0.0.0:*\n", "ends in no port"),
        ("tcp LISTEN\n", "a column is missing"),
        ("hello\n", "is no line of `ss -tulpnH`"),
        ("[", "is no JSON"),
        ("{}", "is no list of rows"),
        ("[1]", "is no list of rows"),
        ('[{"family": 2, "protocol": 6, "port": "x", "address": "::"}]', "row 1: 'x' is no port"),
        ('[{"family": 2, "protocol": 6, "port": 1, "address": "?"}]', "row 1: '?' does not appear"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_sockets_is_one_clear_error(
    tmp_path: Path, text: str, fault: str
) -> None:
    assert fault in faults(tmp_path, text)


def test_rows_of_osquery_are_read_and_its_ipv6_wildcard_may_serve_ipv4(tmp_path: Path) -> None:
    rows = [
        {"family": "2", "protocol": "6", "port": "22", "address": "0.0.0.0", "name": "sshd"},
        {"family": "10", "protocol": "17", "port": "53", "address": "::", "pid": "7"},
        {"family": "1", "protocol": "0", "port": "0", "address": "", "path": "/run/x"},
        {"family": "2", "protocol": "132", "port": "9", "address": "0.0.0.0"},
    ]
    held = read(tmp_path, json.dumps(rows))
    ssh, dns = held.listeners
    assert ssh == Listener(
        transport=Transport.TCP, port=22, address=None, versions=(4,), process="sshd"
    )
    assert (dns.serves(ELSEWHERE), dns.may_serve(ELSEWHERE)) == (False, True)
    assert held.not_understood == (f"{tmp_path}/sockets: row 4: protocol '132'",)


@given(st.text() | st.text(alphabet='tcpudp LISTEN0123456789.:*[]%{}"\n'))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_text_is_more_than_an_error(tmp_path: Path, text: str) -> None:
    with suppress(DocumentError):
        read(tmp_path, text)
