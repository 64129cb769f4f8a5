"""What the kernel's tables say; the addresses of loopback are the same everywhere."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from portproof.scan.routing import is_own, route_to


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1"])
def test_loopback_is_ours_and_its_own_next_hop(address: str) -> None:
    route = route_to(ip_address(address))
    assert route is not None
    assert route.local
    assert route.next_hop == ip_address(address)
    assert route.interface == socket.if_nametoindex("lo")
    assert is_own(ip_address(address))


@pytest.mark.parametrize("address", ["192.0.2.200", "2001:db8::200"])
def test_a_documentation_address_is_not_ours(address: str) -> None:
    assert not is_own(ip_address(address))
