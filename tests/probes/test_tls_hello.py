from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from playbook import NONCE, context
from portproof.model.observation import Identification, Service
from portproof.model.probe import Turn
from portproof.probes import tls_hello
from portproof.probes.tls_flight import LONGEST_RECORD, Flight, read_flight, record_length
from portproof.probes.tls_hello import LONGEST_FLIGHT, MOST_RECORDS, client_hello, service_of
from portproof.probes.tls_suites import SUITES, name_of_suite

HANDSHAKE, ALERT = 22, 21


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(body).to_bytes(2) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def server_hello(suite: int = 0xC02F, version: bytes = b"\x03\x03", more: bytes = b"") -> bytes:
    body = version + bytes(32) + b"\x04abcd" + suite.to_bytes(2) + b"\0"
    return message(2, body + (len(more).to_bytes(2) + more if more else b""))


def made_certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


LEAF = made_certificate()
ISSUER = b"\x30\x03\x02\x01\x01"
CHAIN = b"".join(len(each).to_bytes(3) + each for each in (LEAF, ISSUER))
CERTIFICATE = message(11, len(CHAIN).to_bytes(3) + CHAIN)
REQUEST = message(13, b"\x01\x01\x00\x02\x04\x03\x00\x00")
DONE = message(14, b"")
SAID = server_hello() + CERTIFICATE + REQUEST + DONE
REFUSED = record(ALERT, b"\x02\x28")


def hold(said: bytes) -> tuple[Service | None, list[Turn]]:
    """Play the dialogue against a peer that says this; gives the result, and the turns."""
    turns: list[Turn] = []
    dialogue = tls_hello.hold(context(name="shop.example"))
    try:
        step = next(dialogue)
        while True:
            assert isinstance(step, Turn)
            turns.append(step)
            size = step.size or step.limit
            reply, said = said[:size], said[size:]
            step = dialogue.send(reply)
    except StopIteration as end:
        return end.value, turns


# ------------------------------------------------------------ the first flight


def test_a_flight_tells_version_cipher_certificate_and_what_is_asked_of_the_client() -> None:
    assert read_flight(record(HANDSHAKE, SAID)) == Flight(
        version="TLSv1.2",
        cipher="ECDHE-RSA-AES128-GCM-SHA256",
        certificate_der=LEAF,
        wants_certificate=True,
        complete=True,
    )


@given(st.lists(st.integers(0, len(SAID)), max_size=8))
def test_it_does_not_matter_how_messages_are_cut_into_records(cuts: list[int]) -> None:
    edges = [0, *sorted(set(cuts) - {0, len(SAID)}), len(SAID)]
    pieces = [SAID[start:end] for start, end in pairwise(edges)]
    said = b"".join(record(HANDSHAKE, piece) for piece in pieces)
    assert read_flight(said) == read_flight(record(HANDSHAKE, SAID))


@given(st.integers(0, len(SAID) + 5))
def test_what_was_read_before_the_end_stands(cut: int) -> None:
    whole, part = read_flight(record(HANDSHAKE, SAID)), read_flight(record(HANDSHAKE, SAID)[:cut])
    assert part.version in {"", whole.version}
    assert part.certificate_der in {None, whole.certificate_der}
    assert part.complete is (cut == len(SAID) + 5)


@given(st.binary(max_size=400))
def test_no_bytes_make_the_reading_raise(said: bytes) -> None:
    read_flight(said)
    read_flight(record(HANDSHAKE, said)[:LONGEST_RECORD])


@given(place=st.integers(0, len(SAID) + 4), wrong=st.binary(min_size=1, max_size=4))
def test_wrong_bytes_anywhere_make_no_service_raise(place: int, wrong: bytes) -> None:
    said = record(HANDSHAKE, SAID)
    service_of(read_flight(said[:place] + wrong + said[place + len(wrong) :]), None)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x16\x03",
        b"HTTP/",
        b"\x16\x02\x00\x00\x05",
        b"\x16\x03\x03\xff\xff",
        b"\x17\x03\x03\0\5",
    ],
    ids=["nothing", "cut off", "text", "no version", "too long", "application data"],
)
def test_what_begins_no_record_of_a_flight_has_no_length(header: bytes) -> None:
    assert record_length(header) is None


