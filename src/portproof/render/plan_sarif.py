"""A baseline plan as SARIF 2.1.0: remarks on the lines of the pull request that changes the baseline.

Every result has a physical location: a relative URI with forward slashes and a line that exists. One
without makes GitHub refuse the whole file (github/codeql-action issue 1738).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final
from urllib.parse import quote

from portproof.model.change_plan import PlanDocument, PlanLine

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_MOST: Final = 5_000
"""Results that GitHub shows of one run; the worst come first, and what is left out is said."""
_LEVELS: Final = {
    "port-becomes-unapproved": "error",
    "approver-missing": "error",
    "port-becomes-approved": "warning",
    "port-becomes-missing": "warning",
    "zone-weakens": "warning",
    "end-missing": "warning",
    "entry-removed": "note",
}
_RULES: Final = {
    "port-becomes-unapproved": "An observed open port loses its approval.",
    "approver-missing": "An approved entry names nobody who approved it.",
    "port-becomes-approved": "An observed open port becomes approved.",
    "port-becomes-missing": "A port that was observed not to answer becomes required.",
    "zone-weakens": "More is let through from a zone, or less is asked for.",
    "end-missing": "An approved entry has no end.",
    "entry-removed": "An entry was removed.",
}
_RANK: Final = ("error", "warning", "note")


def plan_sarif(document: PlanDocument) -> str:
    """Write the plan as one SARIF log; ASCII only."""
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(document)]}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _run(document: PlanDocument) -> dict[str, Any]:
    ranked = sorted(document.lines, key=lambda each: _RANK.index(_level(each)))
    names = list(_RULES)
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in _RULES.items()]
    return {
        "tool": {"driver": {"name": "portproof", "version": document.tool_version, "rules": rules}},
        "automationDetails": {"id": "portproof/baseline-plan/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(document, len(ranked) - _MOST)],
        "results": [_result(each, names.index(each.rule)) for each in ranked[:_MOST]],
    }


def _invocation(document: PlanDocument, left_out: int) -> dict[str, Any]:
    notes = [*document.notes]
    if left_out > 0:
        notes.append(f"{left_out} results are left out; --format json holds all")
    unknown = sum(each.count for each in document.gaps)
    if unknown:
        notes.append(f"{unknown} ports are judged otherwise and their state is not known")
    told = [{"level": "note", "message": {"text": each}} for each in notes]
    return {"executionSuccessful": True, "toolExecutionNotifications": told}


def _level(line: PlanLine) -> str:
    return _LEVELS[line.rule] if line.changed else "note"


def _result(line: PlanLine, rule_index: int) -> dict[str, Any]:
    told = f"{line.rule}\n{line.subject}\n{line.text}"
    return {
        "ruleId": line.rule,
        "ruleIndex": rule_index,
        "level": _level(line),
        "message": {"text": line.text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(line.place.file)},
                    "region": {"startLine": line.place.line, "startColumn": line.place.column},
                },
                "logicalLocations": [{"name": line.subject, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"portproofPlan/v1": hashlib.sha256(told.encode()).hexdigest()},
        "properties": {"zones": list(line.zones), "changed": line.changed},
    }
