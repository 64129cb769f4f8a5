"""Frames built by columns are the frames that scapy would build one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.rawhelper import packets
from portproof.rawhelper.frames import ROWS, FrameBatch
from portproof.rawhelper.template import template_of

LINK = bytes.fromhex("020000000001")
U32 = st.integers(0, 2**32 - 1)
U16 = st.integers(0, 2**16 - 1)
SOURCES = {4: "192.0.2.1", 6: "2001:db8::1"}
BATCHES = {
    (version, link): FrameBatch(template_of(version, SOURCES[version], link))
    for version in (4, 6)
    for link in (LINK, None)
}


def filled(batch: FrameBatch, target: int, port: int, source: int, sequence: int) -> bytes:
    batch.fill_link(np.frombuffer(bytes.fromhex("0200000000ff"), dtype=np.uint8).reshape(1, 6))
    ports, sources = (np.array([each], dtype=np.uint16) for each in (port, source))
    sequences = np.array([sequence], dtype=np.uint32)
    if batch.template.version == 6:
        halves = np.array([[target >> 64, target & (2**64 - 1)]], dtype=np.uint64)
        batch.fill_v6(halves, ports, sources, sequences)
    else:
        batch.fill_v4(np.array([target], dtype=np.uint32), ports, sources, sequences)
    return batch.buffer[0, : batch.length].tobytes()


@pytest.mark.parametrize("link", [LINK, None])
@given(target=U32, port=U16, source=U16, sequence=U32)
@settings(max_examples=60, deadline=None)
def test_an_ipv4_frame_is_scapys(
    link: bytes | None, target: int, port: int, source: int, sequence: int
) -> None:
    layers = packets.load()
    frame = filled(BATCHES[4, link], target, port, source, sequence)
    ip = layers.IP(frame[len(frame) - 44 :])
    assert (ip.dst, ip.src) == (
        str(layers.IP(dst=".".join(map(str, target.to_bytes(4)))).dst),
        SOURCES[4],
    )
    tcp = ip[layers.TCP]
    assert (tcp.dport, tcp.sport, tcp.seq, str(tcp.flags)) == (port, source, sequence, "S")
    del ip.chksum
    del tcp.chksum
    assert bytes(ip) == frame[len(frame) - 44 :]


@given(target=st.integers(0, 2**128 - 1), port=U16, source=U16, sequence=U32)
@settings(max_examples=60, deadline=None)
def test_an_ipv6_frame_is_scapys(target: int, port: int, source: int, sequence: int) -> None:
    layers = packets.load()
    frame = filled(BATCHES[6, LINK], target, port, source, sequence)
    ip = layers.IPv6(frame[14:])
    tcp = ip[layers.TCP]
    assert (tcp.dport, tcp.sport, tcp.seq) == (port, source, sequence)
    assert frame[14 + 24 : 14 + 40] == target.to_bytes(16)
    del tcp.chksum
    assert bytes(ip) == frame[14:]


def test_a_link_header_says_to_whom_and_what() -> None:
    frame = filled(BATCHES[4, LINK], 1, 80, 61000, 5)
    assert frame[:14].hex() == "0200000000ff" + "020000000001" + "0800"
    assert filled(BATCHES[6, LINK], 1, 80, 61000, 5)[12:14].hex() == "86dd"
    assert BATCHES[4, None].length == 44


def test_a_whole_batch_is_filled_row_by_row() -> None:
    batch = BATCHES[4, LINK]
    targets = np.arange(ROWS, dtype=np.uint32) + np.uint32(0xC6336400)
    ports = np.arange(ROWS).astype(np.uint16)
    batch.fill_v4(targets, ports, ports, targets)
    assert batch.targets(3).tolist() == [[198, 51, 100, 0], [198, 51, 100, 1], [198, 51, 100, 2]]
    checksums = {batch.buffer[row, : batch.length].tobytes() for row in range(ROWS)}
    assert len(checksums) == ROWS
