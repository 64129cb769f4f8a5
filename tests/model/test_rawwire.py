"""Frames between the raw helper and its parent: what goes in comes out, and nothing else goes in."""

from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.rawwire import (
    ASK_V4,
    BLOCK_ROWS,
    BLOCKS,
    LONGEST_PAYLOAD,
    VERSION,
    FrameReader,
    Kind,
    WireError,
    ask,
    asked,
    facts_of,
    say,
    told,
)


def rows(count: int) -> np.ndarray:
    records = np.zeros(count, dtype=ASK_V4)
    records["port"] = np.arange(count)
    return records


@given(cut=st.integers(1, 40))
def test_frames_come_out_whole_however_the_stream_is_cut(cut: int) -> None:
    stream = say(Kind.READY, ports=[61000, 61015]) + ask(Kind.ASK_V4, 3, rows(2)) + say(Kind.STOP)
    reader = FrameReader()
    found = [
        frame
        for start in range(0, len(stream), cut)
        for frame in reader.feed(stream[start : start + cut])
    ]
    assert [kind for kind, _ in found] == [Kind.READY, Kind.ASK_V4, Kind.STOP]
    assert facts_of(found[0][1]) == {"ports": [61000, 61015]}
    block, records = asked(*found[1])
    assert block == 3
    assert records["port"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (struct.pack("<IBB", 0, Kind.STOP, VERSION + 1), "of version"),
        (struct.pack("<IBB", LONGEST_PAYLOAD + 1, Kind.STOP, VERSION), "at most"),
        (struct.pack("<IBB", 0, 200, VERSION), "unknown kind 200"),
    ],
)
def test_a_frame_that_cannot_be_right_is_refused_by_its_header(header: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        list(FrameReader().feed(header))


@given(stream=st.binary(max_size=200))
def test_no_stream_of_bytes_does_more_than_be_refused(stream: bytes) -> None:
    with suppress(WireError):
        for kind, payload in FrameReader().feed(stream):
            if kind in (Kind.ASK_V4, Kind.ASK_V6):
                asked(kind, payload)
            elif kind in (Kind.ENDED, Kind.ENDED_ICMP):
                told(kind, payload)
            else:
                facts_of(payload)


def test_a_block_has_a_place_and_fits_into_it() -> None:
    with pytest.raises(WireError, match="block 64"):
        asked(Kind.ASK_V4, struct.pack("<I", BLOCKS) + rows(1).tobytes())
    with pytest.raises(WireError, match="rows"):
        asked(Kind.ASK_V4, struct.pack("<I", 0) + rows(BLOCK_ROWS + 1).tobytes())
    with pytest.raises(WireError, match="no whole number"):
        asked(Kind.ASK_V4, struct.pack("<I", 0) + b"123")
    with pytest.raises(WireError, match="no number"):
        asked(Kind.ASK_V4, b"1")


def test_a_control_frame_is_a_json_object() -> None:
    for payload in (b"[1]", b"{", b"\xff"):
        with pytest.raises(WireError, match="JSON"):
            facts_of(payload)
