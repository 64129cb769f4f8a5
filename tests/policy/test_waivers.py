"""What a waiver covers, from when to when, and what it never touches."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from policy.judging import judge
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Transport
from portproof.model.finding import Judgement, Severity, Verdict
from portproof.model.observation import Service
from portproof.model.scan import RunStatus
from portproof.model.waiver import LONGEST_DAYS, Waivers, last_instant
from portproof.policy.waivers import WaiverStatus, notice_days, waiver_usage

RUN = make.run(make.open_host(p8080=None))


def verdict(**waiver: Any) -> Verdict:
    waived = make.waivers(make.waiver("unapproved-exposure", **waiver))
    (found,) = judge(RUN, waivers=waived).judgements
    return found.verdict


@pytest.mark.parametrize(
    "selectors",
    [
        {},
        {"networks": (make.network("10.0.0.0/24"),)},
        {"ports": make.ports("8000-9000")},
        {"transport": Transport.TCP},
        {"zones": ("office", "internet")},
    ],
)
def test_a_waiver_covers_what_all_its_selectors_match(selectors: dict[str, Any]) -> None:
    assert verdict(**selectors) is Verdict.WAIVED


@pytest.mark.parametrize(
    "selectors",
    [
        {"networks": (make.network("10.0.1.0/24"),)},
        {"networks": (make.network("2001:db8::/32"),)},
        {"names": ("www.example.com",)},
        {"ports": make.ports("443")},
        {"transport": Transport.UDP},
        {"zones": ("office",)},
        {"ports": make.ports("8080"), "zones": ("office",)},
    ],
)
def test_a_waiver_covers_nothing_that_one_of_its_selectors_misses(
    selectors: dict[str, Any],
) -> None:
    assert verdict(**selectors) is Verdict.DEVIATES


def test_a_waiver_covers_only_its_rules() -> None:
    waived = make.waivers(make.waiver("missing-service"))
    assert judge(RUN, waivers=waived).deviations


def test_a_waiver_matches_the_name_a_host_was_listed_by() -> None:
    host = make.planned_host(name="www.example.com", tcp="8080")
    run = make.run(make.host_outcome(host, states={make.PortState.OPEN: "8080"}))
    waived = make.waivers(make.waiver("unapproved-exposure", names=("WWW.example.com",)))
    assert judge(run, waivers=waived).waived


def test_a_waiver_holds_from_its_first_instant_to_before_its_end() -> None:
    instant = timedelta(seconds=1)
    assert verdict(begins=make.NOON) is Verdict.WAIVED
    assert verdict(begins=make.NOON + instant) is Verdict.DEVIATES
    assert verdict(expires=make.NOON + instant) is Verdict.WAIVED
    assert verdict(expires=make.NOON) is Verdict.DEVIATES


def test_a_waived_deviation_keeps_its_severity_and_names_the_waiver() -> None:
    (before,) = judge(RUN).deviations
    (after,) = judge(RUN, waivers=make.waivers(make.waiver())).waived
    assert (after.severity, after.trace, after.facts) == (
        before.severity,
        before.trace,
        before.facts,
    )
    assert after.waiver_id == "W-1"
    assert "W-1" in after.because


def test_an_expired_waiver_of_a_port_that_is_still_open_is_a_fact() -> None:
    (found,) = judge(RUN, waivers=make.waivers(make.waiver(expires=make.NOON))).deviations
    assert "exception_expired" in found.facts


def test_one_waiver_in_force_is_enough_beside_an_expired_one() -> None:
    both = make.waivers(make.waiver(id="old", expires=make.NOON), make.waiver(id="new"))
    (found,) = judge(RUN, waivers=both).waived
    assert found.waiver_id == "new"


def test_a_waiver_never_touches_unknown() -> None:
    run = make.run(make.host_outcome(fill=None))
    everything = make.waivers(make.waiver("missing-service", "not-measured"))
    evaluation = judge(run, make.required(), waivers=everything)
    assert {each.verdict for each in evaluation.judgements} == {Verdict.UNKNOWN}


def test_a_waiver_with_selectors_is_not_about_documents() -> None:
    poor = make.entry("10.9.9.9", owner="")
    nets = make.waivers(make.waiver("approval-missing", networks=(make.network("0.0.0.0/0"),)))
    everywhere = make.waivers(make.waiver("approval-missing"))
    assert judge(make.run(), poor, waivers=nets).deviations
    assert judge(make.run(), poor, waivers=everywhere).waived


def test_a_waiver_of_one_address_accepts_nothing_on_another_of_the_same_asset() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    run = make.run(make.open_host(p8080=None), make.open_host("10.0.0.6", p8080=None))
    one = make.waivers(make.waiver(networks=(make.network("10.0.0.5"),)))
    (found,) = judge(run, baseline=shop, waivers=one).judgements
    assert found.verdict is Verdict.DEVIATES
    assert "10.0.0.5" in found.because
    assert not found.waiver_id


def test_usage_tells_how_many_each_waiver_covers_and_which_lie_idle() -> None:
    idle = make.waiver("missing-service", id="idle")
    over = make.waiver(id="over", expires=make.NOON - timedelta(days=1))
    future = make.waiver(id="future", begins=make.NOON + timedelta(days=1))
    document = make.waivers(make.waiver(), idle, over, future)
    usage = waiver_usage(document, judge(RUN, waivers=document))
    assert [(each.waiver.id, each.status, each.matched) for each in usage] == [
        ("W-1", WaiverStatus.IN_FORCE, 1),
        ("idle", WaiverStatus.IN_FORCE, 0),
        ("over", WaiverStatus.EXPIRED, 0),
        ("future", WaiverStatus.NOT_BEGUN, 0),
    ]


def test_a_self_approved_waiver_is_a_deviation_of_its_own() -> None:
    place = SourceLocation(file="waivers.yaml", line=9)
    own = make.waiver(requester="Web-Team ", approver="web-team", location=place)
    (found,) = judge(make.run(), waivers=make.waivers(own)).deviations
    assert (found.rule, found.location) == ("approval-self", place)


def test_waivers_do_not_depend_on_how_the_run_ended() -> None:
    run = make.run(make.open_host(p8080=None), status=RunStatus.INCONCLUSIVE)
    assert judge(run, waivers=make.waivers(make.waiver())).waived


def test_each_waiver_of_a_finding_on_several_addresses_is_used() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    run = make.run(make.open_host(p8080=None), make.open_host("10.0.0.6", p8080=None))
    first = make.waiver(id="W-1", networks=(make.network("10.0.0.5"),))
    second = make.waiver(id="W-2", networks=(make.network("10.0.0.6"),))
    both, one = make.waivers(first, second), make.waivers(second)
    used = waiver_usage(both, judge(run, baseline=shop, waivers=both))
    assert [(each.waiver.id, each.matched) for each in used] == [("W-1", 1), ("W-2", 1)]
    (half,) = waiver_usage(one, judge(run, baseline=shop, waivers=one))
    assert half.matched == 1


# ---------------------------------------------------------------- how long, by severity

CRITICAL = make.run(make.open_host(p6379=Service("redis")))
"""Redis, open to the internet: critical."""
BEGAN = make.NOON - timedelta(days=90)
INSTANT = timedelta(microseconds=1)


def critical(at: datetime, **changes: Any) -> Judgement:
    held = make.waiver(begins=BEGAN, expires=BEGAN + timedelta(days=200))
    waivers = Waivers(waivers=(held,), **changes)
    (found,) = (
        each
        for each in judge(CRITICAL, waivers=waivers, at=at).judgements
        if each.rule == "unapproved-exposure"
    )
    assert found.severity is Severity.CRITICAL
    return found


def test_a_waiver_accepts_a_critical_finding_for_ninety_days_to_the_instant() -> None:
    before, after = critical(make.NOON - INSTANT), critical(make.NOON)
    assert before.verdict is Verdict.WAIVED
    assert "Waiver W-1 accepts it until 2026-11-21T12:00:00Z." in before.because
    assert after.verdict is Verdict.DEVIATES
    assert "Waiver W-1 accepted it until 2026-11-21T12:00:00Z, and has ended." in after.because
    assert "exception_expired" in after.facts


def test_the_same_waiver_accepts_lesser_findings_to_its_end() -> None:
    held = make.waiver(begins=BEGAN, expires=BEGAN + timedelta(days=200))
    assert judge(RUN, waivers=make.waivers(held)).waived


def test_the_document_may_allow_longer() -> None:
    longer = {**LONGEST_DAYS, Severity.CRITICAL: 120}
    assert critical(make.NOON, longest_days=longer).verdict is Verdict.WAIVED


def test_the_end_of_a_used_waiver_is_the_first_at_which_a_finding_of_it_is_open_again() -> None:
    held = make.waivers(make.waiver(begins=BEGAN, expires=BEGAN + timedelta(days=200)))
    at = make.NOON - timedelta(days=5)
    (used,) = waiver_usage(held, judge(CRITICAL, waivers=held, at=at))
    (idle,) = waiver_usage(held, judge(make.run(), waivers=held, at=at))
    assert (used.end, used.notice_days) == (make.NOON, 7)
    assert (idle.end, idle.notice_days) == (held.waivers[0].expires, None)


def test_a_waiver_that_no_longer_accepts_what_it_covers_has_expired_and_was_not_idle() -> None:
    held = make.waivers(make.waiver(begins=BEGAN, expires=BEGAN + timedelta(days=200)))
    (used,) = waiver_usage(held, judge(CRITICAL, waivers=held, at=make.NOON))
    assert (used.status, used.matched, used.end) == (WaiverStatus.EXPIRED, 1, make.NOON)


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_notice_is_given_exactly_while_something_holds_and_ends_soon(left: timedelta) -> None:
    days = notice_days(make.NOON + left, make.NOON)
    if left <= timedelta() or left > timedelta(days=30):
        assert days is None
    else:
        assert days == (7 if left <= timedelta(days=7) else 30)


@given(st.timedeltas(-timedelta(days=400), timedelta(days=400)))
def test_a_waiver_either_accepts_or_has_ended_or_has_not_begun(past: timedelta) -> None:
    held = make.waiver()
    at = held.begins + past
    found = judge(RUN, waivers=make.waivers(held), at=at)
    assert bool(found.waived) == held.in_force(at)
    assert held.in_force(last_instant(held.expires))
