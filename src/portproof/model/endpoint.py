"""Where a probe goes: an address, a transport and a port."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


class Transport(StrEnum):
    """The transport protocol of a port."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address, transport and port (1 to 65535); printed as `10.0.0.5:22/tcp`, `[::1]:53/udp`."""

    address: Address
    transport: Transport
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.address)}:{self.port}/{self.transport}"


def endpoint_order(endpoint: Endpoint) -> tuple[int, int, str, int]:
    """Give the sort key of reports: IPv4 before IPv6, then address, transport, port."""
    address = endpoint.address
    return (address.version, int(address), endpoint.transport, endpoint.port)


def bracketed(address: Address) -> str:
    """Print an address for use before a colon: IPv6 in brackets (RFC 3986 §3.2.2)."""
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - the IP version
