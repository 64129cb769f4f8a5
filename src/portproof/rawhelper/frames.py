"""Frames by the thousand: NumPy columns written into copies of a template.

Of each frame only the words below differ from the template; their checksums are the template's sums
plus these words, folded to 16 bits and inverted (RFC 1071 §2).

    link destination │ IP destination │ IPv4 checksum │ ports │ sequence number │ TCP checksum
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from portproof.rawhelper.template import IPV4_HEADER, IPV6_HEADER, TCP_HEADER, Template

ROWS: Final = 1024
"""Frames that a batch holds: what one system call sends."""
STRIDE: Final = 96
_LOW: Final = np.uint32(0xFFFF)
_HALF: Final = np.uint32(16)
_IPV6: Final = 6
_DESTINATION_AT: Final = {4: 16, 6: 24}
"""Where the destination is in an IP header (RFC 791 §3.1, RFC 8200 §3)."""
IPV4_ADDRESS, IPV6_ADDRESS = 4, 16

Column32 = NDArray[np.uint32]
Column16 = NDArray[np.uint16]


class FrameBatch:
    """A buffer of frames of one template, for `fill` to write the differing words into."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.length = len(template.frame)
        self.buffer = np.zeros((ROWS, STRIDE), dtype=np.uint8)
        self.buffer[:, : self.length] = np.frombuffer(template.frame, dtype=np.uint8)
        self._fields = self.buffer.reshape(-1).view(_layout(template))

    def fill_link(self, destinations: NDArray[np.uint8]) -> None:
        """Write link addresses, six bytes a row; nothing on an interface that has none."""
        if self.template.link:
            self.buffer[: len(destinations), :6] = destinations

    def targets(self, count: int) -> NDArray[np.uint8]:
        """Give the destinations of the first frames as bytes, a row each."""
        start = self.template.link + _DESTINATION_AT[self.template.version]
        size = IPV4_ADDRESS if self.template.version != _IPV6 else IPV6_ADDRESS
        return self.buffer[:count, start : start + size]

    def fill_v4(
        self, addresses: Column32, ports: Column16, sources: Column16, sequence: Column32
    ) -> None:
        """Write IPv4 probes: destination, port, source port, sequence number."""
        rows = self._fields[: len(addresses)]
        address_sum = (addresses >> _HALF) + (addresses & _LOW)
        rows["address"] = addresses
        rows["ip_checksum"] = _inverted(address_sum + np.uint32(self.template.ip_sum))
        self._fill_tcp(rows, address_sum, ports, sources, sequence)

    def fill_v6(
        self, halves: NDArray[np.uint64], ports: Column16, sources: Column16, sequence: Column32
    ) -> None:
        """Write IPv6 probes; `halves` is a row of two 64-bit numbers for each address."""
        rows = self._fields[: len(halves)]
        in_order = halves.astype(">u8")
        rows["address"] = in_order
        address_sum = in_order.view(">u2").sum(axis=1, dtype=np.uint32)
        self._fill_tcp(rows, address_sum, ports, sources, sequence)

    def _fill_tcp(
        self,
        rows: NDArray[np.void],
        total: Column32,
        ports: Column16,
        sources: Column16,
        sequence: Column32,
    ) -> None:
        total = total + np.uint32(self.template.tcp_sum)
        total += ports
        total += sources
        total += sequence >> _HALF
        total += sequence & _LOW
        rows["tcp_checksum"] = _inverted(total)
        rows["port"] = ports
        rows["source"] = sources
        rows["sequence"] = sequence


def _inverted(total: Column32) -> Column16:
    """Fold sums below 2^32 to 16 bits, twice for the carry, and invert them."""
    total = (total & _LOW) + (total >> _HALF)
    total = (total & _LOW) + (total >> _HALF)
    return (~total).astype(np.uint16)


def _layout(template: Template) -> np.dtype[Any]:
    """Give the record type of the words that differ."""
    ip = template.link
    six = template.version == _IPV6
    tcp = ip + (IPV6_HEADER if six else IPV4_HEADER)
    fields: dict[str, tuple[Any, int]] = {
        "source": (">u2", tcp),
        "port": (">u2", tcp + 2),
        "sequence": (">u4", tcp + 4),
        "tcp_checksum": (">u2", tcp + 16),
        "address": ((">u8", (2,)) if six else ">u4", ip + _DESTINATION_AT[template.version]),
    }
    if not six:
        fields["ip_checksum"] = (">u2", ip + 10)
    if tcp + TCP_HEADER > STRIDE:
        raise ValueError(f"a frame of {tcp + TCP_HEADER} bytes does not fit into {STRIDE}")
    return np.dtype(
        {
            "names": list(fields),
            "formats": [form for form, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": STRIDE,
        }
    )
