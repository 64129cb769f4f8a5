"""Findings and their lives as records, for machines: JSON, JSON lines and CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from portproof.model.finding import FindingEvent
from portproof.policy.subjects import endpoints_of
from portproof.policy.wording import instant
from portproof.render.csv_text import to_csv
from portproof.usecases.findings import Life, Standing

SCHEMA: Final = "portproof.findings/1"
COLUMNS: Final = (
    "id",
    "severity",
    "status",
    "note",
    "title",
    "asset",
    "zone",
    "endpoints",
    "owner",
    "due",
    "overdue",
    "ticket",
    "first_seen",
    "last_seen",
    "changed_at",
    "times_seen",
    "reopened",
    "closed_by",
    "entry",
    "waiver",
    "rule",
)


def to_findings_text(standing: Sequence[Standing], form: str) -> str:
    """Write a list of findings as `json`, `jsonl` or `csv`."""
    rows = [finding_row(each) for each in standing]
    if form == "csv":
        return to_csv(COLUMNS, rows)
    if form == "jsonl":
        return "".join(f"{json.dumps({'type': 'finding', **each})}\n" for each in rows)
    return json.dumps({"schema": SCHEMA, "findings": rows}, indent=2)


def to_lives_text(lives: Sequence[Life]) -> str:
    """Write findings with all their events as JSON."""
    return json.dumps({"schema": SCHEMA, "findings": [_life(each) for each in lives]}, indent=2)


def finding_row(standing: Standing) -> dict[str, Any]:
    """Give one finding as plain values; times are RFC 3339 in UTC, null where there is none."""
    finding, judged = standing.finding, standing.finding.judgement
    return {
        "id": finding.fingerprint,
        "severity": judged.severity,
        "status": finding.status,
        "note": standing.note,
        "title": judged.title,
        "asset": judged.subject.asset,
        "zone": judged.subject.zone,
        "endpoints": [str(each) for each in endpoints_of(judged)],
        "owner": finding.owner,
        "due": standing.due.isoformat() if standing.due else None,
        "overdue": standing.overdue,
        "ticket": finding.ticket,
        "wants_ticket": standing.wants_ticket,
        "first_seen": instant(finding.first_seen),
        "last_seen": instant(finding.last_seen),
        "changed_at": _time(finding.changed_at),
        "times_seen": finding.times_seen,
        "reopened": finding.reopened,
        "closed_by": finding.closed_by,
        "entry": judged.entry_id,
        "waiver": judged.waiver_id,
        "rule": judged.rule,
    }


def _life(life: Life) -> dict[str, Any]:
    judged = life.standing.finding.judgement
    location = judged.location
    return finding_row(life.standing) | {
        "because": judged.because,
        "action": judged.action,
        "nearest": judged.nearest,
        "location": f"{location.file}:{location.line}:{location.column}" if location else "",
        "facts": list(judged.facts),
        "controls": list(judged.controls),
        "evidence": list(judged.evidence),
        "trace": [
            {"rule": each.rule, "severity": each.severity, "because": each.because}
            for each in judged.trace
        ],
        "events": [_event(each) for each in life.events],
    }


def _event(event: FindingEvent) -> dict[str, Any]:
    actor = event.actor
    return {
        "at": instant(event.at),
        "kind": event.kind,
        "run": event.run_id,
        "severity": event.severity,
        "because": event.because,
        "actor": {"name": actor.name, "source": actor.source, "proved": False} if actor else None,
        "value": event.value,
        "digest": event.digest,
        "closed_by": event.closed_by,
    }


def _time(at: datetime | None) -> str | None:
    return instant(at) if at else None
