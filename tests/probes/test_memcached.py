from __future__ import annotations

import pytest

from playbook import NONCE, play
from portproof.model.observation import Service
from portproof.probes.memcached import MemcachedUdp

HEADER = NONCE[:2] + b"\0\0\0\1\0\0"


def test_a_version_behind_our_request_id_is_memcached_open_to_everybody() -> None:
    played = play(MemcachedUdp(), HEADER + b"VERSION 1.6.18\r\n")
    assert played.service == Service("memcached", "memcached 1.6.18", {"auth": "none"})
    assert played.sent == [HEADER + b"version\r\n"]


@pytest.mark.parametrize(
    "reply",
    [b"xx" + HEADER[2:] + b"VERSION 1\r\n", HEADER + b"ERROR\r\n", HEADER + b"VERSION 1", HEADER],
    ids=["another request", "an error", "cut", "empty"],
)
def test_what_does_not_answer_our_question_is_nothing(reply: bytes) -> None:
    assert play(MemcachedUdp(), reply).service is None
