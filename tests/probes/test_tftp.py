from __future__ import annotations

import pytest

from playbook import NONCE, play
from portproof.model.observation import Service
from portproof.model.probe import Turn
from portproof.probes.tftp import STOP, Tftp


def test_a_refusal_is_tftp_and_the_name_asked_for_is_random() -> None:
    played = play(Tftp(), b"\0\5\0\1File not found\0")
    assert played.service == Service("tftp", "", {"error": "1", "message": "File not found"})
    assert played.sent == [b"\0\1portproof-" + NONCE.hex().encode() + b"\0octet\0"]


def test_the_answer_may_come_from_another_port() -> None:
    (turn,) = play(Tftp(), b"\0\5\0\1no\0").steps
    assert isinstance(turn, Turn)
    assert turn.any_port


def test_a_file_that_should_not_be_there_is_stopped_at_once() -> None:
    played = play(Tftp(), b"\0\3\0\1contents")
    assert played.service == Service("tftp", "", {"sent": "any file"})
    assert played.sent[1:] == [STOP]


@pytest.mark.parametrize(
    "reply",
    [b"\0\5\0\1", b"\0\5\0\1not ended", b"\0\5\x01\1no\0", b"\0\3\0\2late block", b"\0\4\0\0"],
    ids=["no message", "no end", "an error nobody defined", "another block", "an acknowledgement"],
)
def test_what_is_no_answer_to_a_read_request_is_nothing(reply: bytes) -> None:
    assert play(Tftp(), reply).service is None
