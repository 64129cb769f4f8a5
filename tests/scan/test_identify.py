from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
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
from portproof.model.observation import Identification, Service
from portproof.model.scan import Timing
from portproof.scan.identify import Identified, IdentifyRequest, identify
from portproof.scan.inquiry import MOST_VISITS
from portproof.scan.transcript import certificate_record
from servers.certificates import self_made
from servers.process import endpoint, free_port
from servers.scripted import PEERS, says, serving

QUICK = Timing(dialogue_timeout_ms=300)
PATIENT = Timing(dialogue_timeout_ms=1_000)
UNHURRIED = Timing(dialogue_timeout_ms=1_500)
"""Where visits are counted: a server that a busy machine delays is not silent by that."""


def ask(
    *endpoints: Endpoint, silent: bool = False, per_host: int = 16, timing: Timing = QUICK
) -> list[Identified]:
    """Identify these endpoints; results in the order asked."""
    found: dict[Endpoint, Identified] = {}
    identify(
        [IdentifyRequest(each, silent=silent) for each in endpoints],
        timing=timing,
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
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert name_of(found) == "ssh"
    assert peer.visits == 1


def test_mysql_gets_one_visit() -> None:
    error = b"\xff\x6a\x04Host is not allowed"
    with says(len(error).to_bytes(3, "little") + b"\0" + error) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert name_of(found) == "mysql"
    assert peer.visits == 1


def test_ftp_is_found_after_smtp_had_to_speak_on_its_own_connection() -> None:
    def ftp_without_a_name(connection: socket.socket) -> None:
        connection.sendall(b"220 welcome\r\n")
        answers_to((b"FEAT", b"211-x\r\n211 End\r\n"), (b"EHLO", b"500 ?\r\n"))(connection)

    with serving(ftp_without_a_name) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert name_of(found) == "ftp"
    assert peer.visits == 2


def test_http_is_asked_on_the_connection_that_was_listened_to() -> None:
    with serving(answers_to((b"GET /", b"HTTP/1.1 200 OK\r\n\r\n"))) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert name_of(found) == "http"
    assert peer.visits == 1


def test_redis_is_found_when_http_and_tls_were_not() -> None:
    with serving(answers_to((b"*1\r\n$4\r\nPING", b"-NOAUTH no\r\n"))) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
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
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert name_of(found) == "https"
    assert found.raw is not None
    assert bytes.fromhex(str(found.raw["certificate_der_hex"])).startswith(b"\x30\x82")


def test_a_true_400_stays_http() -> None:
    with serving(answers_to((b"GET /", b"HTTP/1.1 400 Bad Request\r\n\r\n"))) as peer:
        (found,) = ask(peer.endpoint)
    assert name_of(found) == "http"


def test_a_greeting_nobody_knows_is_kept_but_no_service_is_claimed_and_nothing_asked() -> None:
    with says(b"\xff\xfd\x18\xff\xfd\x20login: ") as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
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


def test_a_port_that_answers_gets_one_connection_after_the_other() -> None:
    under_way = []

    def closes_soon(connection: socket.socket) -> None:
        under_way.append(1)
        most.append(len(under_way))
        connection.recv(4_096)
        under_way.pop()

    most: list[int] = []
    with serving(closes_soon) as peer:
        ask(peer.endpoint, timing=UNHURRIED)
    assert len(most) == 4
    assert max(most) == 1


def test_the_questions_to_a_silent_port_overlap_and_each_keeps_its_patience() -> None:
    lasted: list[float] = []

    def silent(connection: socket.socket) -> None:
        begun = time.monotonic()
        while connection.recv(4_096):
            pass
        lasted.append(time.monotonic() - begun)

    timeout_s = PATIENT.dialogue_timeout_ms / 1_000
    with serving(silent) as peer:
        ask(peer.endpoint, timing=PATIENT)
    assert len(lasted) == peer.visits == 4
    assert min(lasted) > 0.5 * timeout_s
    # Each began while the one before it was still under way.
    assert all(after - before < timeout_s for before, after in pairwise(peer.at[1:]))


def test_a_question_waits_for_the_last_where_the_host_may_have_one_connection_only() -> None:
    with says() as peer:
        ask(peer.endpoint, per_host=1)
    assert len(peer.at) == 4
    assert all(after - before > 0.1 for before, after in pairwise(peer.at))


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


def test_a_server_that_resets_in_the_middle_is_left_unknown_but_was_asked() -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(4)
        linger_0 = b"\1\0\0\0\0\0\0\0"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)

    with serving(reset) as peer:
        (found,) = ask(peer.endpoint)
    assert (found.service, found.asked) == (None, True)


def test_a_result_comes_as_soon_as_one_question_is_answered() -> None:
    """The others, to which the server is silent, are dropped."""
    events: list[str] = []

    def only_redis(connection: socket.socket) -> None:
        events.append("opened")
        while asked := connection.recv(4_096):
            if asked.startswith(b"*1\r\n$4\r\nPING"):
                connection.sendall(b"-NOAUTH no\r\n")
        events.append("closed")

    with serving(only_redis) as peer:
        (found,) = ask(peer.endpoint, timing=PATIENT)
    assert name_of(found) == "redis"
    assert events == ["opened"] * 3 + ["closed"] * 3


