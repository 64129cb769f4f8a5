from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from evidence_parts import finding
from evidence_samples import hostile, inconclusive, little, typical
from portproof.model.evidence import EvidenceDocument
from portproof.render.sarif import to_sarif


def run_of(document: EvidenceDocument) -> dict[str, Any]:
    log = json.loads(to_sarif(document))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run  # type: ignore[no-any-return]


def test_every_finding_and_unknown_is_one_result() -> None:
    document = typical()
    results = run_of(document)["results"]
    assert len(results) == len(document.findings) + len(document.unknown)
    assert [each["partialFingerprints"]["portproof/v1"] for each in results] == [
        each.id for each in (*document.findings, *document.unknown)
    ]


def test_every_result_points_into_a_file_and_to_its_endpoint() -> None:
    for result in run_of(typical())["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "baseline.yaml"
        assert place["region"]["startLine"] >= 1
        assert location["logicalLocations"][0]["fullyQualifiedName"]


@pytest.mark.parametrize(
    ("location", "uri", "line", "column"),
    [
        ("baseline.yaml:31:5", "baseline.yaml", 31, 5),
        ("my base/line.yaml:31", "my%20base/line.yaml", 31, 1),
        ("a:b.yaml:7:2", "a%3Ab.yaml", 7, 2),
        ("baseline.yaml:0:0", "baseline.yaml", 1, 1),
        ("", "evidence.json", 1, 1),
        ("no place", "evidence.json", 1, 1),
    ],
)
def test_a_location_is_read_from_its_end(location: str, uri: str, line: int, column: int) -> None:
    document = replace(
        little(), findings=(finding("192.0.2.10:22/tcp", "x", location=location),), documents=()
    )
    place = run_of(document)["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
    assert place["region"] == {"startLine": line, "startColumn": column}


def test_severity_decides_the_level() -> None:
    levels = {
        severity: run_of(replace(little(), findings=(finding("a:1/tcp", "x", severity),)))[
            "results"
        ][0]["level"]
        for severity in ("critical", "high", "medium", "low", "info")
    }
    assert levels == {
        "critical": "error",
        "high": "error",
        "medium": "warning",
        "low": "note",
        "info": "note",
    }


def test_a_waived_finding_is_suppressed_and_still_listed() -> None:
    waived = [each for each in run_of(typical())["results"] if "suppressions" in each]
    assert [each["suppressions"] for each in waived] == [
        [{"kind": "external", "status": "accepted", "justification": "waiver WV-7"}]
    ]


def test_what_could_not_be_judged_is_open_and_has_no_level() -> None:
    result = run_of(typical())["results"][-1]
    assert (result["kind"], result["level"]) == ("open", "none")


def test_rules_are_listed_once_and_indexed() -> None:
    run = run_of(typical())
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])


def test_an_inconclusive_run_did_not_execute_successfully() -> None:
    (invocation,) = run_of(inconclusive())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "Insufficient evidence" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert run_of(little())["invocations"][0]["executionSuccessful"] is True


def test_hostile_text_stays_json_and_cannot_act_on_a_terminal() -> None:
    text = to_sarif(hostile())
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert "\x1b[2J" in json.dumps(json.loads(text), ensure_ascii=False).replace("\\u001b", "\x1b")
