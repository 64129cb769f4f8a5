from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from conversing import collect, converse
from portproof.model.endpoint import Endpoint
from portproof.model.probe import StartTls, Turn
from portproof.probes.certificate import certificate_of
from servers.certificates import HOST_NAME, KeyPair, self_made
from servers.scripted import says, serving

TIMEOUT_S = 1.0


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return self_made(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def der(pair: KeyPair) -> bytes:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).public_bytes(Encoding.DER)


def tls_server(
    pair: KeyPair, talk: Callable[[ssl.SSLSocket], None]
) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    def script(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            talk(inside)

    return script


def talk_to(where: Endpoint, *steps: Turn | StartTls) -> list[Any]:
    found: Any = converse(where, collect(*steps), timeout_s=TIMEOUT_S).service
    return list(found)


def test_a_handshake_shows_version_cipher_and_certificate(pair: KeyPair, der: bytes) -> None:
    with serving(tls_server(pair, lambda inside: None)) as peer:
        (facts,) = talk_to(peer.endpoint, StartTls(HOST_NAME))
    assert facts.version == "TLSv1.3"
    assert facts.cipher.startswith("TLS_")
    assert facts.server_name == HOST_NAME
    assert facts.certificate.sha256 == hashlib.sha256(der).hexdigest()


def test_later_turns_run_inside_tls(pair: KeyPair) -> None:
    def shout(inside: ssl.SSLSocket) -> None:
        inside.sendall(inside.recv(100).upper())

    with serving(tls_server(pair, shout)) as peer:
        _, reply = talk_to(peer.endpoint, StartTls(), Turn(b"quiet\n", until=b"\n"))
    assert reply == b"QUIET\n"


def test_clear_text_from_before_tls_is_not_read_inside_it(pair: KeyPair) -> None:
    def greet_then_tls(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\nforged\r\n")
        tls_server(pair, lambda inside: inside.sendall(b"true\r\n"))(connection)

    with serving(greet_then_tls) as peer:
        line = Turn(until=b"\n")
        _, facts, inside = talk_to(peer.endpoint, line, StartTls(), line)
    assert facts is not None
    assert inside == b"true\r\n"


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x16\x03\x03\xff\xff" + b"x" * 70_000,
    ],
)
def test_a_peer_that_answers_a_handshake_with_something_else_has_no_tls(
    garbage: bytes,
) -> None:
    with says(garbage) as peer:
        assert talk_to(peer.endpoint, StartTls(), Turn()) == [None, b""]


def test_a_peer_that_is_silent_in_the_handshake_has_no_tls_in_time() -> None:
    with says() as peer:
        assert talk_to(peer.endpoint, StartTls()) == [None]


def test_garbage_after_the_handshake_is_the_end_of_what_was_said(pair: KeyPair) -> None:
    def break_off(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        inside = context.wrap_socket(connection, server_side=True)
        inside.sendall(b"good\n")
        raw = socket.socket(fileno=inside.detach())
        raw.sendall(b"\x17\x03\x03\x00\x05xxxxx")
        raw.close()

    with serving(break_off) as peer:
        _, first, second = talk_to(peer.endpoint, StartTls(), Turn(until=b"\n"), Turn())
    assert (first, second) == (b"good\n", b"")


def test_a_greeting_in_the_segment_that_ends_the_handshake_is_not_lost(pair: KeyPair) -> None:
    """In TLS 1.2 the server speaks last, and may greet in the same breath."""

    def in_one_breath(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(pair.certificate, pair.key)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inside = context.wrap_bio(incoming, outgoing, server_side=True)
        for _ in range(2):
            with suppress(ssl.SSLWantReadError):
                incoming.write(connection.recv(4_096))
                inside.do_handshake()
                inside.write(b"* OK ready\r\n")
            connection.sendall(outgoing.read())
        connection.recv(1)

    with serving(in_one_breath) as peer:
        facts, greeting = talk_to(peer.endpoint, StartTls(), Turn(until=b"\n"))
    assert facts.version == "TLSv1.2"
    assert greeting == b"* OK ready\r\n"


def test_a_certificate_is_read_into_the_vocabulary(pair: KeyPair, der: bytes) -> None:
    certificate = certificate_of(der)
    assert certificate is not None
    assert certificate.subject == certificate.issuer == f"CN={HOST_NAME}"
    assert certificate.names == (HOST_NAME, "127.0.0.1")
    assert certificate.not_after == pair.not_after
    assert certificate.key == "ec secp256r1"
    assert certificate.self_signed


def test_an_expired_certificate_is_evidence_as_well(tmp_path: Path) -> None:
    pair = self_made(tmp_path, valid_for=timedelta(days=-1))
    pem = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    certificate = certificate_of(pem.public_bytes(Encoding.DER))
    assert certificate is not None
    assert certificate.not_after < datetime.now(UTC)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_certificate_are_none(garbage: bytes) -> None:
    assert certificate_of(garbage) is None


@given(data=st.data())
def test_a_certificate_with_wrong_bytes_never_raises(der: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(der) - 1))
    wrong = data.draw(st.binary(min_size=1, max_size=4))
    certificate_of(der[:place] + wrong + der[place + len(wrong) :])
