"""Real nmap and portproof scan the same host; those who read nmap's XML find the same in both.

The readers are ndiff, python-libnmap and IVRE's parser, unchanged (`.ci/peers` installs the last
two), and nmap's own DTD.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from netns import Lab, Namespace, filter_rules
from site_documents import Site

pytestmark = pytest.mark.privileged

CHECKOUT = Path(__file__).resolve().parents[2]
PEERS = CHECKOUT / ".venv-peers/bin/python"
DTD = Path("/usr/share/nmap/nmap.dtd")
TCP = "1-200,300,2222,8080"
UDP = "53,123"
PORTS = f"T:{TCP},U:{UDP}"
RULES = filter_rules(
    "tcp dport 100-160 drop",
    "tcp dport 200 drop",
    "tcp dport 300 reject with icmpx type admin-prohibited",
    "udp dport 123 drop",
)


@dataclass(frozen=True)
class Scans:
    """The files that both wrote, as FORM of `nmap` and `ours`; IPv6 has XML alone."""

    folder: Path

    def file(self, scanner: str, form: str) -> Path:
        return self.folder / f"{scanner}.{form}"

    def text(self, scanner: str, form: str) -> str:
        return self.file(scanner, form).read_text()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Scans:
    folder = tmp_path_factory.mktemp("scans")
    networks = ["10.99.1.0/24", "fd99:1::/64"]
    Site(folder, networks=networks, targets=["10.99.1.2"], ports=PORTS).write()
    with Lab() as lab:
        for port in (2222, 8080):
            server = [sys.executable, "-m", "http.server", "--bind", "::", str(port)]
            lab.serve(lab.server, server, port=port)
        lab.nft(lab.server, RULES)
        both(lab, folder, lab.server.ipv4, "")
        both(lab, folder, lab.server.ipv6, "6", "-6")
    return Scans(folder)


def both(lab: Lab, folder: Path, target: str, suffix: str, *options: str) -> None:
    """Have both scan a target, and write every form."""
    ports = ("-sTU", "-p", PORTS, "--max-retries", "1", *options, "-Pn", "-n")
    run(lab, lab.client, folder, "nmap", *ports, "--reason", "-oA", f"nmap{suffix}", target)
    ours = (sys.executable, "-m", "portproof", "scan", *ports, "-T5", "--reason")
    run(lab, lab.client, folder, *ours, "-oA", f"ours{suffix}", target)


def run(lab: Lab, place: Namespace, folder: Path, *command: str) -> None:
    lab.run(place, command, cwd=folder, env={**os.environ, "PATH": f"{os.environ['PATH']}:/sbin"})


def states(file: Path) -> dict[tuple[str, str, int], str]:
    """Every state in a file, of listed ports and of counted ones."""
    found = {}
    for host in ET.parse(file).getroot().iter("host"):
        address = host.find("address")
        assert address is not None
        for counted in host.iter("extraports"):
            for share in counted.iter("extrareasons"):
                for port in expanded(share.attrib["ports"]):
                    found[address.attrib["addr"], share.attrib["proto"], port] = counted.attrib[
                        "state"
                    ]
        for listed in host.iter("port"):
            state = listed.find("state")
            assert state is not None
            key = (address.attrib["addr"], listed.attrib["protocol"], int(listed.attrib["portid"]))
            found[key] = state.attrib["state"]
    return found


def expanded(text: str) -> Iterator[int]:
    for item in text.split(","):
        first, _, last = item.partition("-")
        yield from range(int(first), int(last or first) + 1)


def read_by_peers(file: Path, *more: Path) -> dict[str, Any]:
    done = subprocess.run(
        [PEERS, CHECKOUT / "tests/peers/readers.py", file, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stderr}\nis .venv-peers there? run .ci/peers"
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def ndiff(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ndiff", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", ["", "6"], ids=["IPv4", "IPv6"])
def test_every_port_has_the_state_that_nmap_gives_it(scans: Scans, suffix: str) -> None:
    nmaps, ours = (states(scans.file(f"{who}{suffix}", "xml")) for who in ("nmap", "ours"))
    assert set(ours.values()) == {"open", "closed", "filtered", "open|filtered"}
    assert ours == nmaps


@pytest.mark.parametrize("suffix", ["", "6"], ids=["IPv4", "IPv6"])
def test_ndiff_finds_no_difference_of_state(scans: Scans, suffix: str) -> None:
    files = [scans.file(f"{who}{suffix}", "xml") for who in ("nmap", "ours")]
    done = ndiff("--xml", *files)
    assert done.stderr == ""
    for compared in ET.fromstring(done.stdout).iter("portdiff"):
        before, after = (
            [state.attrib["state"] for state in compared.iterfind(f"{side}/port/state")]
            for side in ("a", "b")
        )
        assert before == after
    assert [each.tag for each in ET.fromstring(done.stdout).iter("hostdiff")] == ["hostdiff"]


def test_ndiff_finds_nothing_between_our_file_and_itself(scans: Scans) -> None:
    file = scans.file("ours", "xml")
    done = ndiff(file, file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("reader", ["libnmap", "ivre"])
def test_a_reader_of_nmap_finds_the_same_host_in_both_files(scans: Scans, reader: str) -> None:
    nmaps, ours = (read_by_peers(scans.file(who, "xml"))[reader] for who in ("nmap", "ours"))
    if reader == "libnmap":
        assert [ours["up"], ours["total"]] == [nmaps["up"], nmaps["total"]] == [1, 1]
        nmaps, ours = nmaps["hosts"], ours["hosts"]
    assert ours.keys() == nmaps.keys() == {"10.99.1.2"}
    before, after = nmaps["10.99.1.2"], ours["10.99.1.2"]
    for what in ("status", "names", "ports", "extra"):
        assert after[what] == before[what], what
    assert after["services"]["8080/tcp"][0] == "http"


def test_the_file_is_true_to_nmaps_dtd_but_for_the_name_of_the_scanner(scans: Scans) -> None:
    assert read_by_peers(scans.file("nmap", "xml"), DTD)["dtd"] == []
    for suffix in ("", "6"):
        (fault,) = read_by_peers(scans.file(f"ours{suffix}", "xml"), DTD)["dtd"]
        assert '"portproof" for attribute scanner' in fault


def test_grepable_lines_are_nmaps_field_by_field(scans: Scans) -> None:
    nmaps, ours = (
        [line.split("\t") for line in scans.text(who, "gnmap").splitlines() if line[0] == "H"]
        for who in ("nmap", "ours")
    )
    assert ours[0] == nmaps[0] == ["Host: 10.99.1.2 ()", "Status: Up"]
    before, after = (
        [each.split("/") for each in line[1].removeprefix("Ports: ").split(", ")]
        for line in (nmaps[1], ours[1])
    )
    # Port, state, transport and owner; what answers there, nmap was not asked to find out.
    assert [each[:4] for each in after] == [each[:4] for each in before]
    assert {len(each) for each in (*before, *after)} == {8}


def test_the_normal_output_has_nmaps_lines(scans: Scans) -> None:
    nmaps, ours = (scans.text(who, "nmap").splitlines() for who in ("nmap", "ours"))
    assert ours[1] == nmaps[1] == "Nmap scan report for 10.99.1.2"
    assert ours[2].startswith("Host is up, received ")
    columns = [line.split()[:4] for line in ours if "/tcp" in line or "/udp" in line]
    expected = [line.split()[:4] for line in nmaps if "/tcp" in line or "/udp" in line]
    # SERVICE is nmap's own name of the number where it was not asked what answers.
    assert [each[:2] for each in columns] == [each[:2] for each in expected]
    shown = [line for line in ours if line.startswith("Not shown: ")]
    assert "138 closed tcp ports (" in shown[0]
    assert "62 filtered tcp ports (no-response)" in shown[0]
