"""The matrix as JSON, `portproof.segmentation/1`: everything that the page shows, for machines.

Fields are added and never renamed or removed within a version.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from portproof.model.segmentation_record import Clocks, KeptMatrix
from portproof.model.segmentation_result import Cell, Gap, LastTest, Matrix, Path, RunTold
from portproof.render.segmentation_words import DEFAULT_DENY, NOT_A_PENETRATION_TEST

SCHEMA: Final = "portproof.segmentation/1"
CLOCKS_SCHEMA: Final = "portproof.segmentation-clocks/1"


def segmentation_json(matrix: Matrix, kept: KeptMatrix | None = None) -> str:
    """Write the matrix, with one line end at its end; `kept` is its record in the log, if it has one."""
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
        "sinks": [{"file": each.file, "sha256": each.digest} for each in matrix.sinks],
        "record": None if kept is None else _record(kept),
        "cells": [
            cell_json(each) | {"last_complete_test": _last(last.get(_pair(each)))}
            for each in matrix.cells
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def clocks_json(clocks: Clocks) -> dict[str, Any]:
    """Give what due dates are counted from as plain values."""
    return {
        "schema": CLOCKS_SCHEMA,
        "pairs": [
            {
                "from": each.source,
                "to": each.target,
                "last_supported": _instant_or_none(each.supported_at),
                "leaf": each.supported_by,
                "last_complete": _instant_or_none(each.complete_at),
            }
            for each in clocks.pairs
        ],
        "policies": [
            {
                "file": each.file,
                "sha256": each.digest,
                "committed": _instant_or_none(each.committed),
                "judged_by_it_since": instant(each.judged_from),
                "leaf": each.seq,
            }
            for each in clocks.policies
        ],
    }


def _record(kept: KeptMatrix) -> dict[str, Any]:
    return {
        "leaf": kept.seq,
        "sha256": kept.digest,
        "judged_at": instant(kept.judged.at),
        "tool_version": kept.judged.tool_version,
        "policy_commit": kept.judged.commit.id if kept.judged.commit else None,
        "runs": [
            {"run": each.run_id, "zone": each.zone, "outcome_sha256": each.outcome}
            for each in kept.judged.runs
        ],
    }


def _instant_or_none(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


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
        "sinks": list(map(str, cell.sinks)),
        "tested_at": _instant_or_none(cell.tested_at),
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
        "through": run.through,
    }
