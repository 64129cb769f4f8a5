"""Approvals that lack what an assessor asks for."""

from __future__ import annotations

from typing import Any

import pytest

import factories as make
from policy.judging import judge, judged, only
from portproof.model.baseline import Direction
from portproof.model.finding import Severity

CLOSED = make.open_host()


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"justification": ""}, "justification"),
        ({"owner": " "}, "owner"),
        ({"approval": make.approval(approver="")}, "approver"),
        ({"approval": make.approval(approved_on=None)}, "approval date"),
        ({"approval": make.approval(ticket="")}, "ticket"),
    ],
)
def test_an_entry_that_lacks_a_field_is_named_with_the_field(
    changes: dict[str, Any], lacking: str
) -> None:
    entry = make.entry(**changes)
    found = only("approval-missing", CLOSED, entry)
    assert found.because == f"Entry web records no {lacking}."
    assert (found.severity, found.facts) == (Severity.MEDIUM, ("approval_missing",))
    assert found.location == entry.location
    assert not found.subject.zone


def test_an_entry_that_lacks_much_is_one_finding() -> None:
    found = only("approval-missing", CLOSED, make.entry(owner="", justification=""))
    assert found.because == "Entry web records no justification, no owner."


def test_entries_are_judged_whatever_their_zone_and_direction() -> None:
    entry = make.entry(owner="", zones=("office",), direction=Direction.OUTBOUND)
    assert judged("approval-missing", CLOSED, entry)


def test_a_complete_entry_has_no_finding() -> None:
    assert not judge(make.run(CLOSED), make.entry()).deviations
