from __future__ import annotations

from xml.etree import ElementTree as ET

from evidence_samples import hostile, inconclusive, little, typical
from portproof.model.evidence import EvidenceDocument
from portproof.render.junit import to_junit


def suite_of(document: EvidenceDocument) -> ET.Element:
    suite = ET.fromstring(to_junit(document).encode()).find("testsuite")
    assert suite is not None
    return suite


def test_each_verdict_has_its_outcome() -> None:
    suite = suite_of(typical())
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "9", "failures": "6", "errors": "1", "skipped": "1",
    }  # fmt: skip
    assert len(suite.findall("testcase/failure")) == 6
    assert [each.get("message") for each in suite.findall("testcase/skipped")] == [
        "waiver WV-7: 203.0.113.3:21/tcp accepted a connection (1 of 1 attempts)."
    ]
    (unknown,) = suite.findall("testcase/error")
    assert unknown.get("message") == "not measured: no route to the host from this vantage"


def test_a_test_case_names_its_rule_and_its_endpoint() -> None:
    case = suite_of(typical()).findall("testcase")[1]
    assert case.get("classname") == "unapproved-exposure"
    assert str(case.get("name")).startswith("203.0.113.2:6379/tcp: Redis answers")


def test_a_run_without_findings_is_one_test_case_and_no_empty_file() -> None:
    suite = suite_of(little())
    assert suite.get("tests") == "1"
    assert suite.get("errors") == "0"


def test_an_inconclusive_run_is_an_error() -> None:
    run = suite_of(inconclusive()).find("testcase[@classname='run']/error")
    assert run is not None
    assert str(run.get("message")).startswith("Insufficient evidence: the run is inconclusive.")


def test_hostile_text_stays_well_formed_xml() -> None:
    names = [str(case.get("name")) for case in suite_of(hostile()).findall("testcase")]
    assert any("<script>alert(1)</script>" in name for name in names)
    assert any("\\x00" in name for name in names)
    assert max(map(len, names)) < 3_000
