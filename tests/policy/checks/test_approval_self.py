"""Approvals that one person gave to himself or herself."""

from __future__ import annotations

import pytest

import factories as make
from policy.judging import only
from portproof.policy.checks.approval_self import same_person

CLOSED = make.open_host()


@pytest.mark.parametrize(
    ("requester", "approver"),
    [
        ("web-team", "web-team"),
        ("Web-Team", " web-team "),
        ("Web  Team", "web team"),
        ("\uff37\uff25\uff22-team", "web-team"),
    ],
)
def test_one_person_may_not_ask_and_approve(requester: str, approver: str) -> None:
    approval = make.approval(requester=requester, approver=approver)
    found = only("approval-self", CLOSED, make.entry(approval=approval))
    assert found.facts == ("approval_self",)


def test_nobody_is_not_one_person() -> None:
    assert not same_person("", " ")
    assert not same_person("web-team", "security")
