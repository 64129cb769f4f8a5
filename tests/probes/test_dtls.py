from __future__ import annotations

import pytest

from playbook import NONCE, play
from portproof.probes.dtls import Dtls

SEQUENCE = b"\0\0" + NONCE[:4]
VERIFY = b"\3\0\0\x17\0\0\0\0\0\0\0\x17\xfe\xff\x14" + bytes(20)
SERVER_HELLO = b"\2\0\0\x10\0\0\0\0\0\0\0\x10\xfe\xfd" + bytes(14)


def record(body: bytes, *, kind: int = 22, sequence: bytes = SEQUENCE) -> bytes:
    return bytes([kind]) + b"\xfe\xff\0\0" + sequence + len(body).to_bytes(2) + body


@pytest.mark.parametrize("sequence", [SEQUENCE, bytes(6)], ids=["RFC 6347", "OpenSSL"])
def test_a_demand_for_a_cookie_is_dtls(sequence: bytes) -> None:
    service = play(Dtls(), record(VERIFY, sequence=sequence)).service
    assert service is not None
    assert service.attributes == {"cookie": "required"}


def test_a_server_that_goes_on_without_a_cookie_is_told_apart() -> None:
    service = play(Dtls(), record(SERVER_HELLO)).service
    assert service is not None
    assert service.attributes == {"cookie": "not required"}


def test_an_alert_is_dtls() -> None:
    service = play(Dtls(), record(b"\2\x46", kind=21)).service
    assert service is not None
    assert service.attributes == {"alert": "70"}


@pytest.mark.parametrize(
    "reply",
    [
        record(VERIFY, sequence=b"\0\0\0\0\0\7"),
        record(VERIFY[:-1]),
        record(VERIFY)[:-1],
        record(b"\7\x46", kind=21),
        record(VERIFY).replace(b"\xfe\xff", b"\x03\x03"),
    ],
    ids=["another record", "a short cookie", "cut", "an alert of no level", "TLS over TCP"],
)
def test_what_is_no_answer_to_our_hello_is_nothing(reply: bytes) -> None:
    assert play(Dtls(), reply).service is None


def test_the_hello_is_one_whole_record_with_a_random_number() -> None:
    (hello,) = play(Dtls()).sent
    assert hello[:11] == b"\x16\xfe\xff\0\0" + SEQUENCE
    assert int.from_bytes(hello[11:13]) == len(hello) - 13
    assert hello[14:17] == hello[22:25] == (len(hello) - 25).to_bytes(3)
