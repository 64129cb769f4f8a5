"""The end of a waiver, to the instant: whose finding is open again, and since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from policy.test_passed_on import history
from portproof.model.finding import (
    Finding,
    FindingEventKind,
    FindingStatus,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.waiver import LONGEST_DAYS, Waiver, Waivers
from portproof.policy.holders import Holders
from portproof.policy.lifecycle_projection import after
from portproof.policy.subjects import by_subject
from portproof.policy.waiver_end import EXPIRED, PORTPROOF, ending, lapsed, settlement
from portproof.policy.waivers import apply_waivers

BEGINS = make.NOON - timedelta(days=10)
END = make.NOON + timedelta(days=2)
W1 = make.waiver(begins=BEGINS, expires=END)
INSTANT = timedelta(microseconds=1)


def waived(*held: Waiver, hosts: str = "10.0.0.5", **changes: Any) -> Finding:
    """Give a finding as a run at noon left it, on each of the hosts, waived by those waivers."""
    shown = (
        make.judgement(endpoint=make.endpoint(f"{host}:8080/tcp"), **changes)
        for host in hosts.split()
    )
    (judged,) = by_subject(apply_waivers(shown, make.waivers(*held), {}, make.NOON))
    assert judged.verdict is Verdict.WAIVED
    return make.finding(
        judged,
        status=FindingStatus.WAIVED,
        first_seen=make.NOON - timedelta(days=5),
        last_seen=make.NOON,
    )


def at_its_end(finding: Finding, *held: Waiver, at: datetime = END) -> Finding:
    event = settlement(finding, make.waivers(*held), at)
    assert event is not None
    return after(finding, event, None)


# ---------------------------------------------------------------- the instant


@given(
    past=st.timedeltas(-timedelta(days=2), timedelta(days=400)),
    severity=st.sampled_from([each for each in Severity if each is not Severity.INFO]),
    days=st.integers(1, 365),
)
def test_a_finding_is_open_again_from_the_very_instant_of_its_waivers_end(
    past: timedelta, severity: Severity, days: int
) -> None:
    held = replace(W1, expires=make.NOON + timedelta(days=days))
    finding = waived(held, severity=severity)
    end = min(held.expires, held.begins + timedelta(days=LONGEST_DAYS[severity]))
    over = ending(finding, make.waivers(held), end + past)
    assert (over is not None) is (past >= timedelta())
    event = settlement(finding, make.waivers(held), end + past)
    assert (event.at if event else None) == (end if past >= timedelta() else None)


@pytest.mark.parametrize("zone", [timedelta(hours=14), timedelta(hours=-12), timedelta()])
def test_the_instant_is_the_same_wherever_it_is_asked_for(zone: timedelta) -> None:
    local = END.astimezone(timezone(zone))
    assert ending(waived(W1), make.waivers(W1), local) is not None
    assert ending(waived(W1), make.waivers(W1), local - INSTANT) is None


def test_a_leap_day_is_a_day_like_any_other() -> None:
    end = datetime(2028, 3, 1, tzinfo=UTC)  # written as expires: 2028-02-29
    held = replace(W1, begins=end - timedelta(days=30), expires=end)
    judged = replace(waived(W1).judgement, waiver_id=held.id)
    finding = replace(waived(W1), judgement=judged, last_seen=end - timedelta(days=1))
    assert ending(finding, make.waivers(held), end - INSTANT) is None
    assert ending(finding, make.waivers(held), end) is not None


# ---------------------------------------------------------------- what is recorded


def test_it_is_recorded_by_portproof_at_the_end_with_the_original_first_sighting() -> None:
    finding = waived(W1)
    event = settlement(finding, make.waivers(W1), END + timedelta(days=30))
    assert event is not None
    assert (event.kind, event.at, event.actor) == (FindingEventKind.WAIVER_ENDED, END, PORTPROOF)
    opened = after(finding, event, None)
    assert (opened.status, opened.first_seen) == (FindingStatus.OPEN, finding.first_seen)
    assert (opened.last_seen, opened.run_id) == (finding.last_seen, finding.run_id)


def test_once_recorded_it_is_not_recorded_again() -> None:
    assert settlement(at_its_end(waived(W1), W1), make.waivers(W1), END) is None


def test_the_judgement_then_says_what_a_run_of_that_instant_would() -> None:
    shown = make.judgement(endpoint=make.endpoint("10.0.0.5:8080/tcp"))
    (judged,) = apply_waivers((shown,), make.waivers(W1), {}, END)
    assert at_its_end(waived(W1), W1).judgement == judged
    assert EXPIRED in judged.facts


def test_what_another_run_judged_since_is_not_mistaken_for_it() -> None:
    finding = waived(W1)
    event = settlement(finding, make.waivers(W1), END)
    assert event is not None
    stranger = make.judgement(title="judged again, of an older run")
    assert after(finding, event, stranger).judgement == lapsed(finding.judgement, event)


def test_a_waiver_that_was_made_shorter_ends_no_earlier_than_the_run_it_was_held_against() -> None:
    shorter = replace(W1, expires=make.NOON - timedelta(days=1))
    event = settlement(waived(W1), make.waivers(shorter), make.NOON + timedelta(hours=1))
    assert event is not None
    assert event.at == make.NOON


# ---------------------------------------------------------------- which waivers


@pytest.mark.parametrize("status", sorted(set(FindingStatus) - {FindingStatus.WAIVED}))
def test_only_a_waived_finding_has_a_waiver_that_ends(status: FindingStatus) -> None:
    finding = replace(waived(W1), status=status)
    assert ending(finding, make.waivers(W1), END) is None


def test_a_waiver_that_another_one_follows_leaves_its_finding_accepted() -> None:
    next_one = replace(W1, id="W-2", begins=END, expires=END + timedelta(days=30))
    both = make.waivers(W1, next_one)
    assert ending(waived(W1), both, END) is None
    assert ending(waived(W1), both, next_one.expires) is not None


def test_a_waiver_that_was_given_for_a_former_owner_of_the_address_does_not_follow() -> None:
    by_address = replace(
        W1,
        id="W-2",
        begins=BEGINS - timedelta(days=1),
        expires=END + timedelta(days=30),
        networks=(make.network("10.0.0.5/32"),),
    )
    both = make.waivers(W1, by_address)
    assert ending(waived(W1), both, END) is None
    assert ending(waived(W1), both, END, Holders(history("old", "old"))) is None
    end = ending(waived(W1), both, END, Holders(history("old", "new")))
    assert end is not None
    assert end.waiver_id == "W-1"


def test_between_two_waivers_it_is_open() -> None:
    later = replace(W1, id="W-2", begins=END + INSTANT, expires=END + timedelta(days=30))
    assert ending(waived(W1), make.waivers(W1, later), END) is not None


def test_a_waiver_of_other_ports_does_not_follow() -> None:
    other = replace(W1, id="W-2", ports=make.ports("22"), expires=END + timedelta(days=30))
    assert ending(waived(W1), make.waivers(W1, other), END) is not None


def test_a_finding_on_two_addresses_is_open_as_soon_as_one_of_them_is_not_accepted() -> None:
    first = replace(W1, networks=(make.network("10.0.0.5"),))
    second = replace(
        W1, id="W-2", networks=(make.network("10.0.0.6"),), expires=END + timedelta(days=9)
    )
    subject = replace(make.judgement().subject, asset="shop")
    finding = waived(first, second, hosts="10.0.0.5 10.0.0.6", subject=subject)
    end = ending(finding, make.waivers(first, second), END)
    assert end is not None
    assert (end.waiver_id, end.at) == ("W-1", END)


def test_a_waiver_that_is_not_in_the_document_is_told_and_left_for_the_next_run_to_record() -> None:
    end = ending(waived(W1), Waivers(), make.NOON)
    assert end is not None
    assert end.told == "is not in the document any more"
    assert settlement(waived(W1), Waivers(), make.NOON) is None


def test_a_waiver_by_name_is_followed_by_one_of_the_same_name() -> None:
    names = {make.endpoint("10.0.0.5:8080/tcp").address: frozenset({"shop.example"})}
    by_name = replace(W1, networks=(), names=("shop.example",))
    shown = make.judgement(endpoint=make.endpoint("10.0.0.5:8080/tcp"))
    (judged,) = apply_waivers((shown,), make.waivers(by_name), names, make.NOON)
    finding = make.finding(judged, status=FindingStatus.WAIVED, last_seen=make.NOON)
    follows = replace(by_name, id="W-2", begins=END, expires=END + timedelta(days=9))
    assert ending(finding, make.waivers(by_name), END) is not None
    assert ending(finding, make.waivers(by_name, follows), END) is None


def test_a_judgement_keeps_the_words_about_its_other_waivers() -> None:
    judged: Judgement = replace(
        waived(W1).judgement, because="Seen. Waiver W-9 accepts it until 2099-01-01T00:00:00Z."
    )
    event = settlement(waived(W1), make.waivers(W1), END)
    assert event is not None
    assert "W-9 accepts it" in lapsed(judged, event).because
