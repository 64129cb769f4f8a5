"""What comes from the ring is read as scapy would read it, and nothing else is."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.rawwire import End
from portproof.rawhelper import packets
from portproof.rawhelper.answers import Answers, read
from portproof.rawhelper.ring import HEADER, START

SLOT = HEADER.itemsize
packets.load()  # cuts scapy's list of layers, before anything else loads them all
scapy = SimpleNamespace(
    **{**vars(import_module("scapy.layers.inet6")), **vars(import_module("scapy.layers.inet"))}
)


def in_ring(*contents: bytes) -> np.ndarray:
    """Packets as the kernel puts them into the ring."""
    slots = np.zeros((len(contents), SLOT), dtype=np.uint8)
    header = slots.reshape(-1).view(HEADER)
    for row, content in enumerate(contents):
        kept = content[: SLOT - START]
        slots[row, START : START + len(kept)] = np.frombuffer(kept, dtype=np.uint8)
        header[row]["kept"] = len(kept)
        header[row]["seconds"], header[row]["nanoseconds"] = 100, 500_000_000
    return slots


def first(version: int, *contents: bytes) -> tuple[Answers, Answers]:
    return read(version, in_ring(*contents))


def test_a_syn_ack_and_a_reset_name_their_probe() -> None:
    ip = scapy.IP(src="192.0.2.7", dst="192.0.2.1")
    tcp, icmp = first(
        4,
        bytes(ip / scapy.TCP(sport=443, dport=61003, flags="SA", ack=1001)),
        bytes(ip / scapy.TCP(sport=444, dport=61000, flags="RA", ack=0)),
    )
    assert tcp.address.tolist() == [0xC0000207, 0xC0000207]
    assert tcp.port.tolist() == [443, 444]
    assert tcp.source.tolist() == [61003, 61000]
    assert tcp.sequence.tolist() == [1000, 2**32 - 1]
    assert tcp.end.tolist() == [End.SYN_ACK, End.RESET]
    assert tcp.received_s.tolist() == [100.5, 100.5]
    assert len(icmp.port) == 0


def test_ip_options_are_stepped_over() -> None:
    ip = scapy.IP(src="192.0.2.7", dst="192.0.2.1", options=[scapy.IPOption(b"\x94\x04\0\0")])
    tcp, _ = first(4, bytes(ip / scapy.TCP(sport=22, dport=61000, flags="SA", ack=8)))
    assert (tcp.port.tolist(), tcp.sequence.tolist()) == ([22], [7])


def test_an_icmp_error_names_the_probe_that_it_quotes() -> None:
    probe = scapy.IP(src="192.0.2.1", dst="192.0.2.9") / scapy.TCP(sport=61001, dport=25, seq=77)
    error = scapy.IP(src="198.51.100.1", dst="192.0.2.1") / scapy.ICMP(type=3, code=13)
    tcp, icmp = first(4, bytes(error / bytes(probe)[:28]))
    assert len(tcp.port) == 0
    assert icmp.address.tolist() == [0xC0000209]
    assert (icmp.port.tolist(), icmp.source.tolist(), icmp.sequence.tolist()) == (
        [25],
        [61001],
        [77],
    )
    assert (icmp.icmp_type.tolist(), icmp.icmp_code.tolist()) == ([3], [13])
    assert bytes(icmp.offender[0])[:4] == bytes([198, 51, 100, 1])


def test_an_icmpv6_error_names_the_probe_that_it_quotes() -> None:
    probe = scapy.IPv6(src="2001:db8::1", dst="2001:db8::9") / scapy.TCP(
        sport=61001, dport=25, seq=7
    )
    error = scapy.IPv6(src="2001:db8::ff", dst="2001:db8::1") / scapy.ICMPv6DestUnreach(code=4)
    tcp, icmp = first(6, bytes(error / probe))
    assert len(tcp.port) == 0
    assert icmp.address.tolist() == [[0x20010DB800000000, 9]]
    assert (icmp.icmp_type.tolist(), icmp.icmp_code.tolist()) == ([1], [4])
    assert (icmp.port.tolist(), icmp.sequence.tolist()) == ([25], [7])


def test_an_error_about_the_size_of_a_packet_says_nothing_about_a_port() -> None:
    probe = scapy.IP(dst="192.0.2.9") / scapy.TCP(sport=61001, dport=25)
    error = scapy.IP(dst="192.0.2.1") / scapy.ICMP(type=3, code=4) / bytes(probe)[:28]
    assert [len(each.port) for each in first(4, bytes(error))] == [0, 0]


def test_what_is_cut_short_is_not_read_out_of_the_packet_before() -> None:
    whole = bytes(scapy.IP() / scapy.TCP(sport=22, dport=61000, flags="SA", ack=8))
    for length in range(len(whole)):
        ring = in_ring(whole)
        ring.reshape(-1).view(HEADER)["kept"] = length
        assert [len(each.port) for each in read(4, ring)] == [0, 0]


@given(content=st.binary(max_size=SLOT), version=st.sampled_from([4, 6]))
@settings(max_examples=300)
def test_no_bytes_upset_the_reader(content: bytes, version: int) -> None:
    for answers in first(version, content):
        assert len(answers.port) <= 1
