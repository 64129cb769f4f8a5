from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from portproof.model.endpoint import Endpoint
from portproof.model.observation import Identification
from portproof.model.scan import Timing
from portproof.scan.identify import (
    MOST_VISITS,
    Identified,
    IdentifyRequest,
    certificate_record,
    identify,
)
from servers.certificates import self_made
from servers.process import endpoint, free_port
from servers.scripted import says, serving

QUICK = Timing(dialogue_timeout_ms=300)


def ask(*endpoints: Endpoint, silent: bool = False, per_host: int = 16) -> list[Identified]:
    """Identify these endpoints; results in the order asked."""
    found: dict[Endpoint, Identified] = {}
    identify(
        [IdentifyRequest(each, silent=silent) for each in endpoints],
        timing=QUICK,
        max_connections=16,
        per_host=per_host,
        stop=lambda: False,
        on_result=lambda result: found.update({result.endpoint: result}),
    )
    return [found[each] for each in endpoints]


def name_of(result: Identified) -> str | None:
    return result.service.name if result.service else None


def answers_to(*pairs: tuple[bytes, bytes]) -> Callable[[socket.socket], None]:
    """A server that waits to be asked: for a request that begins so, that answer."""

    def script(connection: socket.socket) -> None:
        while asked := connection.recv(4_096):
            for beginning, answer in pairs:
                if asked.startswith(beginning):
                    connection.sendall(answer)
                    break
            else:
                return

    return script


def test_a_server_that_greets_is_recognised_on_one_connection() -> None:
    with says(b"SSH-2.0-x\r\n") as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "ssh"
    assert peer.visits == 1


def test_mysql_gets_one_visit() -> None:
    error = b"\xff\x6a\x04Host is not allowed"
    with says(len(error).to_bytes(3, "little") + b"\0" + error) as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "mysql"
    assert peer.visits == 1


def test_ftp_is_found_after_smtp_had_to_speak_on_its_own_connection() -> None:
    def ftp_without_a_name(connection: socket.socket) -> None:
        connection.sendall(b"220 welcome\r\n")
        answers_to((b"FEAT", b"211-x\r\n211 End\r\n"), (b"EHLO", b"500 ?\r\n"))(connection)

    with serving(ftp_without_a_name) as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "ftp"
    assert peer.visits == 2


def test_http_is_asked_on_the_connection_that_was_listened_to() -> None:
    with serving(answers_to((b"GET /", b"HTTP/1.1 200 OK\r\n\r\n"))) as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "http"
    assert peer.visits == 1


def test_redis_is_found_when_http_and_tls_were_not() -> None:
    with serving(answers_to((b"*1\r\n$4\r\nPING", b"-NOAUTH no\r\n"))) as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "redis"
    assert peer.visits == 3


