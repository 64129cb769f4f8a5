"""JUnit XML, for the test views of CI servers: one test case per judgement.

The format has four outcomes, and the verdicts fit them: a deviation is its `failure`, UNKNOWN its
`error` (the check itself could not be made), a waived deviation is `skipped`, and so is one that
stands from an earlier run and was not measured again. The run is a test
case of its own, an error when inconclusive, so that a run without findings is never an empty file.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from portproof.model.evidence import EvidenceDocument, FindingInfo
from portproof.render.neutral import PROSE_LIMIT, visible
from portproof.render.wording import share

_OUTCOME: Final = {"DEVIATES": "failure", "UNKNOWN": "error", "WAIVED": "skipped"}


def to_junit(document: EvidenceDocument) -> str:
    """Write every judgement that a reader must know of as one test suite, XML 1.0."""
    judged = (*document.findings, *document.unknown)
    cases = [_run_case(document), *(_case(each) for each in judged)]
    attributes = {"name": f"portproof {document.report.scope}", **_counts(cases)}
    root = ET.Element("testsuites", _safe(attributes))
    suite = ET.SubElement(
        root, "testsuite", _safe({**attributes, "timestamp": document.run.started})
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(document).items():
        ET.SubElement(properties, "property", _safe({"name": name, "value": value}))
    suite.extend(cases)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(finding: FindingInfo) -> ET.Element:
    subject = finding.endpoint or finding.asset
    case = ET.Element(
        "testcase", _safe({"classname": finding.rule, "name": f"{subject}: {finding.title}"})
    )
    called_false = finding.closed_by == "false-positive"
    accepted = f"waiver {finding.waiver}: " if finding.verdict == "WAIVED" else ""
    accepted = "closed as a false positive: " if called_false else accepted
    outcome = {
        "message": f"{accepted}{finding.because}",
        "type": finding.severity or finding.verdict,
    }
    # What this run did not look at again is no failure of this run, nor is it fine: it is skipped.
    tag = (
        "skipped"
        if finding.carried_over or called_false
        else _OUTCOME.get(finding.verdict, "error")
    )
    element = ET.SubElement(case, tag, _safe(outcome))
    if finding.action:
        element.text = visible(
            f"{finding.action} Finding {finding.id}, evidence {', '.join(finding.evidence) or 'none'}."
        )
    return case


def _run_case(document: EvidenceDocument) -> ET.Element:
    case = ET.Element(
        "testcase", _safe({"classname": "run", "name": f"run {document.run.id} is conclusive"})
    )
    if document.run.status != "complete":
        message = (
            f"Insufficient evidence: the run is {document.run.status}. {document.run.status_reason}"
        )
        ET.SubElement(case, "error", _safe({"message": message, "type": document.run.status}))
    return case


def _properties(document: EvidenceDocument) -> dict[str, str]:
    return {
        "result": document.summary.sentence,
        "coverage": share(document.summary.measured, document.summary.planned),
        "vantage": f"{document.vantage.id} ({document.vantage.zone})",
        **{
            f"judgements {name}": str(count)
            for name, count in sorted(document.summary.by_verdict.items())
        },
    }


def _counts(cases: list[ET.Element]) -> dict[str, str]:
    def having(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in cases))

    return {
        "tests": str(len(cases)),
        "failures": having("failure"),
        "errors": having("error"),
        "skipped": having("skipped"),
    }


def _safe(attributes: dict[str, str]) -> dict[str, str]:
    # XML 1.0 §2.2 has no form at all for most control characters, not even an escape.
    return {name: visible(value, PROSE_LIMIT) for name, value in attributes.items()}
