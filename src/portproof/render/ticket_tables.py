"""Findings by their tickets: as a table for a terminal, as JSON and CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portproof.model.finding import FindingStatus
from portproof.policy.wording import counted, instant
from portproof.render.csv_text import to_csv
from portproof.render.neutral import JUDGED_LIMIT, visible
from portproof.usecases.ticket_lists import TicketLine

SCHEMA: Final = "portproof.ticket-list/1"
COLUMNS: Final = (
    "id",
    "severity",
    "status",
    "title",
    "owner",
    "ticket",
    "wants_ticket",
    "ticket_due",
    "first_seen",
)
_ASKED_FOR: Final = frozenset(FindingStatus) - {FindingStatus.CLOSED, FindingStatus.WAIVED}
"""States in which a finding should have a ticket."""


def ticket_table(lines: Sequence[TicketLine], limit: int, zone: tzinfo) -> RenderableType:
    """Give the first findings as a table, and below how many want a ticket; times of the zone."""
    if not lines:
        return Text("no finding stands")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("id", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("ticket", overflow="fold", max_width=24)
    table.add_column("what", overflow="fold", ratio=1)
    for each in lines[:limit]:
        table.add_row(*_cells(each, zone))
    late = sum(each.standing.wants_ticket for each in lines)
    lacking = sum(not each.standing.finding.ticket for each in lines)
    told = f"{counted(len(lines), 'finding')}, {lacking} without a ticket, {late} of them too long"
    if len(lines) > limit:
        told = f"{told}; the first {limit} are shown"
    return Group(table, Text(told))


def to_tickets_text(lines: Sequence[TicketLine], form: str) -> str:
    """Write the list as `json` or `csv`."""
    rows = [_row(each) for each in lines]
    if form == "json":
        return json.dumps({"schema": SCHEMA, "findings": rows}, indent=2)
    return to_csv(COLUMNS, rows)


def _cells(line: TicketLine, zone: tzinfo) -> tuple[Text, ...]:
    finding = line.standing.finding
    judged = finding.judgement
    due = f"{line.ticket_due.astimezone(zone):%Y-%m-%d %H:%M}"
    if finding.ticket:
        ticket = visible(finding.ticket)
    elif line.standing.wants_ticket:
        ticket = f"none since {due}"
    else:
        ticket = f"until {due}" if finding.status in _ASKED_FOR else "not asked for"
    owner = f"\nowner: {visible(finding.owner, JUDGED_LIMIT)}" if finding.owner else ""
    return (
        Text(finding.fingerprint),
        Text(str(judged.severity or "")),
        Text(str(finding.status)),
        Text(ticket),
        Text(f"{visible(judged.title, JUDGED_LIMIT)}{owner}"),
    )


def _row(line: TicketLine) -> dict[str, Any]:
    finding = line.standing.finding
    return {
        "id": finding.fingerprint,
        "severity": finding.judgement.severity,
        "status": finding.status,
        "title": finding.judgement.title,
        "owner": finding.owner,
        "ticket": finding.ticket,
        "wants_ticket": line.standing.wants_ticket,
        "ticket_due": instant(line.ticket_due),
        "first_seen": instant(finding.first_seen),
    }
