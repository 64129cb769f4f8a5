"""Machine output: standard output holds the document, whole and alone; all else is on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from command import Answer, portproof
from listeners import listener
from site_documents import Site, entry

KEYS = {"host", "ip", "port", "protocol", "tls", "timestamp", "state"}
"""What scanners agree on in JSON lines."""


@pytest.fixture(scope="module")
def open_port() -> Iterator[int]:
    with listener(address="127.0.0.5") as port:
        yield port


GONE = 2_999
"""Closed until a test listens there: no root is needed, and the kernel hands it to nobody else."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, open_port: int) -> Site:
    """One port that nobody approved, one service that is required and gone, one that is unknown."""
    site = Site(
        tmp_path_factory.mktemp("formats"),
        networks=["127.0.0.5"],
        targets=["127.0.0.5", "gone.invalid"],
        ports=f"{GONE},{open_port}",
        entries=[
            entry("gone-web", "127.0.0.5", GONE, "http", presence="required"),
            entry("gone-database", "gone.invalid", 5432, "postgresql", presence="required"),
        ],
    )
    site.write()
    return site


@pytest.fixture(scope="module")
def audited(site: Site) -> Answer:
    return portproof(
        "audit", "--report", "json", "--out", "out", "--format", "json", cwd=site.folder
    )


@pytest.fixture(scope="module")
def evidence(site: Site, audited: Answer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((site.folder / "out" / "evidence.json").read_text())
    return document


def scanned(site: Site, form: str) -> list[dict[str, Any]]:
    answer = portproof("scan", "127.0.0.5", "--format", form, cwd=site.folder)
    assert (answer.code, answer.err) == (0, "")
    if form == "json":
        listed: list[dict[str, Any]] = json.loads(answer.out)
        return listed
    return [json.loads(line) for line in answer.out.splitlines()]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_scan_tells_the_run_and_each_port_with_the_keys_that_scanners_agree_on(
    site: Site, open_port: int, form: str
) -> None:
    config, *ports = scanned(site, form)
    assert (config["type"], config["status"]) == ("config", "complete")
    assert all(each.keys() >= KEYS for each in ports)
    (seen,) = [each for each in ports if each["port"] == open_port]
    assert seen["host"] == seen["ip"] == "127.0.0.5"
    assert (seen["protocol"], seen["state"], seen["tls"]) == ("tcp", "open", False)
    assert datetime.fromisoformat(seen["timestamp"]).utcoffset() is not None


def test_an_audit_writes_its_evidence_to_standard_output_too(
    site: Site, audited: Answer, evidence: dict[str, Any]
) -> None:
    written = (site.folder / "out" / "evidence.json").read_text()
    assert json.loads(audited.out) == evidence
    assert audited.out.strip() == written.strip()
    assert audited.err.splitlines() == ["wrote out/evidence.json"]


def test_lines_of_json_name_findings_and_what_could_not_be_judged(
    site: Site, evidence: dict[str, Any]
) -> None:
    answer = portproof("check", "--format", "jsonl", cwd=site.folder)
    lines = [json.loads(line) for line in answer.out.strip().splitlines()]
    assert lines[0]["type"] == "config"
    for kind, judged in (("finding", evidence["findings"]), ("unknown", evidence["unknown"])):
        assert judged
        assert {each["id"] for each in lines if each["type"] == kind} == {
            each["id"] for each in judged
        }


def test_junit_has_a_failure_for_each_finding_and_an_error_for_each_unknown(
    site: Site, evidence: dict[str, Any]
) -> None:
    answer = portproof(
        "check", "--run", evidence["run"]["id"], "--format", "junit", cwd=site.folder
    )
    root = ET.fromstring(answer.out)
    failures = {
        each.get("classname") for each in root.iter("testcase") if each.find("failure") is not None
    }
    assert failures == {each["rule"] for each in evidence["findings"]}
    assert root.tag == "testsuites"
    assert root.get("failures") == str(len(evidence["findings"]))
    assert root.get("errors") == str(len(list(root.iter("error"))))
    assert int(root.get("errors") or 0) >= len(evidence["unknown"])
    assert answer.code == 3


def test_every_result_of_sarif_has_a_place_in_a_file_that_is_there(
    site: Site, evidence: dict[str, Any]
) -> None:
    answer = portproof(
        "check", "--run", evidence["run"]["id"], "--format", "sarif", cwd=site.folder
    )
    (run,) = json.loads(answer.out)["runs"]
    assert len(run["results"]) == len(evidence["findings"]) + len(evidence["unknown"]) > 2
    for result in run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        lines = (site.folder / place["artifactLocation"]["uri"]).read_text().splitlines()
        assert 1 <= place["region"]["startLine"] <= len(lines)


def test_a_comparison_names_what_changed_and_between_which_runs(
    site: Site, evidence: dict[str, Any], open_port: int
) -> None:
    scans = [scanned(site, "jsonl")[0]["run"]]
    with listener(address="127.0.0.5", port=GONE):
        scans.append(scanned(site, "jsonl")[0]["run"])
    answer = portproof("diff", *scans, "--format", "json", cwd=site.folder)
    told = json.loads(answer.out)
    assert (answer.code, answer.err) == (1, "")
    assert [told["before"], told["after"]] == scans
    (change,) = told["changes"]
    assert change["endpoint"] == f"127.0.0.5:{GONE}/tcp"
    assert (change["before"], change["after"]) == ("closed", "open")


def test_machine_output_is_ascii_without_an_escape_of_terminals(
    site: Site, audited: Answer
) -> None:
    sarif = portproof("check", "--format", "sarif", cwd=site.folder).out
    for text in (sarif, audited.out):
        assert text.isascii()
        assert "\x1b" not in text
