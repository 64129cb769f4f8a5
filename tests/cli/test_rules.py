"""`portproof rules`, and what rules of one's own do to a check."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from command import Answer, portproof
from listeners import listener
from portproof.cli.group import run
from portproof.model.custom_rule import VARIABLES
from site_documents import Site, entry

WAIVER = (
    "{id: accepted, rules: [custom/high], reason: r, requester: net-team, approver: sec-team, "
    "begins: 2026-01-01, expires: 2026-12-31}"
)


@dataclass(frozen=True)
class Scanned:
    folder: Path
    low: int
    high: int

    def rules(self, text: str) -> None:
        (self.folder / "rules.yaml").write_text(text, encoding="utf-8")

    def run(self, *words: str) -> Answer:
        """Run a command in this process: most of the time of a short one is its start."""
        argv, sys.argv = sys.argv, ["portproof", *words]
        try:
            with (
                chdir(self.folder),
                redirect_stdout(StringIO()) as out,
                redirect_stderr(StringIO()) as err,
            ):
                code = run()
        finally:
            sys.argv = argv
        return Answer(code, out.getvalue(), err.getvalue())

    def evidence(self) -> dict[str, Any]:
        answer = self.run("check", "--format", "json")
        document: dict[str, Any] = json.loads(answer.out)
        return document


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    """Two approved ports that say nothing of themselves, scanned once."""
    with listener(address="127.0.0.5") as one, listener(address="127.0.0.5") as other:
        low, high = sorted((one, other))
        site = Site(
            tmp_path_factory.mktemp("rules"),
            networks=["127.0.0.5"],
            targets=["127.0.0.5"],
            ports=f"{low},{high}",
            entries=[entry("both", "127.0.0.5", low, ""), entry("high", "127.0.0.5", high, "")],
        )
        config = site.write() / "portproof.yaml"
        config.write_text(config.read_text() + "rules: rules.yaml\n")
        held = Scanned(site.folder, low, high)
        assert portproof("scan", cwd=held.folder).code == 0
        yield held


def high_port(scanned: Scanned) -> str:
    return (
        "rules:\n  - id: high\n    title: High port\n    severity: high\n"
        f"    when: port == {scanned.high}\n    controls: {{pci: ['1.2.5']}}\n"
    )


def test_a_deviation_by_a_rule_is_a_finding_that_reports_show_and_that_decides_the_exit_code(
    scanned: Scanned,
) -> None:
    scanned.rules(high_port(scanned))
    assert scanned.run("check").code == 1
    evidence = scanned.evidence()
    (found,) = evidence["findings"]
    assert (found["rule"], found["severity"], found["status"]) == ("custom/high", "high", "open")
    assert (found["location"], found["controls"]) == ("rules.yaml:2:5", ["pci:1.2.5"])
    kinds = {each["kind"]: each["name"] for each in evidence["documents"]}
    assert kinds["custom rules"] == "rules.yaml"
    sarif = json.loads(scanned.run("check", "--format", "sarif").out)
    (result,) = sarif["runs"][0]["results"]
    assert result["ruleId"] == "custom/high"
    assert 'classname="custom/high"' in scanned.run("check", "--format", "junit").out
    shown = scanned.run("findings", "show", found["id"]).out
    assert "governed by  rule custom/high (rules.yaml:2:5)" in shown


def test_a_waiver_may_name_a_rule_that_the_document_has_and_no_other(scanned: Scanned) -> None:
    scanned.rules(high_port(scanned))
    waivers = scanned.folder / "waivers.yaml"
    before = waivers.read_text()
    waivers.write_text(f"waivers:\n  - {WAIVER}\n")
    assert scanned.run("check").code == 0
    scanned.rules("rules: []\n")
    refused = scanned.run("check")
    waivers.write_text(before)
    assert refused.code == 2
    assert "waivers.yaml:2:28: unknown rule 'custom/high'" in refused.err


def test_a_rule_that_fails_makes_a_check_exit_3(scanned: Scanned) -> None:
    scanned.rules("rules:\n  - {id: odd, title: Odd, severity: low, when: 1 / (port - port) > 0}\n")
    answer = scanned.run("check")
    assert answer.code == 3
    assert "divide by zero" in " ".join(answer.out.split())


def test_lint_tells_places_inside_of_expressions_in_each_form(scanned: Scanned) -> None:
    scanned.rules(
        "rules:\n  - id: odd\n    title: Odd\n    severity: low\n"
        "    when: |\n      approved &&\n        prot == 22\n"
    )
    fault = "rules.yaml:7:9: unknown name 'prot'; did you mean 'port'?"
    answer = scanned.run("rules", "lint")
    assert (answer.code, answer.out) == (2, f"{fault}\n")
    assert answer.err == "rules.yaml: 1 fault\n"
    sarif = json.loads(scanned.run("rules", "lint", "--format", "sarif").out)
    (result,) = sarif["runs"][0]["results"]
    (place,) = result["locations"]
    region = place["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (7, 9)
    (document,) = json.loads(scanned.run("rules", "lint", "--format", "json").out)["documents"]
    assert [each["line"] for each in document["faults"]] == [7]
    assert "line=7,col=9" in scanned.run("rules", "lint", "--format", "github").out
    check = scanned.run("check")
    assert (check.code, check.err) == (2, f"portproof: {fault}\n")


def test_lint_tells_what_is_wrong_with_the_documents_that_it_judges_by(scanned: Scanned) -> None:
    scanned.rules(high_port(scanned))
    vantages = scanned.folder / "vantages.yaml"
    before = vantages.read_text()
    vantages.write_text(before.replace("untrusted", "unknown"))
    answer = scanned.run("rules", "lint")
    vantages.write_text(before)
    assert (answer.code, answer.err.splitlines()[0]) == (2, "rules.yaml: no faults (1 rule)")
    assert answer.out.startswith("vantages.yaml:2:")


def test_test_shows_the_ports_a_rule_is_true_of_with_the_values_it_saw(scanned: Scanned) -> None:
    scanned.rules(high_port(scanned))
    answer = scanned.run("rules", "test", "high")
    assert answer.code == 0
    first, counts, left_out = answer.out.splitlines()
    assert first == f"deviates  127.0.0.5:{scanned.high}/tcp  port = {scanned.high}"
    assert counts.endswith("1 deviate, 1 do not, 0 cannot be told")
    assert left_out == "0 open ports lie outside its selectors"
    every = scanned.run("rules", "test", "high", "--all").out
    assert f"conforms  127.0.0.5:{scanned.low}/tcp" in every
    document = json.loads(scanned.run("rules", "test", "high", "--format", "json").out)
    assert [each["said"] for each in document["asked"]] == ["conforms", "deviates"]


def test_test_names_what_is_not_there(scanned: Scanned) -> None:
    scanned.rules(high_port(scanned))
    unknown = scanned.run("rules", "test", "nobody")
    assert (unknown.code, unknown.out) == (2, "")
    assert "there is no rule 'nobody' in rules.yaml; there are: custom/high" in unknown.err


def test_variables_lists_each_with_its_type(scanned: Scanned) -> None:
    lines = scanned.run("rules", "variables").out.splitlines()
    assert [line.split()[0] for line in lines] == [each.name for each in VARIABLES]


def test_without_rules_the_language_is_never_loaded(scanned: Scanned, tmp_path: Path) -> None:
    config = scanned.folder / "portproof.yaml"
    plain = scanned.folder / "plain.yaml"
    plain.write_text(config.read_text().replace("rules: rules.yaml\n", ""))
    code = (
        "import sys\n"
        "from portproof.cli.group import cli\n"
        f"cli.main(['check', '-c', {str(plain)!r}], standalone_mode=False)\n"
        "sys.exit(any(name.startswith(('cel_', 'portproof.expressions')) for name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_without_the_extra_one_line_says_what_to_install(scanned: Scanned) -> None:
    scanned.rules(high_port(scanned))
    code = (
        "import sys; sys.modules['cel_expr_python'] = None; sys.argv = ['portproof', 'check']\n"
        "from portproof.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=scanned.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "pip install 'portproof[cel]'" in line
