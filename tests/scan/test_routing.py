"""What the kernel's tables say; the addresses of loopback are the same everywhere."""

from __future__ import annotations

import json
import socket
import sys
from ipaddress import ip_address

import pytest

from netns import Lab
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


SAID_TWICE = """
import json, sys
from ipaddress import ip_address
from portproof.scan.routing import Routes, route_to
routes = Routes()
addresses = [ip_address(each) for each in json.loads(sys.argv[1])]
print(json.dumps([str(each) for each in addresses if routes(each) != route_to(each)]))
"""
ROUTES = (
    "10.7.0.0/16 via 10.99.1.2",
    "10.7.9.0/24 via 10.99.1.9",
    "10.7.9.77/32 dev cable",
    "local 10.8.0.0/24 dev lo",
    "unreachable 10.9.0.0/16",
    "fd77::/32 via fd99:1::2",
)


@pytest.mark.privileged
def test_many_routes_asked_once_are_what_the_kernel_says_of_each_address() -> None:
    near = [f"10.{a}.{b}.{c}" for a in (7, 8, 9) for b in (0, 8, 9, 10) for c in (0, 76, 77, 78)]
    others = ["10.99.1.1", "10.99.1.2", "10.99.1.200", "127.0.0.1", "192.0.2.1"]
    sixth = ["::1", "fd99:1::1", "fd99:1::2", "fd99:1::77", "fd77::1", "fd77:ffff::1", "fd78::1"]
    with Lab() as lab:
        for each in ROUTES:
            lab.run(lab.client, ["ip", "route", "add", *each.split()])
        asked = json.dumps(near + others + sixth)
        differ = lab.run(lab.client, [sys.executable, "-c", SAID_TWICE, asked]).stdout
    assert json.loads(differ) == []
