"""Steps that the stories in zones share: an organisation's folder, its zones, what a user types.

    story.put("baseline.yaml", baseline(entry("web", "80")))
    with story.peer(80, 8080):
        told = story.portproof(story.lab.internet, "audit", "--out", "out")

A story is told through the command line: what sends something in a process of its own inside the
vantage's namespace, what only reads or judges in this process, which spares it half a second each.
Three vantages are declared, one in each zone: `outside` (internet), `desk` (office) and `insider`
(cde). The targets are in the cde, behind the router.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from command import Answer
from netns import ENVIRONMENT, Namespace, end
from portproof.cli.group import run
from zoned import INSIDER, TARGET, ZonedLab

CANARY_PORT = 7
"""Where a peer in the cde answers those who ask whether the way there is alive."""
ROUTER = "10.99.2.254"
"""The router's own address in the cde: no boundary stands before it."""
_FORGOTTEN = "PORTPROOF_"
_SCREEN = {"COLUMNS": "120", "NO_COLOR": "1"}
_PEER = Path(__file__).with_name("zone_peer.py")

VANTAGES = """\
zones:
  - {name: internet, trust: untrusted}
  - {name: office, trust: trusted, networks: 10.99.1.0/24}
  - {name: cde, trust: trusted, networks: 10.99.2.0/24, protected: true}
vantages:
  - {id: outside, zone: internet, operator: net-team}
  - {id: desk, zone: office, operator: net-team}
  - {id: insider, zone: cde, operator: net-team}
"""
AUTHORISATION = """\
id: cde-2026
owner: net-team
contact: owner@example.com
networks: [10.99.2.0/24]
valid_from: 2020-01-01
valid_until: 2099-12-31
rates: {{global_pps: 20000, per_host_pps: 20000}}
controls:
  - {{id: canary, kind: positive, endpoint: "{canary}", networks: [10.99.2.0/24]}}
"""
SETTINGS = """\
entity: Example Shop
scope: cde
operator: net-team
database: portproof.sqlite
authorisation: authorisation.yaml
baseline: baseline.yaml
vantages: vantages.yaml
vantage: {vantage}
targets: [{targets}]
ports: "{ports}"
fail_on: low
"""


