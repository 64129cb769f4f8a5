"""Faults of documents, as editors and code hosts read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from portproof.errors import Fault
from portproof.render.faults import (
    MOST_RESULTS,
    faults_github,
    faults_json,
    faults_sarif,
    faults_text,
)

FAULT = Fault("policy/baseline.yaml", 7, 3, "unknown asset 'web'")
WHOLE = Fault("policy/zones.yaml", 0, 0, "is not a regular file")


def results(*faults: Fault) -> list[dict[str, Any]]:
    (run,) = json.loads(faults_sarif(faults, "1.2.3"))["runs"]
    found: list[dict[str, Any]] = run["results"]
    return found


def place(fault: Fault) -> tuple[str, int, int]:
    (located,) = results(fault)[0]["locations"]
    physical = located["physicalLocation"]
    region = physical["region"]
    return physical["artifactLocation"]["uri"], region["startLine"], region["startColumn"]


def test_sarif_points_to_the_line_and_column() -> None:
    assert place(FAULT) == ("policy/baseline.yaml", 7, 3)
    (result,) = results(FAULT)
    assert result["message"]["text"] == "unknown asset 'web'"
    assert result["level"] == "error"


def test_a_fault_of_a_whole_file_stands_at_its_first_line() -> None:
    assert place(WHOLE) == ("policy/zones.yaml", 1, 1)


def test_a_path_is_relative_to_the_checkout_or_an_address_but_never_climbs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "check out"
    checkout.mkdir()
    monkeypatch.chdir(checkout)
    uris = [
        place(Fault(file, 1, 1, "x"))[0]
        for file in (str(checkout / "a b.yaml"), "../other.yaml", "sub/../c.yaml", "/etc/x.yaml")
    ]
    assert uris == ["a%20b.yaml", f"file://{tmp_path}/other.yaml", "c.yaml", "file:///etc/x.yaml"]


def test_the_same_fault_twice_has_two_marks_that_do_not_move_with_the_line() -> None:
    marks = [each["partialFingerprints"]["portproof/v1"] for each in results(FAULT, FAULT)]
    moved = results(Fault(FAULT.file, 70, 3, FAULT.problem))[0]["partialFingerprints"]
    assert len({*marks}) == 2
    assert moved == {"portproof/v1": marks[0]}


def test_sarif_holds_no_more_results_than_a_code_host_takes_and_says_so() -> None:
    log = json.loads(faults_sarif([FAULT] * (MOST_RESULTS + 5), "1"))
    (run,) = log["runs"]
    assert len(run["results"]) == MOST_RESULTS
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"].startswith("5 further faults are left out")


def test_sarif_without_faults_is_a_log_without_results() -> None:
    assert results() == []


def test_workflow_commands_name_the_place_and_the_problem() -> None:
    assert list(faults_github([FAULT, WHOLE])) == [
        "::error file=policy/baseline.yaml,line=7,col=3,title=portproof::unknown asset 'web'",
        "::error file=policy/zones.yaml,title=portproof::is not a regular file",
    ]


def test_a_workflow_command_cannot_be_broken_out_of() -> None:
    (line,) = faults_github([Fault("a,b:c%.yaml", 1, 1, "100%\n::error::x\r")])
    assert line == (
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,title=portproof::100%25%0A::error::x%0D"
    )


def test_text_cannot_steer_a_terminal() -> None:
    assert list(faults_text([Fault("a\x1b[31m.yaml", 1, 2, "x")])) == [r"a\x1b[31m.yaml:1:2: x"]


def test_json_has_every_part_of_a_fault() -> None:
    assert faults_json([FAULT]) == [
        {
            "file": "policy/baseline.yaml",
            "line": 7,
            "column": 3,
            "problem": "unknown asset 'web'",
        }
    ]
