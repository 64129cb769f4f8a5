"""What scapy builds: one SYN per path, and the questions of ARP and neighbour discovery.

The only file that loads scapy, and it does so inside its functions: only the helper process calls
them. scapy's list of layers is cut to those needed, which takes its start from seconds to a fifth
of one.
"""

from __future__ import annotations

import logging
from ipaddress import IPv6Address
from typing import Any, Final

WINDOW: Final = 64_240
MSS: Final = 1_460
TTL: Final = 64
_BROADCAST: Final = "ff:ff:ff:ff:ff:ff"
_IPV6: Final = 6


def load() -> Any:
    """Load scapy's Internet layers: the module that knows IPv4, IPv6, TCP, Ethernet and ND."""
    # scapy warns of each interface without an address; routes are the kernel's business here.
    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.config import conf

    conf.load_layers = []
    # Neither are its own routing tables wanted.
    conf.route_autoload = conf.route6_autoload = False
    from scapy.layers import inet6

    return inet6


def syn_frame(version: int, source: str, link_source: bytes | None) -> bytes:
    """Give a SYN to nobody, port 0, as it goes onto the wire."""
    layers = load()
    tcp = layers.TCP(
        sport=0, dport=0, flags="S", window=WINDOW, options=[("MSS", MSS)], seq=0, chksum=0
    )
    if version == _IPV6:
        packet = layers.IPv6(src=source, dst="::", hlim=TTL) / tcp
    else:
        packet = layers.IP(src=source, dst="0.0.0.0", ttl=TTL, flags="DF", id=0, chksum=0) / tcp  # noqa: S104
    if link_source is not None:
        kind = 0x86DD if version == _IPV6 else 0x0800
        packet = layers.Ether(src=_mac(link_source), dst=_mac(bytes(6)), type=kind) / packet
    return bytes(packet)


def arp_request(source: str, link_source: bytes, wanted: str) -> bytes:
    """Give the frame that asks everybody who has an IPv4 address (RFC 826)."""
    layers = load()
    from scapy.layers.l2 import ARP

    ask = ARP(op=1, hwsrc=_mac(link_source), psrc=source, pdst=wanted, hwdst=_mac(bytes(6)))
    return bytes(layers.Ether(src=_mac(link_source), dst=_BROADCAST) / ask)


def neighbour_solicitation(source: str, link_source: bytes, wanted: bytes) -> bytes:
    """Give the frame that asks for the link address of an IPv6 address (RFC 4861 §4.3)."""
    layers = load()
    tail = wanted[-3:]
    group = bytes.fromhex("ff0200000000000000000001ff") + tail
    ask = layers.ICMPv6ND_NS(tgt=_v6(wanted)) / layers.ICMPv6NDOptSrcLLAddr(
        lladdr=_mac(link_source)
    )
    packet = layers.IPv6(src=source, dst=_v6(group), hlim=255) / ask
    return bytes(layers.Ether(src=_mac(link_source), dst=_mac(b"\x33\x33\xff" + tail)) / packet)


def _mac(address: bytes) -> str:
    return address.hex(":")


def _v6(address: bytes) -> str:
    return str(IPv6Address(address))