# ------------------------------------------------------------ ports of greeting protocols


def claimed_by_ssh() -> int:
    """A port of a greeting protocol that is free here."""
    with socket.create_server((str(PEERS), 2222)) as trial:
        return int(trial.getsockname()[1])


def greets_after(pause_s: float) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        time.sleep(pause_s)
        connection.sendall(b"SSH-2.0-slow\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4_096):
            pass

    return script


def test_a_greeting_port_is_left_in_peace_for_half_of_its_patience() -> None:
    with serving(greets_after(0.6), port=claimed_by_ssh()) as peer:
        (found,) = ask(peer.endpoint, timing=PATIENT)
    assert name_of(found) == "ssh"
    assert peer.visits == 1


def test_a_greeting_that_comes_beside_other_questions_is_still_read() -> None:
    with serving(greets_after(1.9), port=claimed_by_ssh()) as peer:
        (found,) = ask(peer.endpoint, timing=PATIENT)
    assert name_of(found) == "ssh"
    assert peer.visits > 1


# ------------------------------------------------------------ TLS that is refused


def tls_of(*answers: bytes) -> Callable[[socket.socket], None]:
    """Close on clear text; give the n-th answer to the n-th TLS hello."""
    left = list(answers)

    def script(connection: socket.socket) -> None:
        if connection.recv(4_096).startswith(b"\x16\x03") and left:
            connection.sendall(left.pop(0))

    return script


def flight_with(der: bytes) -> bytes:
    """ServerHello of TLS 1.0 with RC4, which our TLS library lacks, and a certificate."""
    chain = len(der).to_bytes(3) + der
    listed = len(chain).to_bytes(3) + chain
    hello = b"\x02\x00\x00\x26\x03\x01" + bytes(32) + b"\x00\x00\x05\x00"
    said = hello + b"\x0b" + len(listed).to_bytes(3) + listed + b"\x0e\x00\x00\x00"
    return b"\x16\x03\x01" + len(said).to_bytes(2) + said


HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"


def test_a_server_of_ciphers_that_we_lack_is_read_from_a_hello_by_hand() -> None:
    with serving(tls_of(HANDSHAKE_FAILURE, flight_with(made_for("old.example")))) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert found.service is not None
    assert found.service.tls is not None
    assert (found.service.tls.version, found.service.tls.cipher) == ("TLSv1", "RC4-SHA")
    assert found.service.tls.certificate is not None
    assert found.service.tls.certificate.subject == "CN=old.example"
    assert found.raw is not None
    assert found.raw["probe"] == "tls-hello"
    assert found.raw["tried"] == "http tls tls-hello"
    assert bytes.fromhex(str(found.raw["received_hex"])).startswith(b"\x16\x03\x01")


def test_a_clear_flight_is_not_kept_when_its_certificate_is_withheld() -> None:
    secretive = flight_with(made_for("4111111111111111"))
    with serving(tls_of(HANDSHAKE_FAILURE, secretive)) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert found.raw is not None
    assert found.raw["probe"] == "tls-hello"
    assert found.raw["received_hex"] == ""
    assert "certificate_der_hex" not in found.raw


def test_a_server_that_refuses_every_hello_is_still_tls() -> None:
    with serving(tls_of(HANDSHAKE_FAILURE, HANDSHAKE_FAILURE)) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert found.service == Service(
        "tls",
        "",
        {"handshake": "not finished", "alert": "handshake_failure"},
        Identification.TLS,
        None,
    )


def test_a_400_stands_where_tls_was_tried_in_vain() -> None:
    with serving(answers_to((b"GET /", b"HTTP/1.1 400 Bad Request\r\n\r\n"))) as peer:
        (found,) = ask(peer.endpoint, timing=UNHURRIED)
    assert found.raw is not None
    assert (name_of(found), found.raw["tried"]) == ("http", "http tls")


# ------------------------------------------------------------ many at once

FEW_DESCRIPTORS = """
import json, resource, sys
from ipaddress import ip_address
resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.scan import Timing
from portproof.scan.identify import IdentifyRequest, identify
port, found = int(sys.argv[1]), []
hosts = [ip_address("127.0.1.0") + number for number in range(400)]
identify(
    [IdentifyRequest(Endpoint(host, Transport.TCP, port)) for host in hosts], timing=Timing(),
    max_connections=1_000, per_host=2, stop=lambda: False, on_result=found.append,
)
print(json.dumps([sum(each.service is not None for each in found), len(found)]))
"""


def test_hundreds_of_conversations_fit_into_few_descriptors() -> None:
    def greet(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            time.sleep(0.02)
            connection.sendall(b"SSH-2.0-x\r\n")

    def accept() -> None:
        with suppress(OSError), ThreadPoolExecutor(64) as crew:
            while True:
                crew.submit(greet, listener.accept()[0])

    listener = socket.create_server(("0.0.0.0", 0), backlog=512)
    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        command = [sys.executable, "-c", FEW_DESCRIPTORS, str(listener.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        listener.close()
    assert json.loads(done.stdout) == [400, 400]
