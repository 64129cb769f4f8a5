"""The matrix as JSON, `portproof.segmentation/1`: everything that the page shows, for machines.

Fields are added and never renamed or removed within a version.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from portproof.model.segmentation_result import Cell, Gap, LastTest, Matrix, Path, RunTold
from portproof.render.segmentation_words import DEFAULT_DENY, NOT_A_PENETRATION_TEST

SCHEMA: Final = "portproof.segmentation/1"


def segmentation_json(matrix: Matrix) -> str:
    """Write the matrix, with one line end at its end."""
    policy = matrix.policy
    last = {(each.source, each.target): each for each in matrix.last}
    told = {
        "schema": SCHEMA,
        "what_this_is": NOT_A_PENETRATION_TEST,
        "default": DEFAULT_DENY,
        "since": instant(matrix.since),
        "until": instant(matrix.until),
        "policy": {"file": policy.file, "sha256": policy.digest},
        "tester": {
            "name": policy.tester.name,
            "qualification": policy.tester.qualification,
            "independent_of": policy.tester.independent_of,
        },
        "sinks": [{"file": file, "sha256": digest} for file, digest in matrix.sinks],
        "cells": [
            cell_json(each) | {"last_complete_test": _last(last.get(_pair(each)))}
            for each in matrix.cells
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def instant(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cell_json(cell: Cell) -> dict[str, Any]:
    """Give one cell as plain values."""
    rule = cell.rule
    return {
        "from": rule.source,
        "to": rule.target,
        "expected": str(rule.expectation),
        "by_default": rule.location is None,
        "allowed": [
            {
                "to": list(each.hosts_text),
                "tcp": str(each.tcp),
                "udp": str(each.udp),
                "because": each.because,
                "ticket": each.ticket,
            }
            for each in rule.allowed
        ],
        "wanted": {"tcp": str(rule.tcp), "udp": str(rule.udp)},
        "state": str(cell.state),
        "complete": cell.complete,
        "targets": list(map(str, cell.targets)),
        "alive": list(map(str, cell.alive)),
        "unused_addresses": cell.unused,
        "measured": {
            "tcp": str(cell.tcp),
            "udp": str(cell.udp),
            "endpoints": cell.endpoints,
        },
        "allowed_seen": cell.allowed_seen,
        "paths": [_path(each) for each in cell.paths],
        "earlier_paths": [_path(each) for each in cell.earlier],
        "gaps": [_gap(each) for each in cell.gaps],
        "runs": [_run(each) for each in cell.runs],
        "tested_at": instant(cell.tested_at) if cell.tested_at else None,
    }


def _pair(cell: Cell) -> tuple[str, str]:
    return cell.rule.source, cell.rule.target


def _last(test: LastTest | None) -> dict[str, Any] | None:
    if test is None or test.at is None:
        return None
    return {"at": instant(test.at), "run": test.run_id, "started_by": test.started_by}


def _path(path: Path) -> dict[str, Any]:
    return {
        "address": str(path.address),
        "transport": str(path.transport),
        "ports": str(path.ports),
        "how": str(path.how),
        "service": path.service,
        "own_sink": path.own_sink,
        "rule": "segmentation_open",
        "severity": str(path.severity),
        "trace": [
            {"rule": each.rule, "severity": str(each.severity), "because": each.because}
            for each in path.trace
        ],
        "run": path.run_id,
        "vantage": path.vantage,
        "at": instant(path.at),
        "evidence": list(path.evidence),
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "kind": str(gap.kind),
        "address": None if gap.address is None else str(gap.address),
        "transport": None if gap.transport is None else str(gap.transport),
        "ports": None if gap.ports is None else str(gap.ports),
        "detail": gap.detail,
    }


def _run(run: RunTold) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "vantage": run.vantage,
        "zone": run.zone,
        "inside": run.inside,
        "operator": run.operator,
        "started": instant(run.started),
        "finished": instant(run.finished),
        "status": str(run.status),
        "status_reason": run.status_reason,
        "engine": run.engine,
        "tool_version": run.tool_version,
        "started_by": run.started_by,
        "controls": run.controls,
        "controls_as_expected": run.controls_as_expected,
        "longest_gap_ms": run.longest_gap_ms,
    }
