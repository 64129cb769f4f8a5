"""The one frame of a path, built by scapy, and the sums over what never changes in it.

    [Ethernet, 14 bytes]  IPv4, 20 bytes  TCP, 24 bytes (MSS option)
    [Ethernet, 14 bytes]  IPv6, 40 bytes  TCP, 24 bytes

An Internet checksum (RFC 1071) is a sum, so the part of it that is the same for each probe is added
up once, here; `frames` adds the words that differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portproof.rawhelper.packets import syn_frame

ETHERNET: Final = 14
IPV4_HEADER: Final = 20
IPV6_HEADER: Final = 40
TCP_HEADER: Final = 24
_IPV6: Final = 6
_TCP: Final = 6  # protocol number


@dataclass(frozen=True, slots=True)
class Template:
    """A SYN frame whose destination, ports, sequence number and checksums are zero.

    `link` is the length of its link-layer header, `ip_sum` and `tcp_sum` what the rest adds up to.
    """

    frame: bytes
    version: int
    link: int
    ip_sum: int
    tcp_sum: int


def template_of(version: int, source: str, link_source: bytes | None) -> Template:
    """Build the frame of a path.

    `link_source` is the interface's own link address, None for one without link-layer headers.
    """
    frame = bytearray(syn_frame(version, source, link_source))
    link = 0 if link_source is None else ETHERNET
    address = 4 if version != _IPV6 else 16
    header = IPV4_HEADER if version != _IPV6 else IPV6_HEADER
    tcp = link + header
    if version != _IPV6:
        frame[link + 10 : link + 12] = bytes(2)
    for start, size in ((tcp - address, address), (tcp, 4), (tcp + 4, 4), (tcp + 16, 2)):
        frame[start : start + size] = bytes(size)
    fixed = bytes(frame)
    # The pseudo header (RFC 9293 §3.1, RFC 8200 §8.1): addresses, length and protocol.
    addresses = fixed[tcp - 2 * address : tcp]
    pseudo = checksum_part(addresses) + TCP_HEADER + _TCP
    return Template(
        frame=fixed,
        version=version,
        link=link,
        ip_sum=checksum_part(fixed[link:tcp]),
        tcp_sum=pseudo + checksum_part(fixed[tcp:]),
    )


def checksum_part(data: bytes) -> int:
    """Add up 16-bit words, in network order; the length is even."""
    return sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
