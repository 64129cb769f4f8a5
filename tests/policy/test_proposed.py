"""A proposed entry is as good as none: it grants nothing, requires nothing, and is only named."""

from __future__ import annotations

from datetime import date

import factories as make
from policy.judging import judge, judged, only
from portproof.compliance.document_facts import document_facts
from portproof.model.baseline import Status
from portproof.model.finding import Verdict
from portproof.model.observation import PortState
from portproof.model.rule import FactDefinitions

PROPOSED = make.entry(status=Status.PROPOSED, id="wish")
OPEN = make.open_host(p22=None)


def test_it_grants_nothing_and_the_explanation_names_it() -> None:
    found = only("unapproved-exposure", OPEN, PROPOSED)
    assert found.verdict is Verdict.DEVIATES
    assert found.title.startswith("Unapproved exposure")
    assert found.nearest == "entry wish does not match: it is proposed, not approved"


def test_it_requires_nothing() -> None:
    entry = make.required(status=Status.PROPOSED)
    closed = make.host_outcome(make.planned_host(tcp="5432"), states={PortState.CLOSED: "5432"})
    assert not judged("missing-service", closed, entry)
    assert not judged("missing-service", OPEN, make.required("10.9.9.9", status=Status.PROPOSED))


def test_it_takes_no_grant_away() -> None:
    found = only("unapproved-exposure", OPEN, PROPOSED, make.entry(id="real"))
    assert (found.verdict, found.entry_id) == (Verdict.CONFORMS, "real")


def test_what_it_lacks_or_when_it_would_end_is_nobodys_finding_yet() -> None:
    bare = make.entry(
        status=Status.PROPOSED,
        owner="",
        approval=make.approval(approver="web-team@example.com", review_by=date(2020, 1, 1)),
    )
    rules = {"approval-missing", "approval-self", "approval-expired"}
    assert not [each for each in judge(make.run(OPEN), bare).judgements if each.rule in rules]


def test_its_end_is_no_fact() -> None:
    soon = make.entry(status=Status.PROPOSED, approval=make.approval(review_by=make.NOON.date()))
    definitions = FactDefinitions(facts=(make.fact("exception_expiring"),), digest="")
    facts = document_facts(make.baseline(soon), make.NOON, definitions)
    assert not [each for each in facts if each.fact == "exception_expiring"]


def test_it_is_in_force_on_no_day_and_matches_nothing() -> None:
    assert not PROPOSED.in_force(make.NOON.date())
    baseline = make.baseline(PROPOSED)
    (outcome,) = make.run(OPEN).hosts
    (seen,) = outcome.observations
    assert baseline.matching(seen.endpoint, zone="internet") == ()
    assert baseline.entry("wish") is PROPOSED
