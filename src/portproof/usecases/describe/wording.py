"""How values are written in evidence: one spelling each."""

from __future__ import annotations

from datetime import date, datetime

from portproof.model.baseline import SourceLocation
from portproof.model.ports import PortSet


def instant(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, to the second: `2026-11-21T08:15:00Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_exact(at: datetime) -> str:
    """Write an instant to the microsecond, for observations."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day(on: date | None) -> str:
    """Write a date as ISO 8601; empty when there is none."""
    return on.isoformat() if on else ""


def ports_text(ports: PortSet) -> str:
    """Write a port set; the full range is spelled out, because `-` alone puzzles a reader."""
    text = str(ports)
    return "1-65535" if text == "-" else text


def place(location: SourceLocation | None) -> str:
    """Write where something stands in a document: `baseline.yaml:12:5`."""
    return f"{location.file}:{location.line}:{location.column}" if location else ""


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: `1 deviation`, `3 deviations`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
