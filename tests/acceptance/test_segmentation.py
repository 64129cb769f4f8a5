"""Zones in namespaces with nftables between them: a boundary is tested, opens, refuses, is closed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netns import Namespace
from portproof.assets import policies_dir
from portproof.documents import (
    load_segmentation,
    load_service_rules,
    load_sink_log,
    load_vantages,
)
from portproof.model.finding import Severity
from portproof.policy.segmentation import SegmentationCase
from portproof.policy.segmentation_exit import segmentation_exit_code
from portproof.policy.services import RuleBook
from portproof.render.segmentation_json import segmentation_json
from portproof.store import open_store
from portproof.usecases.segmentation import Span, segmentation
from sinks import sink
from zoned import ABSENT, INSIDER, TARGET, ZonedLab

POLICY = """\
tester: {{name: test team, qualification: Q-1, independent_of: network team}}
ports: {ports}
zones:
  - {{name: {zone}, networks: {networks}, targets: {targets}}}
cells:
  - {{from: {source}, to: {zone}, expect: deny}}
"""
OUTSIDE = "10.99.3.1"


class Site:
    """A folder with the documents, and a laboratory to use them in."""

    def __init__(self, folder: Path, lab: ZonedLab) -> None:
        self.folder = folder
        self.lab = lab

    def write(self) -> None:
        """Write the documents; vantages are the office's desk, and an insider of the cde."""
        self.put(
            "authorisation.yaml",
            """\
id: a-1
owner: network team
contact: noc@example.com
networks: [10.99.0.0/16]
valid_from: 2020-01-01
valid_until: 2099-12-31
rates: {global_pps: 20000, per_host_pps: 20000}
controls:
  - {id: canary, kind: positive, endpoint: "10.99.2.254:7", networks: [10.99.0.0/16]}
""",
        )
        self.put(
            "vantages.yaml",
            """\
zones:
  - {name: internet, trust: untrusted}
  - {name: office, trust: trusted, networks: 10.99.1.0/24}
  - {name: cde, trust: trusted, networks: 10.99.2.0/24, protected: true}
vantages:
  - {id: desk, zone: office, operator: net-team}
  - {id: insider, zone: cde, operator: net-team}
""",
        )
        self.put(
            "portproof.yaml",
            "database: portproof.sqlite\nauthorisation: authorisation.yaml\n"
            "vantages: vantages.yaml\nsegmentation: segmentation.yaml\n",
        )

    def policy(self, name: str, **changes: str) -> None:
        """Write a policy: the office may not reach the cde, unless `changes` say otherwise."""
        settings = {"zone": "cde", "networks": "10.99.2.0/24", "source": "office", "ports": "78-82"}
        self.put(name, POLICY.format(**(settings | changes)))

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, where: Namespace, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command in a zone; what went wrong in it is an error, not a Traceback."""
        command = [sys.executable, "-m", "portproof", *arguments]
        done = self.lab.run(where, command, check=False, cwd=self.folder)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def check(self, policy: str = "segmentation.yaml", log: str = "") -> tuple[int, dict[str, Any]]:
        """Judge what is stored, as `segmentation check` does but without a process of its own.

        Gives the exit code, and the cell that the policy lists.
        """
        vantages = load_vantages(self.folder / "vantages.yaml")
        held = load_segmentation(self.folder / policy, vantages=vantages)
        rules = RuleBook(load_service_rules(policies_dir() / "service-rules.yaml"))
        case = SegmentationCase(policy=held, vantages=vantages, rules=rules)
        sinks = (load_sink_log(self.folder / log),) if log else ()
        with open_store(self.folder / "portproof.sqlite") as store:
            matrix = segmentation(store, case, Span(until=datetime.now(UTC), sinks=sinks))
        cells = json.loads(segmentation_json(matrix))["cells"]
        listed = next(each for each in cells if not each["by_default"])
        return segmentation_exit_code(matrix, Severity.MEDIUM), listed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ZonedLab() as lab:
        site = Site(tmp_path, lab)
        site.write()
        lab.serve(lab.router, [sys.executable, "-m", "http.server", "7"], port=7)
        yield site


def kinds(cell: dict[str, Any], key: str, word: str) -> set[str]:
    return {each[word] for each in cell[key]}


def test_a_boundary_is_proved_opens_refuses_and_lets_a_reset_through(site: Site) -> None:
    lab, office = site.lab, site.lab.office
    site.policy("segmentation.yaml", targets=f"[{TARGET}]")
    site.policy("with-absent.yaml", targets=f"[{TARGET}, {ABSENT}]")
    lab.serve(lab.server, [sys.executable, "-m", "http.server", "80"], port=80)

    # Nothing is known of the target yet, so that its silence proves nothing.
    lab.boundary(f"ip daddr {TARGET} drop")
    test = ("segmentation", "test", "--vantage")
    assert site.run(office, *test, "desk").returncode == 0
    code, cell = site.check()
    assert (code, kinds(cell, "gaps", "kind")) == (3, {"not proved alive from inside its own zone"})

    assert site.run(lab.insider, *test, "insider").returncode == 0
    code, cell = site.check()
    assert (code, cell["state"], cell["alive"]) == (0, "supported", [TARGET])
    complete = cell["last_complete_test"]

    # A target that nobody saw alive is named, whatever else was proved.
    code, cell = site.check("with-absent.yaml")
    assert (code, cell["state"]) == (3, "insufficient evidence")
    assert kinds(cell, "gaps", "address") == {ABSENT}

    # A change had a side effect: 80 answers, and the target itself resets 79, where nobody listens.
    lab.boundary(
        "tcp dport 79-80 accept", f"ip daddr {TARGET} reject with icmp type admin-prohibited"
    )
    site.run(office, *test, "desk", "--because", "CHG-12")
    code, cell = site.check()
    assert (code, cell["state"]) == (1, "exceptions noted")
    told = {each["ports"]: (each["how"], each["severity"]) for each in cell["paths"]}
    assert told == {
        "80": ("answered open", "high"),
        "79": ("reset in the target's name", "high"),
    }
    assert cell["last_complete_test"]["started_by"] == "CHG-12"
    assert cell["last_complete_test"]["at"] >= complete["at"]

    # The router says no: that is the boundary at work, since it was the router that said it.
    lab.boundary(f"ip daddr {TARGET} reject with icmp type admin-prohibited")
    site.run(office, *test, "desk")
    code, cell = site.check()
    assert (code, cell["state"]) == (0, "supported")
    assert kinds(cell, "earlier_paths", "ports") == {"79", "80"}

    assert site.run(office, "segmentation", "check").returncode == 0
    history = site.run(office, "segmentation", "history", "office", "cde").stdout
    assert "exceptions" in history
    assert "supported" in history
    assert site.run(office, "segmentation", "report", "--out", "out").returncode == 0
    assert (site.folder / "out" / "segmentation.html").exists()


def test_a_sink_outside_says_what_got_out_and_what_did_not(site: Site) -> None:
    lab = site.lab
    site.policy(
        "segmentation.yaml",
        zone="internet",
        networks="10.99.3.0/24",
        targets=f"[{OUTSIDE}]",
        source="cde",
        ports='"90,U:9000-9002"',
    )
    ask = ("egress", "--to", OUTSIDE, "-p", "90,U:9000-9002", "--format", "json")
    with sink(
        site.folder / "sink.jsonl",
        enter=lab.internet.enter,
        address=OUTSIDE,
        ports="90,U:9000-9002",
    ) as running:
        # From the office everything gets out: that shows that the sink hears.
        first = site.run(lab.office, *ask, "--vantage", "desk")
        assert first.returncode == 1
        lab.boundary(
            f"ip saddr {INSIDER} tcp dport 90 accept",
            f"ip saddr {INSIDER} udp dport 9001 accept",
            f"ip saddr {OUTSIDE} udp sport 9002 drop",
            f"ip saddr {INSIDER} udp dport 9002 accept",
            f"ip saddr {INSIDER} ip daddr {OUTSIDE} drop",
        )
        lab.nft(
            lab.router,
            "table inet oneway {\n chain through {\n"
            " type filter hook forward priority -5; policy accept;\n"
            f" ip saddr {OUTSIDE} udp sport 9002 drop\n }}\n}}\n",
        )
        site.run(lab.insider, *ask, "--vantage", "insider")
        running.stop()
    code, cell = site.check(log="sink.jsonl")
    assert (code, cell["gaps"]) == (1, [])
    told = {each["ports"]: each["how"] for each in cell["paths"]}
    assert told == {
        "90": "answered open",
        "9001": "answered open",
        "9002": "arrived at the sink",
    }
    assert all(each["own_sink"] for each in cell["paths"])
