from __future__ import annotations

import pytest

from playbook import NONCE, play
from portproof.probes.chrony_command import ChronyCommand


def reply(
    *, sequence: bytes = NONCE[:4], status: int = 0, kind: int = 2, command: int = 14
) -> bytes:
    head = bytes([6, kind, 0, 0]) + command.to_bytes(2) + b"\0\2" + status.to_bytes(2) + bytes(6)
    return head + sequence + bytes(8) + (3).to_bytes(4)


def test_a_server_that_answers_strangers_tells_how_many_sources_it_has() -> None:
    played = play(ChronyCommand(), reply())
    assert played.service is not None
    assert played.service.attributes == {"status": "0", "sources": "3"}
    assert [len(each) for each in played.sent] == [len(reply())], "no amplification"


def test_a_refusal_is_chrony_too() -> None:
    service = play(ChronyCommand(), reply(status=2)).service
    assert service is not None
    assert service.attributes == {"status": "2"}


@pytest.mark.parametrize(
    "answer",
    [reply(sequence=b"else"), reply(kind=1), reply(command=15), reply()[:27]],
    ids=["another sequence", "a request", "another command", "cut"],
)
def test_what_does_not_answer_our_question_is_nothing(answer: bytes) -> None:
    assert play(ChronyCommand(), answer).service is None
