"""Waivers and approvals as a review reads them: as tables, JSON and CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portproof.model.waiver import Waiver, last_instant
from portproof.policy.approval_usage import ApprovalUsage, Matched
from portproof.policy.wording import counted, instant
from portproof.render.csv_text import to_csv
from portproof.render.neutral import visible
from portproof.usecases.waivers import Acceptances, WaiverLine

SCHEMA: Final = "portproof.acceptances/1"
COLUMNS: Final = (
    "kind",
    "id",
    "status",
    "last_instant",
    "notice_days",
    "used",
    "covers",
    "reason",
    "requester",
    "approver",
    "ticket",
    "location",
)


def acceptance_tables(held: Acceptances, *, every_approval: bool) -> RenderableType:
    """Give the waivers, and the approvals that want attention, or all of them."""
    approvals = [each for each in held.approvals if every_approval or each.wants_attention]
    waivers = [_waiver_row(each) for each in held.waivers]
    looked = f"approvals as the last {counted(held.runs, 'concluded run')} used them"
    if not held.runs:
        looked = "no concluded run is stored: nothing is known of what approvals are used for"
    unmeasured = sum(each.matched is Matched.UNMEASURED for each in held.approvals)
    gap = f"; {unmeasured} not measured by them" if unmeasured and held.runs else ""
    parts: list[RenderableType] = [
        _table("waiver", waivers) if waivers else Text("there are no waivers")
    ]
    if approvals:
        parts.append(_table("approval", [_approval_row(each) for each in approvals]))
    hidden = len(held.approvals) - len(approvals)
    rest = f"{counted(hidden, 'approval')} without anything to decide (--all shows them); "
    parts.append(Text(f"{rest if hidden else ''}{looked}{gap}"))
    return Group(*parts)


def to_acceptances_text(held: Acceptances, form: str) -> str:
    """Write all waivers and approvals as `json` or `csv`."""
    waivers = [_waiver_row(each) for each in held.waivers]
    approvals = [_approval_row(each) for each in held.approvals]
    if form == "csv":
        return to_csv(COLUMNS, (*waivers, *approvals))
    document = {
        "schema": SCHEMA,
        "at": instant(held.at),
        "runs": held.runs,
        "waivers": waivers,
        "approvals": approvals,
    }
    return json.dumps(document, indent=2)


def _waiver_row(line: WaiverLine) -> dict[str, Any]:
    usage, waiver = line.usage, line.usage.waiver
    used = (
        f"accepts {counted(usage.matched, 'finding')}" if usage.matched else "accepts nothing now"
    )
    if not line.ever_matched:
        used = "never matched"
    return {
        "kind": "waiver",
        "id": waiver.id,
        "status": usage.status.value,
        "last_instant": _exact(usage.end),
        "notice_days": usage.notice_days,
        "used": used,
        "covers": _covers(waiver),
        "reason": waiver.reason,
        "requester": waiver.requester,
        "approver": waiver.approver,
        "ticket": waiver.ticket,
        "location": f"{waiver.location.file}:{waiver.location.line}:{waiver.location.column}",
    }


def _covers(waiver: Waiver) -> str:
    """Say what a waiver is about; a selector that it does not have matches all."""
    ids = [f"id:{each}" for each in waiver.ids]
    hosts = ", ".join([*map(str, waiver.networks), *waiver.names, *ids]) or "all hosts"
    ports = "all ports" if waiver.ports is None else f"ports {waiver.ports}"
    transport = f"/{waiver.transport}" if waiver.transport else ""
    zones = f", from {', '.join(waiver.zones)}" if waiver.zones else ""
    return f"{', '.join(waiver.rules)}: {hosts}, {ports}{transport}{zones}"


def _approval_row(usage: ApprovalUsage) -> dict[str, Any]:
    entry = usage.entry
    used = usage.matched.value
    if usage.last_matched is not None:
        used = f"matched {instant(usage.last_matched)}"
    return {
        "kind": "approval",
        "id": entry.id,
        "status": "expired" if usage.expired else "in force",
        "last_instant": _exact(usage.end) if usage.end else None,
        "notice_days": usage.notice_days,
        "used": used,
        "covers": f"{', '.join(entry.hosts_text)} {entry.transport} {entry.ports}",
        "reason": entry.justification,
        "requester": entry.approval.requester,
        "approver": entry.approval.approver,
        "ticket": entry.approval.ticket,
        "location": f"{entry.location.file}:{entry.location.line}:{entry.location.column}",
    }


def _exact(end: datetime) -> str:
    """Give the last instant before an end, to the microsecond."""
    return last_instant(end).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _table(what: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column(what, overflow="fold", max_width=16)
    table.add_column("status", overflow="fold", max_width=12)
    table.add_column("last instant", no_wrap=True)
    table.add_column("used", overflow="fold", max_width=14)
    table.add_column("covers", overflow="fold", ratio=1)
    for row in rows:
        days = row["notice_days"]
        status = f"{row['status']}, ends within {days} days" if days else row["status"]
        cells = (row["id"], status, row["last_instant"] or "no end", row["used"], row["covers"])
        table.add_row(*(Text(visible(each)) for each in cells))
    return table
