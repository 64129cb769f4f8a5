from __future__ import annotations

import pytest

from playbook import NONCE, play
from portproof.model.observation import Service
from portproof.probes.rpcbind import Rpcbind


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4) for number in numbers)


PORT_MAPPER, NFS = words(1, 100_000, 2, 17, 111), words(1, 100_003, 3, 6, 2049)


def test_the_list_of_programs_is_rpcbind() -> None:
    accepted = NONCE[:4] + words(1, 0, 0, 0, 0)
    played = play(Rpcbind(), accepted + NFS + PORT_MAPPER + words(0))
    assert played.service == Service(
        "rpcbind", "", {"list": "readable", "programs": "100000,100003"}
    )
    assert played.sent == [NONCE[:4] + words(0, 2, 100_000, 2, 4) + bytes(16)]


@pytest.mark.parametrize(
    "refusal",
    [words(1, 1, 1, 1), words(1, 0, 0, 0, 1), words(1, 0, 0, 0, 2, 3, 4)],
    ids=["authentication", "no such program", "other versions only"],
)
def test_a_refusal_is_rpcbind_too(refusal: bytes) -> None:
    service = play(Rpcbind(), NONCE[:4] + refusal).service
    assert service is not None
    assert service.attributes == {"list": "refused"}


@pytest.mark.parametrize(
    "reply",
    [b"else" + words(1, 0, 0, 0, 0), NONCE[:4] + words(0, 2, 0), NONCE[:4] + words(1)],
    ids=["another transaction", "a call", "cut"],
)
def test_what_does_not_answer_our_call_is_nothing(reply: bytes) -> None:
    assert play(Rpcbind(), reply).service is None
