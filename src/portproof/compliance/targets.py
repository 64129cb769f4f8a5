"""Until when a finding should be mended, by default (docs/severity.md, "When to mend by").

No law fixes these days; an organisation's own ranking may (PCI DSS v4.0.1 §6.3.1).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

from portproof.model.finding import Severity

_DAYS: Final = {
    Severity.CRITICAL: 7,
    Severity.HIGH: 30,
    Severity.MEDIUM: 90,
    Severity.LOW: 180,
}
_ADMIN_EXPOSED_DAYS: Final = 14
"""CISA BOD 23-02: administration interfaces that the internet reaches, from their discovery."""


def target_date(severity: Severity, first_seen: date, facts: Collection[str] = ()) -> date | None:
    """Give the day by which it should be mended, counted from its first sighting.

    None for info: nothing needs mending. `facts` are what its judgement asserts.
    """
    days = _DAYS.get(severity)
    if days is None:
        return None
    if "admin_exposed" in facts:
        days = min(days, _ADMIN_EXPOSED_DAYS)
    return first_seen + timedelta(days=days)
