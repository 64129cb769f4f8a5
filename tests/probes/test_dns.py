from __future__ import annotations

import pytest

from playbook import NONCE, play
from portproof.model.observation import Service
from portproof.probes.dns import ROOT_NS, VERSION_BIND, Dns

IDS = NONCE[:2], NONCE[2:4]
QR, RA, REFUSED = 0x8000, 0x0080, 5


def response(number: int, flags: int, *, question: bytes = b"", answer: bytes = b"") -> bytes:
    asked = question or (ROOT_NS, VERSION_BIND)[number]
    counts = b"\0\1" + (b"\0\1" if answer else b"\0\0") + bytes(4)
    return IDS[number] + (flags | QR).to_bytes(2) + counts + asked + answer


def txt(text: bytes) -> bytes:
    data = bytes([len(text)]) + text
    return b"\xc0\x0c\0\x10\0\3\0\0\0\0" + len(data).to_bytes(2) + data


def test_a_resolver_that_answers_strangers_offers_recursion() -> None:
    played = play(Dns(), response(0, RA), response(1, 0, answer=txt(b"unbound 1.17.1")))
    assert played.service == Service(
        "dns", "unbound 1.17.1", {"recursion": "offered", "rcode": "0"}
    )


def test_both_questions_carry_ids_of_the_nonce() -> None:
    sent = play(Dns()).sent
    assert [question[:2] for question in sent] == list(IDS)
    assert sent[0][12:] == ROOT_NS


@pytest.mark.parametrize("flags", [0, RA | REFUSED, REFUSED])
def test_no_recursion_bit_or_a_refusal_is_refused(flags: int) -> None:
    played = play(Dns(), response(0, flags))
    assert played.service is not None
    assert played.service.attributes["recursion"] == "refused"


def test_a_server_that_answers_only_for_its_version_is_dns_with_recursion_unknown() -> None:
    played = play(Dns(), b"", response(1, 0, answer=txt(b"x")))
    assert played.service == Service("dns", "x", {"recursion": "unknown"})


@pytest.mark.parametrize(
    "reply",
    [
        b"\0\0" + response(0, RA)[2:],
        response(0, RA)[:11],
        response(0, RA, question=b"\3foo\0\0\2\0\1"),
        response(0, 0x2800),
        IDS[0] + b"\x01\x00" + response(0, RA)[4:],
    ],
    ids=["another id", "cut", "another question", "another opcode", "a query"],
)
def test_what_does_not_answer_our_question_is_nothing(reply: bytes) -> None:
    assert play(Dns(), reply).service is None


def test_a_refusal_may_leave_the_question_out() -> None:
    bare = IDS[0] + (QR | REFUSED).to_bytes(2) + bytes(8)
    played = play(Dns(), bare)
    assert played.service == Service("dns", "", {"recursion": "refused", "rcode": "5"})