@dataclass(slots=True)
class Story:
    """A folder with the documents of an organisation, and the zones that they are about."""

    folder: Path
    lab: ZonedLab

    def documents(
        self,
        *,
        ports: str,
        vantage: str = "outside",
        targets: Sequence[str] = (TARGET,),
        canary: str = f"{TARGET}:{CANARY_PORT}",
        more: str = "",
    ) -> None:
        """Write settings, vantages and authorisation; `more` are further lines of the settings."""
        settings = SETTINGS.format(vantage=vantage, targets=", ".join(targets), ports=ports)
        self.put("portproof.yaml", settings + more)
        self.put("authorisation.yaml", AUTHORISATION.format(canary=canary))
        self.put("vantages.yaml", VANTAGES)

    def put(self, name: str, text: str) -> Path:
        """Write one document; gives its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def portproof(
        self, where: Namespace, *arguments: str, code: int | None = None, cwd: Path | None = None
    ) -> Answer:
        """Run one command inside a zone, as a user there types it; `code` is what it has to exit with."""
        done = self.lab.run(
            where,
            [sys.executable, "-m", "portproof", *arguments],
            check=False,
            cwd=cwd or self.folder,
            env=_environment(),
            timeout=120,
        )
        answer = Answer(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in answer.err, answer.err
        assert code is None or answer.code == code, f"{answer.code}: {answer.out}{answer.err}"
        return answer

    def scan(self, where: Namespace, *options: str, code: int = 0) -> Run:
        """Scan from a zone and keep the run at home; gives what the record says of the run."""
        told = self.portproof(where, "scan", "--format", "jsonl", *options, code=code).out
        record = json.loads(told.partition("\n")[0])
        instants = (datetime.fromisoformat(record[each]) for each in ("started", "finished"))
        return Run(record["run"], *instants)

    def here(self, *arguments: str, code: int = 0) -> Answer:
        """Run one command at home and in this process, as `portproof` does: one that sends nothing."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setattr("sys.argv", ["portproof", *arguments])
            for name in [each for each in os.environ if each.startswith(_FORGOTTEN)]:
                patch.delenv(name)
            for name, value in _SCREEN.items():
                patch.setenv(name, value)
            done = run()
        answer = Answer(done, out.getvalue(), err.getvalue())
        assert done == code, answer
        return answer

    def judged(self, *options: str, code: int) -> dict[str, Any]:
        """Judge a stored run at home; gives its evidence, as `check --format json` writes it."""
        return self._read("check", *options, code=code)

    def findings(self, *options: str) -> list[dict[str, Any]]:
        """Give the findings that the store at home holds, as `findings list` does."""
        return list(self._read("findings", "list", *options)["findings"])

    def life(self, finding: str) -> list[str]:
        """Give the kinds of a finding's events, oldest first."""
        (told,) = self._read("findings", "show", finding)["findings"]
        return [each["kind"] for each in told["events"]]

    def _read(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(
            self.here(*arguments, "--format", "json", code=code).out
        )
        return document

    def evidence(self, out: str = "out") -> dict[str, Any]:
        """Give the evidence that a report was drawn of."""
        document: dict[str, Any] = json.loads((self.folder / out / "evidence.json").read_text())
        return document

    @contextmanager
    def peer(self, *ports: int, address: str = TARGET, canary: bool = True) -> Iterator[None]:
        """Have a host accept on the ports, and on the canary's, until the block ends."""
        hosts = {TARGET: self.lab.server, INSIDER: self.lab.insider, ROUTER: self.lab.router}
        asked = [str(each) for each in ((CANARY_PORT, *ports) if canary else ports)]
        process = subprocess.Popen(
            [*hosts[address].enter, sys.executable, "-S", str(_PEER), address, *asked],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=ENVIRONMENT,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            end(process)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is kept, and when it was."""

    id: str
    started: datetime
    finished: datetime

    @property
    def middle(self) -> datetime:
        """An instant after it began and before it had finished."""
        return self.started + (self.finished - self.started) / 2


def entry(name: str, ports: str, *, zones: str = "internet", **changes: str) -> str:
    """Give one entry of the baseline as block of lines, with all that an assessor asks for."""
    held = {
        "hosts": TARGET,
        "ports": f'"{ports}"',
        "zones": f"[{zones}]",
        "owner": "web-team",
        "justification": "orders come in here",
    }
    approval = {
        "requester": "web-team",
        "approver": "security-team",
        "approved_on": "2026-01-01",
        "review_by": "2099-12-31",
        "ticket": "CHG-1",
    }
    for key, value in changes.items():
        (approval if key in approval else held)[key] = value
    told = ", ".join(f"{key}: {value}" for key, value in approval.items() if value)
    lines = [f"  - id: {name}", *(f"    {key}: {value}" for key, value in held.items() if value)]
    return "\n".join([*lines, f"    approval: {{{told}}}\n"])


def baseline(*entries: str) -> str:
    """Give a baseline of the entries, the first of which stands on line 3; reviewed ten days ago."""
    listed = "\n" + "".join(entries) if entries else " []\n"
    return f"scope: cde\nentries:{listed}reviewed: {{on: {day(-10)}, by: audit}}\n"


def controls(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the controls of all frameworks in an evidence document."""
    return [each for framework in evidence["frameworks"] for each in framework["controls"]]


def day(offset: int) -> str:
    """Give the UTC date so many days from now: a run is judged by the clock that it ran by."""
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def _environment() -> dict[str, str]:
    held = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(_FORGOTTEN)}
    return held | _SCREEN
