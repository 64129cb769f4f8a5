"""By when findings are to be mended, and to have a ticket: what an organisation decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, time, tzinfo
from typing import Final

from portproof.model.finding import Finding, Severity

DUE_DAYS: Final[Mapping[Severity, int]] = {
    Severity.CRITICAL: 7,
    Severity.HIGH: 30,
    Severity.MEDIUM: 90,
    Severity.LOW: 180,
}
"""Defaults (docs/severity.md, "When to mend by"). No law fixes these days; an organisation's own
ranking may (PCI DSS v4.0.1 §6.3.1)."""

ADMIN_EXPOSED_DAYS: Final = 14
"""CISA BOD 23-02: administration interfaces that the internet reaches, from their discovery."""

MONDAY_TO_FRIDAY: Final = frozenset(range(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When people work: the days, and the hours of a day, where they are."""

    working_days: frozenset[int] = MONDAY_TO_FRIDAY
    """Days of the week, 0 for Monday; at least one."""
    holidays: frozenset[date] = frozenset()
    zone: tzinfo = UTC
    """The time zone of the days and hours."""
    opens: time = time()
    """The first instant of a day's hours, on the wall clock of the zone."""
    closes: time = time()
    """The first instant after them, later than `opens`; midnight is that at the end of the day."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A finding that stood after its last day."""

    finding: Finding
    due: date
    """The last day on which mending it was in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long findings may stand; due days are days of UTC, those for tickets of the calendar."""

    due_days: Mapping[Severity, int] = field(default_factory=lambda: DUE_DAYS)
    """Days from the first sighting, by severity; a severity that is left out is never due."""
    admin_exposed_days: int = ADMIN_EXPOSED_DAYS
    """At most so many for an administration interface open to an untrusted zone."""
    ticket_days: int = 1
    """Business days after the first sighting by whose end a finding has a ticket."""
    calendar: Calendar = field(default_factory=Calendar)
