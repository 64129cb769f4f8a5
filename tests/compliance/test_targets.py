"""Until when a finding should be mended, by default."""

from __future__ import annotations

from datetime import date

import pytest

from portproof.compliance.targets import target_date
from portproof.model.finding import Severity

FIRST_SEEN = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("severity", "due"),
    [
        (Severity.CRITICAL, date(2026, 11, 8)),
        (Severity.HIGH, date(2026, 12, 1)),
        (Severity.MEDIUM, date(2027, 1, 30)),
        (Severity.LOW, date(2027, 4, 30)),
        (Severity.INFO, None),
    ],
)
def test_the_days_count_from_the_first_sighting(severity: Severity, due: date | None) -> None:
    assert target_date(severity, FIRST_SEEN) == due


def test_administration_that_the_internet_reaches_has_fourteen_days_at_most() -> None:
    assert target_date(Severity.LOW, FIRST_SEEN, ("admin_exposed",)) == date(2026, 11, 15)
    assert target_date(Severity.CRITICAL, FIRST_SEEN, ("admin_exposed",)) == date(2026, 11, 8)
