"""Reading what came: columns of answers out of rows of packet bytes.

Each answer names the probe it is for by address, port and sequence number: SYN-ACK and RST in their
header (the number they acknowledge, less one), ICMP errors in the segment that they quote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from portproof.model.rawwire import End
from portproof.rawhelper.ring import HEADER, START

_SYN_ACK: Final = 0x12
_RST_ACK: Final = 0x14
_FLAGS: Final = 0x16  # SYN, RST, ACK
_TCP: Final = 6
_NO_OPTIONS: Final = 0x45
_WORD: Final = 4
_IPV4_HEADER: Final = 20
_NS: Final = 1e-9
_FRAGMENTATION_NEEDED: Final = (3, 4)
"""ICMP 3/4 is about the packet's size (RFC 1191), and says nothing about a port."""


def _record(offsets: dict[str, tuple[str | tuple[str, tuple[int]], int]]) -> np.dtype[Any]:
    return np.dtype(
        {
            "names": list(offsets),
            "formats": [form for form, _ in offsets.values()],
            "offsets": [START + offset for _, offset in offsets.values()],
            "itemsize": HEADER.itemsize,
        }
    )


_V4: Final = _record(
    {
        "protocol": ("u1", 9),
        "from": (">u4", 12),
        "port": (">u2", 20),
        "source": (">u2", 22),
        "acknowledged": (">u4", 28),
        "flags": ("u1", 33),
        "type": ("u1", 20),
        "code": ("u1", 21),
        "quoted_start": ("u1", 28),
        "quoted_to": (">u4", 44),
        "quoted_source": (">u2", 48),
        "quoted_port": (">u2", 50),
        "quoted_sequence": (">u4", 52),
    }
)
_V4_TCP_END, _V4_ICMP_END = 40, 56
_V6: Final = _record(
    {
        "protocol": ("u1", 6),
        "from": ((">u8", (2,)), 8),
        "port": (">u2", 40),
        "source": (">u2", 42),
        "acknowledged": (">u4", 48),
        "flags": ("u1", 53),
        "type": ("u1", 40),
        "code": ("u1", 41),
        "quoted_to": ((">u8", (2,)), 72),
        "quoted_source": (">u2", 88),
        "quoted_port": (">u2", 90),
        "quoted_sequence": (">u4", 92),
    }
)
_V6_TCP_END, _V6_ICMP_END = 60, 96
_OFFENDER: Final = {4: (START + 12, 4), 6: (START + 8, 16)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers of one kind (TCP, or ICMP errors) in columns; not yet examined."""

    version: int
    address: NDArray[Any]
    """The probed address: IPv4 as numbers, IPv6 as rows of two."""
    port: NDArray[np.uint16]
    source: NDArray[np.uint16]
    """Our port, which tells which sending of the probe is answered."""
    sequence: NDArray[np.uint32]
    end: NDArray[np.uint8]
    """`End.SYN_ACK` or `End.RESET`; of no meaning for ICMP errors."""
    received_s: NDArray[np.float64]
    """By the clock of the wall, as the kernel stamps packets."""
    icmp_type: NDArray[np.uint8]
    icmp_code: NDArray[np.uint8]
    offender: NDArray[np.void]
    """Who sent it, 16 bytes; IPv4 in the first four."""

    def rows(self, rows: NDArray[np.intp], wall_ahead_s: float) -> Answers:
        """Give some of them, their times by the monotonic clock, which the wall's is ahead of."""
        return Answers(
            version=self.version,
            address=self.address[rows],
            port=self.port[rows],
            source=self.source[rows],
            sequence=self.sequence[rows],
            end=self.end[rows],
            received_s=self.received_s[rows] - wall_ahead_s,
            icmp_type=self.icmp_type[rows],
            icmp_code=self.icmp_code[rows],
            offender=self.offender[rows],
        )


def read(version: int, packets: NDArray[np.uint8]) -> tuple[Answers, Answers]:
    """Give the TCP answers and the ICMP errors among packets, as the ring gave them."""
    if version == 4:  # noqa: PLR2004 - the IP version
        packets = _without_options(packets)
        rows, ends = packets.reshape(-1).view(_V4), (_V4_TCP_END, _V4_ICMP_END)
        plain = rows["quoted_start"] == _NO_OPTIONS
    else:
        rows, ends = packets.reshape(-1).view(_V6), (_V6_TCP_END, _V6_ICMP_END)
        plain = np.ones(len(rows), dtype=np.bool_)
    kept = packets.reshape(-1).view(HEADER)["kept"]
    flags = rows["flags"] & _FLAGS
    tcp = (rows["protocol"] == _TCP) & (kept >= ends[0])
    tcp &= (flags == _SYN_ACK) | (flags == _RST_ACK)
    icmp = (rows["protocol"] != _TCP) & (kept >= ends[1]) & plain
    if version == 4:  # noqa: PLR2004
        icmp &= ~(
            (rows["type"] == _FRAGMENTATION_NEEDED[0]) & (rows["code"] == _FRAGMENTATION_NEEDED[1])
        )
    return (
        _tcp_answers(version, rows[tcp], packets[tcp]),
        _icmp_errors(version, rows[icmp], packets[icmp]),
    )


def _tcp_answers(version: int, rows: NDArray[np.void], packets: NDArray[np.uint8]) -> Answers:
    nothing = np.zeros(len(rows), dtype=np.uint8)
    reset = (rows["flags"] & _FLAGS) == _RST_ACK
    return Answers(
        version=version,
        address=_native(rows["from"]),
        port=rows["port"].astype(np.uint16),
        source=rows["source"].astype(np.uint16),
        sequence=rows["acknowledged"].astype(np.uint32) - np.uint32(1),
        end=np.where(reset, End.RESET, End.SYN_ACK).astype(np.uint8),
        received_s=_received_s(packets),
        icmp_type=nothing,
        icmp_code=nothing,
        offender=np.zeros(len(rows), dtype="V16"),
    )


def _icmp_errors(version: int, rows: NDArray[np.void], packets: NDArray[np.uint8]) -> Answers:
    offender_at, offender_size = _OFFENDER[version]
    offender = np.zeros((len(rows), 16), dtype=np.uint8)
    offender[:, :offender_size] = packets[:, offender_at : offender_at + offender_size]
    return Answers(
        version=version,
        address=_native(rows["quoted_to"]),
        port=rows["quoted_port"].astype(np.uint16),
        source=rows["quoted_source"].astype(np.uint16),
        sequence=rows["quoted_sequence"].astype(np.uint32),
        end=np.zeros(len(rows), dtype=np.uint8),
        received_s=_received_s(packets),
        icmp_type=rows["type"].astype(np.uint8),
        icmp_code=rows["code"].astype(np.uint8),
        offender=offender.reshape(-1).view("V16"),
    )


def _native(column: NDArray[Any]) -> NDArray[Any]:
    """Give a column in the byte order of this machine."""
    return column.astype(column.dtype.newbyteorder("="))


def _received_s(packets: NDArray[np.uint8]) -> NDArray[np.float64]:
    header = np.ascontiguousarray(packets).reshape(-1).view(HEADER)
    return np.asarray(header["seconds"] + header["nanoseconds"] * _NS)


def _without_options(packets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut the options out of IPv4 headers, so that each header has 20 bytes."""
    for row in np.flatnonzero((packets[:, START] & 0x0F) != _IPV4_HEADER // _WORD):
        packet = packets[row]
        length = int(packet[START] & 0x0F) * _WORD
        if length < _IPV4_HEADER:
            packet[START + 9] = 0  # no header of any kind: let it be no TCP and too short for ICMP
            packet[:].view(HEADER)["kept"] = 0
            continue
        surplus = length - _IPV4_HEADER
        after = START + _IPV4_HEADER
        packet[after : len(packet) - surplus] = packet[after + surplus :].copy()
        packet[:].view(HEADER)["kept"] -= surplus
    return packets
