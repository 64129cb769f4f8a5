"""By when findings are to be mended, and to have a ticket: what an organisation decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from portproof.model.finding import Severity

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
class Deadlines:
    """How long findings may stand; all days are days of UTC."""

    due_days: Mapping[Severity, int] = field(default_factory=lambda: DUE_DAYS)
    """Days from the first sighting, by severity; a severity that is left out is never due."""
    admin_exposed_days: int = ADMIN_EXPOSED_DAYS
    """At most so many for an administration interface open to an untrusted zone."""
    ticket_days: int = 1
    """Working days after the day of the first sighting by whose end a finding has a ticket."""
    working_days: frozenset[int] = MONDAY_TO_FRIDAY
    """Days of the week, 0 for Monday; at least one."""
    holidays: frozenset[date] = frozenset()