def test_a_fatal_alert_ends_a_flight_and_a_warning_does_not() -> None:
    warning = record(ALERT, b"\x01\x70")
    assert read_flight(warning + record(HANDSHAKE, SAID)).complete
    assert read_flight(REFUSED + record(HANDSHAKE, SAID)) == Flight(alert="handshake_failure")


def test_nothing_counts_that_comes_before_the_server_hello() -> None:
    assert read_flight(record(HANDSHAKE, CERTIFICATE + SAID)) == Flight()


def test_tls_1_3_is_told_by_an_extension() -> None:
    chosen = b"\x00\x2b\x00\x02\x03\x04"
    flight = read_flight(record(HANDSHAKE, server_hello(0x1301, more=chosen)))
    assert (flight.version, flight.cipher) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")


@pytest.mark.parametrize(
    ("number", "name"), [(0x0300, "SSLv3"), (0x0301, "TLSv1"), (0x0302, "TLSv1.1")]
)
def test_old_versions_have_their_names(number: int, name: str) -> None:
    said = record(HANDSHAKE, server_hello(0x000A, number.to_bytes(2)))
    assert (read_flight(said).version, read_flight(said).cipher) == (name, "DES-CBC3-SHA")


def test_a_suite_without_a_name_is_its_number() -> None:
    assert name_of_suite(0xFAFA) == "0xfafa"
    assert len(set(SUITES.values())) == len(SUITES)


# ------------------------------------------------------------ the dialogue


def test_the_certificate_is_read_record_by_record_until_the_server_waits() -> None:
    first, rest = server_hello(), SAID[len(server_hello()) :]
    service, turns = hold(record(HANDSHAKE, first) + record(HANDSHAKE, rest))
    assert service is not None
    assert service.tls is not None
    assert service.tls.certificate is not None
    assert service.tls.certificate.subject == "CN=shop.example"
    assert service.tls.server_name == "shop.example"
    assert service.identified_by is Identification.TLS
    assert [bool(turn.payload) for turn in turns] == [True, False, False, False]


def test_a_refusal_is_tls_without_facts() -> None:
    service, _ = hold(REFUSED)
    assert service == Service(
        "tls",
        "",
        {"handshake": "not finished", "alert": "handshake_failure"},
        Identification.TLS,
        None,
    )


def test_a_certificate_that_was_asked_for_and_missed_was_required() -> None:
    asked = read_flight(record(HANDSHAKE, SAID))
    refused = read_flight(record(HANDSHAKE, SAID) + REFUSED)
    services = [service_of(each, None) for each in (asked, refused)]
    wanted = [each.attributes["client_certificate"] for each in services if each is not None]
    assert wanted == ["requested", "required"]


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x09\x28"]
)
def test_what_is_no_tls_is_nothing(said: bytes) -> None:
    assert hold(said)[0] is None


def test_our_own_hello_echoed_is_nothing() -> None:
    assert hold(client_hello("shop.example", NONCE))[0] is None


@given(st.binary(max_size=300))
def test_no_peer_makes_the_dialogue_raise_or_go_on_for_ever(said: bytes) -> None:
    _, turns = hold(said)
    assert len(turns) < 200


def test_an_endless_flight_is_left_at_the_cap() -> None:
    empty = record(HANDSHAKE, bytes(1_000))
    _, turns = hold(empty * 200)
    assert sum(turn.size or 0 for turn in turns) < LONGEST_FLIGHT + LONGEST_RECORD


def test_a_flight_in_crumbs_is_left_after_some_of_them() -> None:
    """Each record makes the flight be read again: thousands of them would be seconds of work."""
    _, turns = hold(record(HANDSHAKE, b"\x02") + record(HANDSHAKE, b"\0") * 5_000)
    assert len(turns) == 2 * MOST_RECORDS


def test_the_hello_offers_tls_1_2_the_name_and_every_suite_of_the_table() -> None:
    hello = client_hello("shop.example.", NONCE)
    assert hello[:3] == b"\x16\x03\x01"
    assert int.from_bytes(hello[3:5]) == len(hello) - 5
    assert hello[9:11] == b"\x03\x03"
    assert re.search(rb"\x00\x00\x0cshop\.example(?!\.)", hello)
    offered = hello[46 : 46 + int.from_bytes(hello[44:46])]
    numbers = [int.from_bytes(offered[at : at + 2]) for at in range(0, len(offered), 2)]
    assert numbers == [*SUITES, 0x00FF]
    assert b"shop" not in client_hello(None, NONCE)
