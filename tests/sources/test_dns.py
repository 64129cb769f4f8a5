from __future__ import annotations

import base64
from dataclasses import replace
from ipaddress import ip_address

import dns.tsigkeyring
import pytest

from portproof.errors import SourceError
from portproof.model.portspec import parse_ports
from portproof.model.source import DnsOptions, TransferOptions
from sources.answers import ZONE
from sources.world import SECRET, TOKEN, NameAnswers, NameServer, World, serving

LOOPBACK = ip_address("127.0.0.1")


def test_a_zone_gives_each_name_its_addresses_and_its_aliases(world: World) -> None:
    server = NameServer(ZONE)
    with serving(server):
        options = TransferOptions(zone="example.com", server=LOOPBACK, port=server.port)
        name_server, shop, web = world.source("dns_transfer", options).fetch().items
    assert [str(each) for each in web.addresses] == ["192.0.2.10", "2001:db8::10"]
    assert web.names == ("web.example.com", "www.example.com")
    assert (shop.kind, shop.addresses) == ("alias", ())
    assert shop.attributes["alias of"] == "cdn.example.net"
    assert name_server.id == "ns.example.com"


def test_a_zone_that_wants_a_key_is_transferred_with_it_and_not_without(world: World) -> None:
    text = base64.b64encode(SECRET.encode()).decode()
    server = NameServer(ZONE, dict(dns.tsigkeyring.from_text({"xfr.": ("hmac-sha256", text)})))
    with serving(server):
        bare = TransferOptions(zone="example.com", server=LOOPBACK, port=server.port)
        with pytest.raises(SourceError, match="the server refuses"):
            world.source("dns_transfer", bare).fetch()
        signed = TransferOptions(
            zone="example.com", server=LOOPBACK, port=server.port, key_name="xfr.", key=TOKEN
        )
        made = world.source("dns_transfer", signed)
        made = replace(made, ground=replace(made.ground, secrets=lambda _: text))
        assert len(made.fetch().items) == 3


def test_a_service_gives_its_target_with_its_port(world: World) -> None:
    world.names.known = {"web.example.com": ["192.0.2.10"]}
    server = NameAnswers(ZONE)
    with serving(server):
        options = DnsOptions(
            services=("_ldap._tcp.example.com",), server=LOOPBACK, port=server.port
        )
        (found,) = world.source("dns", options).fetch().items
    assert (found.names, found.ports) == (("web.example.com",), parse_ports("389"))
    assert [str(each) for each in found.addresses] == ["192.0.2.10"]


def test_a_service_that_does_not_exist_is_an_error(world: World) -> None:
    server = NameAnswers(ZONE)
    with serving(server):
        options = DnsOptions(services=("_no._tcp.example.com",), server=LOOPBACK, port=server.port)
        with pytest.raises(SourceError, match=r"there is no name _no\._tcp\.example\.com"):
            world.source("dns", options).fetch()
