"""Outside-in against inside-out on a real network: a real scan, a real ss, a real nftables."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from netns import Lab
from site_documents import Site

pytestmark = pytest.mark.privileged

RULES = """
table inet filter {
  chain input { type filter hook input priority 0; policy drop;
    meta l4proto icmp accept
    meta l4proto ipv6-icmp accept
    tcp dport 8080 accept
    tcp dport 8081 drop
    tcp dport 8082-8083 accept
    tcp dport 8084-8085 reject with tcp reset
  }
}
table ip nat {
  chain pre { type nat hook prerouting priority -100; tcp dport 8082 redirect to :8080; }
}
"""


def server(lab: Lab, port: int, address: str = "0.0.0.0") -> None:
    command = [sys.executable, "-m", "http.server", str(port), "--bind", address]
    lab.serve(lab.server, command, port=port)


def ran(lab: Lab, site: Site, *arguments: str, code: int) -> str:
    command = [sys.executable, "-m", "portproof", *arguments]
    done = lab.run(lab.client, command, check=False, cwd=site.folder)
    assert done.returncode == code, done.stdout + done.stderr
    return str(done.stdout)


def standings(told: dict[str, Any]) -> dict[str, str]:
    return {each["ports"]: each["standing"] for each in told["rows"]}


def test_each_way_in_which_scan_listeners_and_rules_can_disagree_is_named(tmp_path: Path) -> None:
    site = Site(
        folder=tmp_path, networks=["10.99.1.0/24"], targets=["10.99.1.2"], ports="8080-8085"
    )
    site.write()
    with Lab() as lab:
        for port in (8080, 8081):
            server(lab, port)
        server(lab, 8084, "127.0.0.1")
        lab.nft(lab.server, RULES)
        sockets = lab.run(lab.server, ["ss", "-tulpnH"]).stdout
        (tmp_path / "ss.txt").write_text(sockets)
        ruleset = lab.run(lab.server, ["nft", "-j", "list", "ruleset"]).stdout
        (tmp_path / "nft.json").write_text(ruleset)
        ran(lab, site, "scan", code=0)
        documents = ("--listening", "10.99.1.2=ss.txt", "--intent", "nft.json")
        told = json.loads(ran(lab, site, "reconcile", *documents, "--format", "json", code=1))
    assert standings(told) == {
        "8080": "exposed and listening",
        "8081": "listening but filtered",
        "8082": "answered by a middlebox",
        "8083": "allowed but nothing listening",
    }
    assert [each for each in told["not_understood"] if "ip nat pre handle" in each]
    (stale,) = [each for each in told["rows"] if each["ports"] == "8083"]
    assert "inet filter input handle" in stale["rule"]
