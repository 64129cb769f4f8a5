"""What this machine's own configuration says of endpoints that probably answer: control proposals."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from portproof.model.endpoint import Address
from portproof.scan.routing import route_to

_RESOLVER_FILE: Final = Path("/etc/resolv.conf")


def next_hop(address: Address) -> Address | None:
    """Give the router that packets to the address go through first; no packet is sent.

    None when the address is this machine's, on a network of its own, or without a route.
    """
    route = route_to(address)
    return None if route is None or route.local or route.next_hop == address else route.next_hop


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
