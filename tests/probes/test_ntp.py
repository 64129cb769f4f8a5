from __future__ import annotations

import pytest

from playbook import NONCE, play
from portproof.model.observation import Service
from portproof.probes.ntp import Ntp

OURS = NONCE[:8]


def packet(
    *, first: int = 0x24, stratum: int = 2, refid: bytes = bytes(4), origin: bytes = OURS
) -> bytes:
    return bytes([first, stratum]) + bytes(10) + refid + bytes(8) + origin + bytes(16)


def test_a_server_reply_with_our_time_stamp_is_ntp() -> None:
    played = play(Ntp(), packet())
    assert played.service == Service(
        "ntp", attributes={"version": "4", "stratum": "2", "synchronised": "yes"}
    )
    assert played.sent == [b"\x23" + bytes(39) + OURS]


def test_a_server_whose_clock_is_not_set_says_so() -> None:
    played = play(Ntp(), packet(first=0xE4, stratum=16))
    assert played.service is not None
    assert played.service.attributes["synchronised"] == "no"


def test_a_kiss_of_death_is_ntp_with_its_reason() -> None:
    played = play(Ntp(), packet(stratum=0, refid=b"DENY"))
    assert played.service is not None
    assert played.service.attributes["kiss"] == "DENY"


@pytest.mark.parametrize(
    "reply",
    [packet()[:47], packet(first=0x23), packet(first=0x26), packet(origin=bytes(8))],
    ids=["cut", "a client", "control", "another origin"],
)
def test_what_does_not_answer_our_packet_is_nothing(reply: bytes) -> None:
    assert play(Ntp(), reply).service is None
