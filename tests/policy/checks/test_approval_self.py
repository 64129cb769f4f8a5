"""Approvals that one person gave to himself or herself."""

from __future__ import annotations

import pytest

import factories as make
from approvals import by_commit, signature
from policy.judging import judged, only
from portproof.model.approval import Approvers, Provenance

CLOSED = make.open_host()


@pytest.mark.parametrize(
    ("requester", "approver"),
    [
        ("web-team", "web-team"),
        ("Web-Team", " web-team "),
        ("Web  Team", "web team"),
        ("\uff37\uff25\uff22-team", "web-team"),
        ("Web Team <web-team@example.com>", "WEB-TEAM@example.com"),
    ],
)
def test_one_person_may_not_ask_and_approve(requester: str, approver: str) -> None:
    approval = make.approval(requester=requester, approver=approver)
    found = only("approval-self", CLOSED, make.entry(approval=approval))
    assert found.facts == ("approval_self",)


def test_a_second_name_of_the_same_person_is_the_same_person() -> None:
    approval = make.approval(requester="web@example.com", approver="w.team@example.com")
    people = Approvers(aliases={"w.team@example.com": "web@example.com"})
    provenance = Provenance(approvers=people)
    assert judged("approval-self", CLOSED, make.entry(approval=approval), provenance=provenance)


def test_the_author_of_the_content_is_no_approver_of_it() -> None:
    entry = make.entry(approval=make.approval(approver="Dev@example.com"))
    provenance = by_commit(entry, author="dev@example.com")
    found = only("approval-self", CLOSED, entry, provenance=provenance)
    assert "is the author of commit" in found.because


def test_an_author_whose_entry_somebody_else_verifiably_approved_is_no_finding() -> None:
    entry = make.entry(approval=make.approval(approver="dev@example.com"))
    provenance = by_commit(entry, signature("head@example.com"), author="dev@example.com")
    assert judged("approval-self", CLOSED, entry, provenance=provenance) == ()


def test_a_waiver_is_held_to_the_same() -> None:
    waiver = make.waiver(requester="a@example.com", approver="A@EXAMPLE.com")
    assert judged("approval-self", CLOSED, waivers=make.waivers(waiver))
