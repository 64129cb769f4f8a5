"""Approvals and waivers that name an address, judged after the address has changed hands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from policy.histories import History
from policy.judging import judge, only
from portproof.model.baseline import BaselineEntry, TlsVersion
from portproof.model.finding import ClosedBy, Finding, FindingStatus, Judgement, Verdict
from portproof.model.inventory import KnownTarget
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import RunStatus
from portproof.model.source import Listing, SourcedTarget
from portproof.policy.approval_usage import Matched, approval_usage
from portproof.policy.drift_approved import approved_drift, entry_words
from portproof.policy.holders import Holders
from portproof.policy.plan_change import plan_change
from portproof.policy.targets import take

APPROVED = make.NOON - timedelta(days=60)
CHANGED = make.NOON - timedelta(days=10)
WHY = (
    "approved on 2026-09-22 for aws/old, which had this address until 2026-11-11; "
    "it now belongs to aws/new"
)


def history(*owners: str, address: str = make.HOST) -> tuple[KnownTarget, ...]:
    """The inventory after lists at the approval, at the change, and every day after it."""
    known: tuple[KnownTarget, ...] = ()
    for number, owner in enumerate(owners):
        at = APPROVED - timedelta(days=1) if number == 0 else CHANGED + timedelta(days=number - 1)
        rest = [item(f"rest-{each}", f"10.8.0.{each}", at) for each in range(1, 4)]
        items = (*rest, *([item(owner, address, at)] if owner else []))
        known = take(known, Listing(source="aws", at=at, items=tuple(items))).targets
    return known


def item(name: str, address: str, at: Any) -> SourcedTarget:
    return SourcedTarget(id=name, kind="host", addresses=(ip_address(address),), seen_at=at)


HANDED_ON = Holders(history("old", "new"))
KEPT = Holders(history("old", "old"))
ON_APPROVAL = make.approval(approved_on=APPROVED.date())
SSH = make.entry(make.HOST, "22", approval=ON_APPROVAL)


def exposure(*entries: BaselineEntry, holders: Holders = HANDED_ON) -> Judgement:
    host = make.open_host(p22=None)
    return only("unapproved-exposure", host, *entries, holders=holders)


def test_an_approval_does_not_pass_to_the_next_owner_of_the_address() -> None:
    judged = exposure(SSH)
    assert judged.verdict is Verdict.DEVIATES
    assert judged.nearest == f"entry web does not match: it was {WHY}"
    assert judged.nearest in judged.because
    assert (judged.entry_id, judged.title[:36]) == ("web", "Exposure whose approval does not hol")
    assert "unexpected_open" in judged.facts


def test_an_approval_stays_with_an_owner_that_keeps_the_address() -> None:
    assert exposure(SSH, holders=KEPT).verdict is Verdict.CONFORMS
    assert exposure(SSH, holders=Holders()).verdict is Verdict.CONFORMS


def test_an_approval_of_after_the_change_is_for_the_owner_of_now() -> None:
    fresh = make.approval(approved_on=CHANGED.date() + timedelta(days=1))
    assert exposure(replace(SSH, approval=fresh)).verdict is Verdict.CONFORMS


def test_an_approval_without_a_date_is_not_for_the_second_owner() -> None:
    judged = exposure(replace(SSH, approval=make.approval(approved_on=None)))
    assert judged.verdict is Verdict.DEVIATES
    assert "approved on no stated day for aws/old" in judged.because


@pytest.mark.parametrize(
    "hosts",
    [
        {"networks": (make.network("10.0.0.0/24"),)},
        {
            "networks": (make.network(make.HOST), make.network("10.0.0.6/31")),
            "ranged": frozenset({make.network(make.HOST)}),
        },
        {"networks": (make.network(make.HOST),), "ids": ("aws/new",)},
    ],
    ids=["network", "range", "id of the next owner"],
)
def test_what_covers_the_host_otherwise_than_by_its_address_alone_goes_on(
    hosts: dict[str, Any],
) -> None:
    assert exposure(replace(SSH, **hosts)).verdict is Verdict.CONFORMS


def test_an_approval_by_name_is_for_whatever_the_name_leads_to() -> None:
    host = make.host_outcome(
        make.planned_host(name="www.example.com"), states={PortState.OPEN: "22"}
    )
    named = make.entry(f"{make.HOST}, www.example.com", "22", approval=ON_APPROVAL)
    judged = only("unapproved-exposure", host, named, holders=HANDED_ON)
    assert judged.verdict is Verdict.CONFORMS


def test_an_approval_by_id_follows_the_id_to_its_new_address() -> None:
    by_id = replace(SSH, networks=(), ids=("aws/old",), hosts_text=("id:aws/old",))
    moved = history("old", "")
    (target,) = (each for each in moved if each.target.id == "old")
    at = CHANGED + timedelta(days=1)
    there = take((target,), Listing(source="aws", at=at, items=(item("old", "10.0.0.7", at),)))
    holders = Holders(there.targets)
    host = make.open_host("10.0.0.7", p22=None)
    assert only("unapproved-exposure", host, by_id, holders=holders).verdict is Verdict.CONFORMS
    assert exposure(by_id, holders=holders).verdict is Verdict.DEVIATES
    assert "it is for id:aws/old" in exposure(by_id, holders=holders).because


def test_the_next_owner_does_not_inherit_the_finding_of_the_one_before() -> None:
    before = exposure(holders=KEPT)
    after = exposure(holders=HANDED_ON)
    assert (before.subject.asset, after.subject.asset) == (make.HOST, "aws/new")
    assert before.fingerprint != after.fingerprint


# ---------------------------------------------------------------- other rules


def test_a_service_required_of_the_former_owner_is_unknown_whatever_answers_there_now() -> None:
    needed = make.required(make.HOST, "22", approval=ON_APPROVAL)
    for ports in ({PortState.OPEN: "22"}, {}):
        host = make.host_outcome(make.planned_host(tcp="22"), states=ports)
        judged = only("missing-service", host, needed, holders=HANDED_ON)
        assert (judged.verdict, judged.required) == (Verdict.UNKNOWN, True)
        assert "for aws/old, which had this address" in judged.because


def test_a_service_required_of_an_id_that_no_address_of_the_run_has_is_unknown() -> None:
    needed = replace(make.required(), networks=(), ids=("aws/gone",))
    judged = only("missing-service", make.open_host(p22=None), needed, holders=KEPT)
    assert (judged.verdict, judged.required) == (Verdict.UNKNOWN, True)
    assert "aws/gone: no source lists it with an address that this run asked" in judged.because


def test_a_floor_that_was_set_for_the_former_owner_binds_nobody_else() -> None:
    strict = replace(SSH, tls_at_least=TlsVersion.V1_3)
    own = make.entry("10.0.0.0/24", "22", id="all")
    evaluation = judge(make.run(make.open_host(p22=None)), strict, own, holders=HANDED_ON)
    assert not [each for each in evaluation.judgements if each.rule == "tls-floor"]


# ---------------------------------------------------------------- waivers


def waived(*, holders: Holders = HANDED_ON, **changes: Any) -> Judgement:
    given_for: dict[str, Any] = {"networks": (make.network(make.HOST),), "begins": APPROVED}
    accepted = make.waivers(make.waiver("unapproved-exposure", **given_for | changes))
    host = make.open_host(p8080=None)
    return only("unapproved-exposure", host, waivers=accepted, holders=holders)


def test_a_waiver_does_not_pass_to_the_next_owner_of_the_address() -> None:
    judged = waived()
    assert judged.verdict is Verdict.DEVIATES
    assert judged.because.endswith(
        "Waiver W-1 was given for aws/old, which had this address until 2026-11-11; "
        "it now belongs to aws/new."
    )
    assert "exception_expired" not in judged.facts


def test_a_waiver_of_after_the_change_is_for_the_owner_of_now() -> None:
    assert waived(begins=CHANGED + timedelta(hours=1)).verdict is Verdict.WAIVED
    assert waived(holders=KEPT).verdict is Verdict.WAIVED


@pytest.mark.parametrize(
    "hosts",
    [
        {"networks": ()},
        {"networks": (make.network("10.0.0.0/24"),)},
        {"networks": (), "ids": ("aws/new",)},
    ],
    ids=["all hosts", "network", "id"],
)
def test_a_waiver_of_more_than_the_address_goes_on(hosts: dict[str, Any]) -> None:
    assert waived(**hosts).verdict is Verdict.WAIVED


def test_a_waiver_by_id_covers_no_other_id() -> None:
    assert waived(networks=(), ids=("aws/old",)).verdict is Verdict.DEVIATES
    assert waived(networks=(), ids=("aws/old",), holders=KEPT).verdict is Verdict.WAIVED


owners = st.lists(st.sampled_from(["old", "new", "third", ""]), min_size=1, max_size=5)


@given(owners)
def test_no_history_of_an_address_lets_an_approval_or_a_waiver_pass_on(after: list[str]) -> None:
    holders = Holders(history("old", *after))
    another = after[-1] not in {"old", ""}
    if another:
        assert exposure(SSH, holders=holders).verdict is Verdict.DEVIATES
        assert waived(holders=holders).verdict is Verdict.DEVIATES
    elif after[-1] == "old":
        assert exposure(SSH, holders=holders).verdict is Verdict.CONFORMS
        assert waived(holders=holders).verdict is Verdict.WAIVED


# ---------------------------------------------------------------- retired


RETIRED = Holders(history("old", ""))
RULE = "retired-still-answering"


def test_a_retired_target_that_answers_is_a_finding_by_its_id() -> None:
    judged = only(RULE, make.open_host(p22=None), SSH, holders=RETIRED)
    assert (judged.verdict, judged.subject.asset) == (Verdict.DEVIATES, "aws/old")
    assert judged.severity is not None
    assert (judged.severity.value, judged.facts) == ("high", ("unknown_asset",))
    assert judged.title == f"Retired target answers: aws/old at {make.HOST}"
    assert "aws/old was retired 2026-11-11T12:00:00Z; 10.0.0.5 accepts connections at TCP 22" in (
        judged.because
    )


def test_seen_from_inside_a_retired_target_is_medium() -> None:
    plan = {"vantage": make.VANTAGES.vantages[1]}
    run = make.run(make.open_host(p22=None), plan=plan)
    evaluation = judge(run, holders=RETIRED)
    (judged,) = (each for each in evaluation.judgements if each.rule == RULE)
    assert judged.severity is not None
    assert judged.severity.value == "medium"


def test_a_retired_target_that_refuses_is_there_as_well() -> None:
    host = make.host_outcome(make.planned_host(tcp="22"))
    assert only(RULE, host, holders=RETIRED).verdict is Verdict.DEVIATES


def test_a_retired_target_that_was_measured_and_silent_is_not_mentioned() -> None:
    host = make.host_outcome(make.planned_host(tcp="22,80"), fill=PortState.FILTERED)
    evaluation = judge(make.run(host), holders=RETIRED)
    assert not [each for each in evaluation.judgements if each.rule == RULE]


def test_what_was_not_measured_of_a_retired_target_does_not_prove_it_silent() -> None:
    host = make.host_outcome(
        make.planned_host(tcp="22,80"),
        unmeasured={LocalFault.CONTROL_FAILED: "80"},
        fill=PortState.FILTERED,
    )
    judged = only(RULE, host, holders=RETIRED)
    assert (judged.verdict, judged.required) == (Verdict.UNKNOWN, False)
    assert "over TCP, 1 of 2 ports not measured" in judged.because


def test_a_middlebox_that_answers_for_everybody_says_nothing_of_a_retired_target() -> None:
    host = make.host_outcome(fill=PortState.OPEN)
    assert only(RULE, host, holders=RETIRED).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("held", [KEPT, HANDED_ON, Holders()], ids=["listed", "taken", "none"])
def test_a_target_that_is_not_retired_or_whose_address_is_anothers_is_not_told(
    held: Holders,
) -> None:
    evaluation = judge(make.run(make.open_host(p22=None)), holders=held)
    assert not [each for each in evaluation.judgements if each.rule == RULE]


def test_only_a_conclusive_run_in_which_all_was_silent_closes_it() -> None:
    host, life = make.planned_host(tcp="22,80"), History()
    address = ip_address(make.HOST)
    answering = make.host_outcome(host, states={PortState.OPEN: "22"}, fill=PortState.FILTERED)
    silent = make.host_outcome(host, fill=PortState.FILTERED)
    unsure = make.host_outcome(
        host, unmeasured={LocalFault.CONTROL_FAILED: "80"}, fill=PortState.FILTERED
    )
    refusing = make.host_outcome(host, states={PortState.CLOSED: "80"}, fill=PortState.FILTERED)
    life.run(answering, holders=RETIRED)

    def still_open() -> bool:
        return any(each.status is FindingStatus.OPEN for each in of_rule(life))

    life.run(silent, holders=RETIRED, status=RunStatus.INCONCLUSIVE)
    assert still_open()
    for host_seen in (unsure, refusing):
        life.run(host_seen, holders=RETIRED)
        assert still_open()
    life.run(silent, holders=RETIRED, retired=frozenset({address}))
    (closed,) = of_rule(life)
    assert (closed.status, closed.closed_by) == (FindingStatus.CLOSED, ClosedBy.RETIRED)
    assert "the target is retired: 10.0.0.5:80/tcp was filtered" in " ".join(life.because)


def test_a_target_that_is_listed_again_is_no_retired_one_that_answers() -> None:
    life = History()
    life.run(make.open_host(p22=None), holders=RETIRED)
    life.run(make.open_host(p22=None), holders=KEPT)
    (closed,) = of_rule(life)
    assert closed.status is FindingStatus.CLOSED


def of_rule(life: History) -> list[Finding]:
    return [each for each in life.findings.values() if each.judgement.rule == RULE]


# ---------------------------------------------------------------- findings of the former owner


def test_the_finding_of_the_former_owner_ends_where_that_of_the_next_begins() -> None:
    life, host = History(), make.open_host(p22=None)
    life.run(host, holders=KEPT)
    assert life.run(host, holders=HANDED_ON) == ["opened", "resolved"]
    assert life.because[1] == (
        "10.0.0.5:22/tcp was open, and belongs to aws/new now: that is a finding of its own"
    )
    former = life.findings[exposure(holders=KEPT).fingerprint]
    assert (former.status, former.closed_by) == (FindingStatus.CLOSED, ClosedBy.RESCAN)


# ---------------------------------------------------------------- what else looks at approvals


def test_the_drift_from_the_approved_state_names_the_entry_of_the_former_owner() -> None:
    run, baseline = make.run(make.open_host(p22=None)), make.baseline(SSH)
    on = make.TODAY
    assert not approved_drift(run, baseline, make.VANTAGES, on=on, holders=KEPT).unapproved
    drift = approved_drift(run, baseline, make.VANTAGES, on=on, holders=HANDED_ON)
    (departure,) = drift.unapproved
    assert entry_words(departure, on) == f"entry web, baseline.yaml:7, {WHY}"


def test_a_change_is_planned_by_who_has_the_address_now() -> None:
    run, by_id = make.run(make.open_host(p22=None)), replace(SSH, ids=("aws/new",))
    plans = [
        plan_change(
            make.baseline(SSH),
            make.baseline(by_id),
            run,
            make.VANTAGES,
            on=make.TODAY,
            holders=holders,
        )
        for holders in (HANDED_ON, KEPT)
    ]
    assert [[each.effect.value for each in plan.effects] for plan in plans] == [
        ["becomes approved"],
        [],
    ]


def test_what_the_next_owner_shows_uses_no_approval_of_the_former() -> None:
    run = make.run(make.open_host(p22=None))
    used = [
        approval_usage(make.baseline(SSH), (run,), make.NOON, inventory)[0].matched
        for inventory in ((), history("old", "old"), history("old", "new"))
    ]
    assert used == [Matched.SEEN, Matched.SEEN, Matched.UNMEASURED]
