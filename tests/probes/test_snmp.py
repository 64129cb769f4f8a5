from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook import NONCE, play
from portproof.model.observation import Service
from portproof.probes.ber import INTEGER, NULL, OBJECT_ID, OCTETS, SEQUENCE, encode, integer, parse
from portproof.probes.snmp import SYS_DESCR, Snmp

NUMBER = int.from_bytes(NONCE[:4]) >> 1
ENGINE = bytes.fromhex("80001f8880483478768b7c016b")


def response(*, version: int = 1, number: int = NUMBER, pdu: int = 0xA2) -> bytes:
    pair = encode(SEQUENCE, encode(OBJECT_ID, SYS_DESCR), encode(OCTETS, b"Linux router 6.1"))
    body = encode(pdu, integer(number), integer(0), integer(0), encode(SEQUENCE, pair))
    return encode(SEQUENCE, integer(version), encode(OCTETS, b"public"), body)


def report(*, number: int = NUMBER, engine: bytes = ENGINE) -> bytes:
    header = encode(SEQUENCE, integer(number), integer(65_507), encode(OCTETS, b"\0"), integer(3))
    security = encode(SEQUENCE, encode(OCTETS, engine), integer(1), integer(2))
    pdu = encode(0xA8, integer(number), integer(0), integer(0), encode(SEQUENCE))
    scoped = encode(SEQUENCE, encode(OCTETS, engine), encode(OCTETS), pdu)
    return encode(SEQUENCE, integer(3), header, encode(OCTETS, security), scoped)


def test_a_description_for_the_community_public_is_told() -> None:
    played = play(Snmp(), response())
    assert played.service == Service(
        "snmp", "Linux router 6.1", {"version": "2c", "community": "public"}
    )
    assert len(played.sent) == 1


def test_an_agent_that_knows_another_community_is_found_by_its_engine() -> None:
    assert play(Snmp(), b"", report()).service == Service(
        "snmp", "", {"version": "3", "engine_id": ENGINE.hex(), "enterprise": "8072"}
    )


def test_an_agent_of_version_1_only_is_asked_in_version_1() -> None:
    service = play(Snmp(), b"", b"", response(version=0)).service
    assert service is not None
    assert service.attributes == {"version": "1", "community": "public"}


@pytest.mark.parametrize(
    "reply",
    [response(number=NUMBER + 1), response(pdu=0xA0), response(version=0), response()[:-1]],
    ids=["another request", "a request", "another version", "cut"],
)
def test_what_does_not_answer_our_request_is_nothing(reply: bytes) -> None:
    assert play(Snmp(), reply).service is None


@pytest.mark.parametrize("reply", [report(number=1), report(engine=b"abc"), report()[1:]])
def test_what_does_not_answer_our_discovery_is_nothing(reply: bytes) -> None:
    assert play(Snmp(), b"", reply).service is None


@given(st.integers(0, 2**40), st.binary(max_size=70_000))
def test_what_is_written_is_read_back(number: int, contents: bytes) -> None:
    whole = encode(SEQUENCE, integer(number), encode(OCTETS, contents), encode(NULL))
    (outer,) = parse(whole)
    first, second, third = outer.parts()
    assert (first.tag, first.number, second.contents, third.tag) == (
        INTEGER,
        number,
        contents,
        NULL,
    )


@given(st.binary(max_size=60))
def test_no_bytes_are_read_beyond_their_end(data: bytes) -> None:
    for element in parse(data):
        assert len(element.contents) <= len(data)