def test_a_tls_server_that_says_400_in_clear_text_is_https(tmp_path: Path) -> None:
    pair = self_made(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    def both(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) != b"\x16":
            connection.recv(4_096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        with context.wrap_socket(connection, server_side=True) as inside:
            inside.recv(4_096)
            inside.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with serving(both) as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "https"
    assert found.raw is not None
    assert bytes.fromhex(str(found.raw["certificate_der_hex"])).startswith(b"\x30\x82")


def test_a_true_400_stays_http() -> None:
    with serving(answers_to((b"GET /", b"HTTP/1.1 400 Bad Request\r\n\r\n"))) as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "http"


def test_a_greeting_nobody_knows_is_kept_but_no_service_is_claimed_and_nothing_asked() -> None:
    with says(b"\xff\xfd\x18\xff\xfd\x20login: ") as peer:
        (found,) = ask(peer.endpoint)
    assert found.service is None
    assert found.raw is not None
    assert bytes.fromhex(str(found.raw["received_hex"])).endswith(b"login: ")
    assert found.raw["sent_bytes"] == 0
    assert peer.visits == 1


def test_a_port_that_never_answers_has_no_service_and_a_bounded_number_of_visits() -> None:
    with says() as peer:
        (found,) = ask(peer.endpoint)
    assert found.service is None
    assert found.connected
    assert peer.visits <= MOST_VISITS


def test_a_port_gets_one_connection_after_the_other() -> None:
    with says() as peer:
        ask(peer.endpoint)
    # Each visit to a silent port lasts a turn's time-out of 0.3 s; the next begins after it.
    assert len(peer.at) > 1
    assert all(after - before > 0.15 for before, after in pairwise(peer.at))


def test_a_silent_port_is_not_even_connected_to() -> None:
    with says(b"SSH-2.0-x\r\n") as peer:
        (found,) = ask(peer.endpoint, silent=True)
    assert (found.service, found.raw, found.connected) == (None, None, False)
    assert peer.visits == 0


def test_a_port_that_closed_meanwhile_is_said_to_have_refused() -> None:
    (found,) = ask(endpoint(free_port()))
    assert (found.service, found.connected) == (None, False)
    assert found.raw is not None
    assert found.raw["failure"] == "Connection refused"


def test_secrets_in_a_conversation_are_masked_and_counted() -> None:
    reply = b"HTTP/1.1 302 x\r\nSet-Cookie: s=hunter2\r\nLocation: /?token=hunter2\r\n\r\n"
    with serving(answers_to((b"GET /", reply))) as peer:
        (found,) = ask(peer.endpoint)
    assert found.raw is not None
    assert found.service is not None
    assert b"hunter2" not in bytes.fromhex(str(found.raw["received_hex"]))
    assert found.raw["masked"] == 2
    assert found.service.attributes["location"] == "/?token=*******"
    assert found.masked == 3


def test_the_record_keeps_at_most_4_kib_and_says_how_much_there_was() -> None:
    with says(b"x" * 20_000) as peer:
        (found,) = ask(peer.endpoint)
    assert found.raw is not None
    assert len(str(found.raw["received_hex"])) == 2 * 4_096
    assert int(found.raw["received_bytes"]) > 4_096


def test_records_hold_texts_and_whole_numbers_only() -> None:
    with says(b"SSH-2.0-x\r\n") as peer:
        (found,) = ask(peer.endpoint)
    assert found.raw is not None
    assert {type(value) for value in found.raw.values()} <= {str, int}


def test_one_host_gets_no_more_connections_at_once_than_it_may() -> None:
    def slow(connection: socket.socket) -> None:
        time.sleep(0.05)
        connection.sendall(b"SSH-2.0-x\r\n")

    with ExitStack() as stack:
        peers = [stack.enter_context(serving(slow)) for _ in range(6)]
        found = ask(*(peer.endpoint for peer in peers), per_host=2)
        begun = sorted(peer.at[0] for peer in peers)
    assert [name_of(each) for each in found] == ["ssh"] * 6
    # The third can begin only when one of the first two has ended.
    assert begun[2] - begun[0] >= 0.05


def test_stopping_ends_soon_and_leaves_the_rest_without_result() -> None:
    results: list[Identified] = []
    with ExitStack() as stack:
        peers = [stack.enter_context(says()) for _ in range(4)]
        begun = time.monotonic()
        identify(
            [IdentifyRequest(peer.endpoint) for peer in peers],
            timing=Timing(dialogue_timeout_ms=20_000),
            max_connections=2,
            per_host=2,
            stop=lambda: time.monotonic() > begun + 0.2,
            on_result=results.append,
        )
    assert results == []
    assert time.monotonic() - begun < 10


def test_what_the_listener_raises_reaches_the_caller_as_it_is() -> None:
    class DiskFullError(Exception):
        pass

    def refuse(result: Identified) -> None:
        raise DiskFullError

    with says(b"SSH-2.0-x\r\n") as peer, pytest.raises(DiskFullError):
        identify(
            [IdentifyRequest(peer.endpoint)],
            timing=QUICK,
            max_connections=1,
            per_host=1,
            stop=lambda: False,
            on_result=refuse,
        )


def endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220-" + b"x" * 60_000)


def drip(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"2")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "script",
    [
        endless,
        drip,
        lambda connection: None,
        lambda connection: connection.sendall(b"x" * 1_000_000),
        lambda connection: connection.sendall(b"220-a\r\n" * 100_000),
        lambda connection: connection.sendall(bytes(range(256)) * 100),
    ],
    ids=["endless", "one byte at a time", "closes", "a megabyte", "endless lines", "binary"],
)
def test_a_hostile_peer_is_left_within_the_caps(script: Callable[[socket.socket], None]) -> None:
    begun = time.monotonic()
    with serving(script) as peer:
        (found,) = ask(peer.endpoint)
    assert found.service is None or found.service.identified_by is Identification.BANNER
    # Each visit may take four turn time-outs at the very most.
    assert time.monotonic() - begun < 2 * MOST_VISITS * 4 * 0.3
    assert found.raw is None or int(found.raw["received_bytes"]) <= 65_536


def test_a_certificate_whose_texts_hold_a_card_number_is_not_kept() -> None:
    assert "certificate_der_hex" not in certificate_record(made_for("4111111111111111"))
    assert "certificate_der_hex" in certificate_record(made_for("www.example.com"))


def made_for(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), 1, now, now + timedelta(1)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
