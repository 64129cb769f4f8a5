from __future__ import annotations

import pytest

from portproof.errors import SourceError
from portproof.model.portspec import parse_ports
from portproof.model.source import EVIDENCE, IMPORTED, FileOptions
from sources.answers import MASSCAN, NAABU, NMAP, OSQUERY, SS
from sources.world import World


@pytest.mark.parametrize(
    ("kind", "content"), [("nmap_xml", NMAP), ("masscan", MASSCAN), ("naabu", NAABU)]
)
def test_what_another_scanner_saw_is_marked_as_imported_and_not_witnessed(
    world: World, kind: str, content: str
) -> None:
    items = world.source(kind, world.files("x", content)).fetch().items
    assert {each.attributes[EVIDENCE] for each in items} == {IMPORTED}


def test_only_open_ports_of_hosts_that_were_up_are_taken_from_nmap(world: World) -> None:
    (host,) = world.source("nmap_xml", world.files("x", NMAP)).fetch().items
    assert host.ports == parse_ports("443,U:53")


def test_a_name_from_the_ptr_record_is_an_attribute_and_no_name(world: World) -> None:
    (host,) = world.source("nmap_xml", world.files("x", NMAP)).fetch().items
    assert host.names == ("web.example.com",)
    assert host.attributes["ptr"] == "evil.example.net"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]><nmaprun>&a;</nmaprun>', "it declares entities"),
        (
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><nmaprun>&a;</nmaprun>',
            "it declares entities",
        ),
        (NMAP[:300], "it is no complete XML"),
        ("<html></html>", "its root is <html>, not <nmaprun>"),
        ("", "it is no complete XML"),
    ],
)
def test_hostile_or_torn_xml_is_refused(world: World, content: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        world.source("nmap_xml", world.files("x", content)).fetch()


def test_an_external_dtd_is_never_read(world: World) -> None:
    declared = f'<!DOCTYPE nmaprun SYSTEM "{world.site.url}/x.dtd">'
    content = NMAP.replace("<!DOCTYPE nmaprun>", declared)
    assert len(world.source("nmap_xml", world.files("x", content)).fetch().items) == 1
    assert world.site.asked == []


def test_the_comma_that_masscan_leaves_after_its_last_record_does_no_harm(world: World) -> None:
    (host,) = world.source("masscan", world.files("x", MASSCAN)).fetch().items
    assert host.ports == parse_ports("22,443")


def test_both_of_naabus_ways_to_write_a_port_are_read(world: World) -> None:
    web, other = world.source("naabu", world.files("x", NAABU)).fetch().items
    assert (web.names, web.ports) == (("web.example.com",), parse_ports("443"))
    assert other.ports == parse_ports("22")


@pytest.mark.parametrize(
    ("kind", "content", "ports"),
    [("ss", SS, "22,443,U:68,U:123"), ("osquery", OSQUERY, "22,U:53")],
)
def test_what_listens_on_loopback_only_is_left_out(
    world: World, kind: str, content: object, ports: str
) -> None:
    (machine,) = world.source(kind, world.files("web-1.txt", content)).fetch().items
    assert (machine.id, machine.ports) == ("web-1", parse_ports(ports))
    assert [str(each) for each in machine.addresses] == ["10.0.0.5"]


def test_a_machine_whose_addresses_nobody_says_is_told(world: World) -> None:
    only = "Netid State Recv-Q Send-Q Local Peer\ntcp LISTEN 0 1 *:22 *:*\n"
    listing = world.source("ss", world.files("web-1.txt", only)).fetch()
    assert listing.items == ()
    assert "machine web-1 has neither an address nor a name" in listing.not_understood[0]


def test_a_pattern_may_name_many_files(world: World) -> None:
    world.file("web-1.txt", SS)
    world.file("web-2.txt", SS)
    source = world.source("ss", FileOptions(patterns=(str(world.folder / "web-*.txt"),)))
    assert [each.id for each in source.fetch().items] == ["web-1", "web-2"]
