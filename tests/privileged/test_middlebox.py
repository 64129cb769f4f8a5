"""Something on the way that answers for every address and port is one finding, and named.

The server namespace takes a whole /24 as its own and hands every connection to one listener, which
says nothing: what a SYN proxy or a tarpit looks like from outside. No host is behind it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import Lab
from site_documents import Site

pytestmark = pytest.mark.privileged

NETWORK = "10.88.1.0/24"
ANSWERS_FOR_ALL = f"""
table ip middlebox {{
  chain arriving {{
    type nat hook prerouting priority -100;
    ip daddr {NETWORK} tcp dport 1-65535 redirect to :9999
  }}
}}
"""
MUTE = """
import socket
server = socket.create_server(("0.0.0.0", 9999), backlog=4096)
while True:
    server.accept()[0].close()
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lab.run(lab.server, ["ip", "route", "add", "local", NETWORK, "dev", "lo"])
        lab.run(lab.client, ["ip", "route", "add", NETWORK, "via", lab.server.ipv4])
        lab.nft(lab.server, ANSWERS_FOR_ALL)
        lab.serve(lab.server, [sys.executable, "-c", MUTE], port=9999)
        yield lab


def deviations(lab: Lab, folder: Path, target: str, ports: str) -> list[dict[str, Any]]:
    site = Site(folder, networks=[NETWORK], targets=[target], ports=ports)
    site.rates = "{global_pps: 100000, per_host_pps: 100000, max_flows: 10000000}"
    cwd = site.write()
    portproof = [sys.executable, "-m", "portproof"]
    lab.run(lab.client, [*portproof, "scan", "--format", "json"], cwd=cwd, timeout=100)
    judged = lab.run(lab.client, [*portproof, "check", "--format", "json"], cwd=cwd, check=False)
    findings: list[dict[str, Any]] = json.loads(judged.stdout)["findings"]
    return findings


def test_a_host_that_answers_on_every_port_is_one_finding(lab: Lab, tmp_path: Path) -> None:
    (found,) = deviations(lab, tmp_path, "10.88.1.7", "1-65535")
    assert "middlebox" in found["title"]
    assert "10.88.1.7" in found["title"]
    assert "none of them identified itself" in found["because"]


def test_a_network_that_answers_for_all_its_addresses_is_one_finding(
    lab: Lab, tmp_path: Path
) -> None:
    (found,) = deviations(lab, tmp_path, NETWORK, "1-4")
    assert "middlebox" in found["title"]
    assert f"256 addresses of {NETWORK}" in found["title"]
