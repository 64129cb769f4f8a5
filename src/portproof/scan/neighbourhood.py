"""What this machine's own configuration says of endpoints that probably answer: control proposals."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from portproof.model.endpoint import Address
from portproof.scan.routing import route_to

_RESOLVER_FILE: Final = Path("/etc/resolv.conf")
_ANYWHERE: Final = (ip_address("192.0.2.1"), ip_address("2001:db8::1"))
"""Documentation addresses (RFC 5737, RFC 3849): the route to them is the default route; no packet is sent."""


def default_gateways() -> tuple[Address, ...]:
    """Give the next hops of the default routes, IPv4 first; empty without any."""
    routes = [(each, route_to(each)) for each in _ANYWHERE]
    return tuple(
        r.next_hop for each, r in routes if r is not None and not r.local and r.next_hop != each
    )


def name_servers() -> tuple[Address, ...]:
    """Give the resolvers of resolv.conf(5) that are not this machine; empty without the file."""
    if not _RESOLVER_FILE.is_file():
        return ()
    words = [line.split() for line in _RESOLVER_FILE.read_text(errors="replace").splitlines()]
    texts = [
        each[1]
        for each in words
        if len(each) > 1 and each[0] == "nameserver" and "%" not in each[1]
    ]
    return tuple(address for address in map(_address, texts) if address and not address.is_loopback)


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
