"""Entries that fewer persons approved than their zones, or the list, ask for."""

from __future__ import annotations

import factories as make
from approvals import by_commit, signature
from policy.judging import judged, only
from portproof.model.baseline import Baseline, BaselineEntry, BaselineZone, SourceLocation

RULE = "approval-unverified"
CLOSED = make.open_host()
CDE = BaselineZone(
    name="cde",
    networks=(make.network("10.66.0.0/16"),),
    approvals=2,
    location=SourceLocation(file="baseline.yaml", line=2),
)


def zoned(entry: BaselineEntry) -> Baseline:
    return make.baseline(entry, zones=(CDE,))


def test_a_zone_may_ask_for_two_persons() -> None:
    entry = make.entry("10.66.0.9")
    found = only(RULE, CLOSED, baseline=zoned(entry))
    assert found.facts == ("approval_missing",)
    assert "needs 2 approvals and has 1" in found.because


def test_two_persons_are_enough_and_one_person_twice_is_not() -> None:
    entry = make.entry("10.66.0.9")
    head, other = signature("head@example.com"), signature("security@example.com")
    assert not judged(RULE, CLOSED, baseline=zoned(entry), provenance=by_commit(entry, head))
    assert judged(RULE, CLOSED, baseline=zoned(entry), provenance=by_commit(entry, other))


def test_one_self_declared_approval_is_flagged_and_no_deviation() -> None:
    assert not judged(RULE, CLOSED, make.entry())


def test_a_list_that_wants_verified_approvals_makes_it_a_deviation() -> None:
    entry = make.entry()
    found = only(RULE, CLOSED, entry, provenance=by_commit(entry, verified_only=True))
    assert "needs 1 verified approval and has 0; self-declared" in found.because
    head = signature("head@example.com")
    assert not judged(RULE, CLOSED, entry, provenance=by_commit(entry, head, verified_only=True))


def test_an_entry_without_an_approver_is_told_once_by_the_rule_for_that() -> None:
    assert not judged(RULE, CLOSED, make.entry(approval=make.approval(approver="")))
