"""SARIF 2.1.0, for code-scanning views of CI (OASIS standard, 2020-03-27).

A result needs a place in a file, or the views drop it: a finding points to the line of the document
it is judged by, and to the endpoint as a logical location. Waived findings stay in the list as
suppressed. What could not be judged has kind `open` and, as §3.27.10 demands for any kind but a
failure, level `none`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import quote

from portproof.model.evidence import EvidenceDocument, FindingInfo
from portproof.render.evidence_json import FILE_NAME

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL: Final = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
_PLACE: Final = re.compile(r"(?P<file>.+?):(?P<line>[0-9]{1,9})(?::(?P<column>[0-9]{1,9}))?")


def to_sarif(document: EvidenceDocument) -> str:
    """Write every finding and every unknown judgement as one SARIF log; ASCII only."""
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(document)]}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _run(document: EvidenceDocument) -> dict[str, Any]:
    judged = (*document.findings, *document.unknown)
    rules = sorted({each.rule for each in judged})
    driver = {
        "name": "portproof",
        "version": document.report.tool_version,
        "rules": [
            {"id": rule, "shortDescription": {"text": rule.replace("-", " ")}} for rule in rules
        ],
    }
    fallback = next(
        (each.name for each in document.documents if each.kind == "baseline"), FILE_NAME
    )
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"portproof/{document.report.scope}/{document.run.id}"},
        "invocations": [_invocation(document)],
        "results": [_result(each, rules.index(each.rule), fallback) for each in judged],
    }


def _invocation(document: EvidenceDocument) -> dict[str, Any]:
    run = document.run
    concluded = run.status == "complete"
    words = f"Insufficient evidence: the run is {run.status}. {run.status_reason}".strip()
    return {
        "executionSuccessful": concluded,
        "startTimeUtc": run.started,
        "endTimeUtc": run.finished,
        "toolExecutionNotifications": []
        if concluded
        else [{"level": "error", "message": {"text": words}}],
    }


def _result(finding: FindingInfo, rule_index: int, fallback: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVEL.get(finding.severity, "warning"),
        "message": {"text": f"{finding.title}. {finding.because}"},
        "locations": [_location(finding, fallback)],
        "partialFingerprints": {"portproof/v1": finding.id},
        "properties": {
            "severity": finding.severity,
            "zone": finding.zone,
            "facts": list(finding.facts),
            "controls": list(finding.controls),
            "evidence": list(finding.evidence),
            "carriedOver": finding.carried_over,
        },
    }
    if finding.verdict == "UNKNOWN":
        result |= {"kind": "open", "level": "none"}
    if finding.carried_over:
        # It stands from an earlier run and was not measured again: no result of this one.
        result |= {"kind": "open", "level": "none", "baselineState": "unchanged"}
    if finding.verdict == "WAIVED" or finding.closed_by == "false-positive":
        waived = f"waiver {finding.waiver}"
        justification = waived if finding.verdict == "WAIVED" else "closed as a false positive"
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": justification}
        ]
    return result


def _location(finding: FindingInfo, fallback: str) -> dict[str, Any]:
    place = _PLACE.fullmatch(finding.location)
    file, line, column = place.group("file", "line", "column") if place else (fallback, "1", None)
    subject = finding.endpoint or finding.asset
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(file)},
            # Lines and columns are 1-based (§3.30.5); a document fault without a line has 0.
            "region": {"startLine": max(1, int(line)), "startColumn": max(1, int(column or 1))},
        },
        "logicalLocations": [{"name": subject, "fullyQualifiedName": subject, "kind": "resource"}],
    }
