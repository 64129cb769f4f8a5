"""Which packets the kernel hands to the helper: classic BPF programs (bpf(4), socket(7)).

Offsets count from the IP header, as packet sockets of type SOCK_DGRAM show it. Let through are
SYN-ACK and RST-ACK to one of our source ports, and ICMP errors that quote a TCP segment from one.
What they prove is examined afterwards, against the cookie.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_INSTRUCTION: Final = struct.Struct("=HBBI")
# linux/filter.h, linux/bpf_common.h
_LOAD_BYTE, _LOAD_HALF = 0x30, 0x28
_LOAD_BYTE_AT_X, _LOAD_HALF_AT_X = 0x50, 0x48
_HEADER_LENGTH_TO_X: Final = 0xB1  # X = 4 · (byte & 15)
_CONSTANT_TO_X: Final = 0x01
_EQUAL, _GREATER, _AT_LEAST, _ANY_BIT = 0x15, 0x25, 0x35, 0x45
_GIVE: Final = 0x06
_WHOLE: Final = 0xFFFF

_ACK, _SYN_OR_RST = 0x10, 0x06
_FRAGMENT_OFFSET: Final = 0x1FFF
_TCP, _ICMP, _ICMPV6 = 6, 1, 58
# Unreachable, time exceeded, parameter problem: RFC 792, RFC 4443 §3.
_ERRORS_V4: Final = (3, 11, 12)
_ERRORS_V6: Final = (1, 3, 4)


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction; `yes` and `no` name the label that a test jumps to ("": the next one)."""

    code: int
    value: int = 0
    yes: str = ""
    no: str = ""
    label: str = ""


def answers_v4(ports: range) -> bytes:
    """Give the program for IPv4 answers to probes from those source ports."""
    steps = [
        _Step(_LOAD_HALF, 6),
        _Step(_ANY_BIT, _FRAGMENT_OFFSET, yes="drop"),
        _Step(_HEADER_LENGTH_TO_X, 0),
        _Step(_LOAD_BYTE, 9),
        _Step(_EQUAL, _ICMP, yes="icmp"),
        _Step(_EQUAL, _TCP, no="drop"),
        *_tcp_answer(ports),
        *_icmp_error(ports, _ERRORS_V4, protocol_at=8 + 9, source_at=8 + 20),
    ]
    return _assembled(steps)


def answers_v6(ports: range) -> bytes:
    """Give the program for IPv6 answers; answers with extension headers are not looked for."""
    steps = [
        _Step(_CONSTANT_TO_X, 40),
        _Step(_LOAD_BYTE, 6),
        _Step(_EQUAL, _ICMPV6, yes="icmp"),
        _Step(_EQUAL, _TCP, no="drop"),
        *_tcp_answer(ports),
        *_icmp_error(ports, _ERRORS_V6, protocol_at=8 + 6, source_at=8 + 40),
    ]
    return _assembled(steps)


def neighbour_advertisements() -> bytes:
    """Give the program for ICMPv6 type 136 (RFC 4861 §4.4)."""
    steps = [
        _Step(_LOAD_BYTE, 6),
        _Step(_EQUAL, _ICMPV6, no="drop"),
        _Step(_LOAD_BYTE, 40),
        _Step(_EQUAL, 136, no="drop"),
        _Step(_GIVE, _WHOLE),
        _Step(_GIVE, 0, label="drop"),
    ]
    return _assembled(steps)


def _tcp_answer(ports: range) -> list[_Step]:
    return [
        _Step(_LOAD_HALF_AT_X, 2),
        *_within(ports),
        _Step(_LOAD_BYTE_AT_X, 13),
        _Step(_ANY_BIT, _ACK, no="drop"),
        _Step(_ANY_BIT, _SYN_OR_RST, yes="take", no="drop"),
    ]


def _icmp_error(
    ports: range, types: tuple[int, ...], *, protocol_at: int, source_at: int
) -> list[_Step]:
    return [
        _Step(_LOAD_BYTE_AT_X, 0, label="icmp"),
        *(_Step(_EQUAL, each, yes="quoted") for each in types[:-1]),
        _Step(_EQUAL, types[-1], no="drop"),
        _Step(_LOAD_BYTE_AT_X, protocol_at, label="quoted"),
        _Step(_EQUAL, _TCP, no="drop"),
        _Step(_LOAD_HALF_AT_X, source_at),
        *_within(ports),
        _Step(_GIVE, _WHOLE, label="take"),
        _Step(_GIVE, 0, label="drop"),
    ]


def _within(ports: range) -> list[_Step]:
    return [
        _Step(_AT_LEAST, ports[0], no="drop"),
        _Step(_GREATER, ports[-1], yes="drop"),
    ]


def _assembled(steps: list[_Step]) -> bytes:
    """Turn labels into distances."""
    places = {step.label: place for place, step in enumerate(steps) if step.label}

    def distance(place: int, label: str) -> int:
        return places[label] - place - 1 if label else 0

    return b"".join(
        _INSTRUCTION.pack(step.code, distance(at, step.yes), distance(at, step.no), step.value)
        for at, step in enumerate(steps)
    )
