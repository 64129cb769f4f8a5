"""The parent's book of what its raw helper owes: nothing in it is lost by what the helper says."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from portproof.model.rawwire import ASK_V4, Kind, WireError
from portproof.scan.syn_helper import SynHelper


@pytest.fixture
def helper() -> Iterator[SynHelper]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        helper = SynHelper(ours)
        helper.offer(Kind.ASK_V4, np.zeros(5, dtype=ASK_V4))
        yield helper


def test_a_block_is_free_again_when_each_of_its_probes_has_ended(helper: SynHelper) -> None:
    helper.ended(np.array([0, 2, 4]))
    assert not helper.idle
    helper.ended(np.array([1, 3]))
    assert helper.idle


@pytest.mark.parametrize("slots", [[1, 1], [1, 5], [1, 1 << 30]])
def test_a_frame_that_is_not_sound_is_believed_in_nothing(
    helper: SynHelper, slots: list[int]
) -> None:
    with pytest.raises(WireError):
        helper.ended(np.array(slots))
    assert helper.unfinished().tolist() == [0, 1, 2, 3, 4]


def test_a_probe_is_told_of_once(helper: SynHelper) -> None:
    helper.ended(np.array([1]))
    with pytest.raises(WireError):
        helper.ended(np.array([1]))
    assert helper.unfinished().tolist() == [0, 2, 3, 4]
