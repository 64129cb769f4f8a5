"""Emergency approvals that nobody ratified."""

from __future__ import annotations

from datetime import date

import factories as make
from policy.judging import judged, only

RULE = "approval-emergency"
CLOSED = make.open_host()


def test_an_emergency_that_nobody_ratified_in_five_days_deviates() -> None:
    approval = make.approval(emergency=True, approved_on=date(2026, 11, 15))
    found = only(RULE, CLOSED, make.entry(approval=approval))
    assert "had approved it again by 2026-11-21T00:00:00Z, 5 days on" in found.because


def test_until_then_and_after_a_ratification_it_does_not() -> None:
    fresh = make.approval(emergency=True, approved_on=date(2026, 11, 16))
    ratified = make.approval(
        emergency=True,
        approved_on=date(2026, 11, 1),
        ratified_by="other@example.com",
        ratified_on=date(2026, 11, 6),
    )
    for approval in (fresh, ratified):
        assert not judged(RULE, CLOSED, make.entry(approval=approval))


def test_whoever_approved_in_haste_does_not_ratify() -> None:
    approval = make.approval(
        emergency=True,
        approved_on=date(2026, 11, 1),
        ratified_by="Security@example.com",
        ratified_on=date(2026, 11, 2),
    )
    assert judged(RULE, CLOSED, make.entry(approval=approval))
