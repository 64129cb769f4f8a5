"""A folder with documents beside a laboratory of zones, for tests of segmentation."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from zoned import ZonedLab

POLICY = """\
tester: {{name: test team, qualification: Q-1, independent_of: network team}}
ports: {ports}
zones:
  - {{name: {zone}, networks: {networks}, targets: {targets}}}
cells:
  - {{from: {source}, to: {zone}, expect: deny}}
"""


class SegmentedSite:
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
networks: [10.99.0.0/16, "fd99::/16"]
valid_from: 2020-01-01
valid_until: 2099-12-31
rates: {global_pps: 20000, per_host_pps: 20000}
controls:
  - {id: canary, kind: positive, endpoint: "10.99.2.254:7", networks: [10.99.0.0/16]}
  - {id: canary6, kind: positive, endpoint: "[fd99:2::fe]:7", networks: ["fd99::/16"]}
""",
        )
        self.put(
            "vantages.yaml",
            """\
zones:
  - {name: internet, trust: untrusted}
  - {name: office, trust: trusted, networks: [10.99.1.0/24, "fd99:1::/64"]}
  - {name: cde, trust: trusted, networks: [10.99.2.0/24, "fd99:2::/64"], protected: true}
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

    def add(self, name: str, text: str) -> None:
        """Write more at the end of a document."""
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    def run(self, where: Namespace, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command in a zone; what went wrong in it is an error, not a Traceback."""
        command = [sys.executable, "-m", "portproof", *arguments]
        done = self.lab.run(where, command, check=False, cwd=self.folder)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def check(
        self, policy: str = "segmentation.yaml", logs: tuple[str, ...] = ()
    ) -> tuple[int, dict[str, Any]]:
        """Judge what is stored, as `segmentation check` does but without a process of its own.

        Gives the exit code, and the cell that the policy lists.
        """
        vantages = load_vantages(self.folder / "vantages.yaml")
        held = load_segmentation(self.folder / policy, vantages=vantages)
        rules = RuleBook(load_service_rules(policies_dir() / "service-rules.yaml"))
        case = SegmentationCase(policy=held, vantages=vantages, rules=rules)
        sinks = tuple(load_sink_log(self.folder / each) for each in logs)
        with open_store(self.folder / "portproof.sqlite") as store:
            matrix = segmentation(store, case, Span(until=datetime.now(UTC), sinks=sinks))
        cells = json.loads(segmentation_json(matrix))["cells"]
        listed = next(each for each in cells if not each["by_default"])
        return segmentation_exit_code(matrix, Severity.MEDIUM), listed


def kinds(cell: dict[str, Any], key: str, word: str) -> set[str]:
    return {each[word] for each in cell[key]}
