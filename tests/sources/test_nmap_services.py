"""What nmap recognised: its word for proposals, and never a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

import factories as make
from portproof.errors import SourceError
from portproof.model.source import FileOptions
from portproof.sources.gathering import Gathering
from portproof.sources.nmap_services import probed_services
from sources.world import World

HOST = """\
<nmaprun><host><address addr="192.0.2.7" addrtype="ipv4"/><address addr="2001:db8::7" addrtype="ipv6"/>
<address addr="00:11:22:33:44:55" addrtype="mac"/><ports>{}</ports></host></nmaprun>"""
PORT = '<port protocol="{0}" portid="{1}"><state state="{2}"/><service name="{3}" method="{4}"{5}/></port>'


def services(world: World, folder: Path, *ports: str) -> dict[str, str]:
    path = folder / "scan.xml"
    path.write_text(HOST.format("".join(ports)), encoding="utf-8")
    gathering = Gathering(
        world.source("nmap_xml", FileOptions(patterns=(str(path),))).settings, world.ground()
    )
    found = probed_services(gathering, path)
    return {str(place): name for place, name in found.items() if place.address.version == 4}


def port(name: str, method: str = "probed", **changes: str) -> str:
    held = {"protocol": "tcp", "number": "443", "state": "open", "more": ""} | changes
    return PORT.format(held["protocol"], held["number"], held["state"], name, method, held["more"])


def test_what_was_asked_and_recognised_is_named(world: World, tmp_path: Path) -> None:
    tunnel = ' tunnel="ssl"'
    found = services(
        world,
        tmp_path,
        port("http", more=tunnel),
        port("ldap", number="636", more=tunnel),
        port("domain", protocol="udp", number="53"),
    )
    assert found == {
        "192.0.2.7:443/tcp": "https",
        "192.0.2.7:636/tcp": "ldap",
        "192.0.2.7:53/udp": "domain",
    }


@pytest.mark.parametrize(
    "told",
    [
        port("https", method="table"),
        port("tcpwrapped"),
        port("unknown"),
        port("[red]x"),
        port("x" * 40),
        port("ssh", state="filtered"),
        port("ssh", protocol="sctp"),
        port("ssh", number="70000"),
    ],
)
def test_a_guess_a_refusal_or_a_strange_word_names_nothing(
    world: World, tmp_path: Path, told: str
) -> None:
    assert services(world, tmp_path, told) == {}


def test_an_address_of_each_family_is_told(world: World, tmp_path: Path) -> None:
    path = tmp_path / "scan.xml"
    path.write_text(HOST.format(port("ssh")), encoding="utf-8")
    gathering = Gathering(
        world.source("nmap_xml", FileOptions(patterns=(str(path),))).settings, world.ground()
    )
    assert set(probed_services(gathering, path)) == {
        make.endpoint("192.0.2.7:443/tcp"),
        make.endpoint("[2001:db8::7]:443/tcp"),
    }


@pytest.mark.parametrize(
    "content", ["", "<nmaprun><host>", "<!DOCTYPE x [<!ENTITY a 'a'>]><x>&a;</x>"]
)
def test_what_is_no_whole_xml_is_an_error(world: World, tmp_path: Path, content: str) -> None:
    path = tmp_path / "scan.xml"
    path.write_text(content, encoding="utf-8")
    gathering = Gathering(
        world.source("nmap_xml", FileOptions(patterns=(str(path),))).settings, world.ground()
    )
    with pytest.raises(SourceError, match="it is no XML"):
        probed_services(gathering, path)
