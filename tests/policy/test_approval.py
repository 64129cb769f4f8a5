"""Whose approval counts, and how far it is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from portproof.model.approval import (
    Approver,
    Approvers,
    Claim,
    Level,
    Means,
    Provenance,
    Trace,
)
from portproof.model.baseline import BaselineEntry, BaselineZone, SourceLocation
from portproof.policy.approval import RATIFICATION, Standing, standing, target_zones
from portproof.policy.approval_people import People, even

HEAD = Approver(id="head@example.com", keys=("ssh-ed25519 AAAA",))
OTHER = Approver(id="other@example.com", keys=("ssh-ed25519 BBBB",))
DAY = timedelta(days=1)


def claim(**changes: Any) -> Claim:
    """Give a detached signature of head@example.com, a day ago, that was verified."""
    defaults: dict[str, Any] = {
        "approver": "head@example.com",
        "key": "SHA256:head",
        "means": Means.SIGNATURE,
        "at": make.NOON - DAY,
        "reference": "web.json",
    }
    return Claim(**(defaults | changes))


def listed(*approvers: Approver, **changes: Any) -> Approvers:
    return Approvers(approvers=approvers or (HEAD, OTHER), file="approvers.yaml", **changes)


def judged(
    *claims: Claim,
    approvers: Approvers | None = None,
    needed: int = 1,
    zones: tuple[str, ...] = ("cde",),
    at: datetime = make.NOON,
    **approval: Any,
) -> Standing:
    entry = make.entry(approval=make.approval(**approval))
    provenance = Provenance(
        traces={entry.id: Trace(digest="d" * 64, claims=claims)},
        approvers=approvers or listed(),
    )
    return standing(entry, provenance, zones=zones, needed=needed, at=at)


def test_a_verified_signature_of_an_entitled_approver_verifies_the_entry() -> None:
    assert judged(claim()).level is Level.SIGNED


def test_a_name_in_a_file_is_self_declared() -> None:
    held = judged()
    assert held.level is Level.SELF_DECLARED
    assert held.told == "self-declared: security@example.com as the baseline says"


def test_nobody_named_is_no_approval() -> None:
    assert judged(approver="").level is Level.NONE


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"refused": "it is not signed"}, "it is not signed"),
        ({"approver": "stranger@example.com"}, "is not in the list of approvers"),
        ({"approver": "HEAD@EXAMPLE.COM", "author": "Head@example.com"}, "is the author"),
        ({"author_key": "SHA256:head"}, "the key that signed it"),
    ],
)
def test_what_falls_short_is_self_declared_with_the_reason(
    changed: dict[str, Any], told: str
) -> None:
    held = judged(claim(**changed))
    assert held.level is Level.SELF_DECLARED
    assert told in held.told


def test_the_requester_under_an_alias_is_still_the_requester() -> None:
    approvers = listed(Approver(id=HEAD.id, keys=HEAD.keys, aliases=("Web Team",)))
    held = judged(claim(), approvers=approvers, requester="web  TEAM")
    assert held.verified == 0
    assert "is the requester" in held.told


@pytest.mark.parametrize(
    ("approver", "told"),
    [
        ({"zones": ("office",)}, "is not entitled to zone cde"),
        ({"begins": make.NOON}, "is entitled from 2026-11-21T12:00:00Z on only"),
        ({"ends": make.NOON - DAY}, "ended 2026-11-20T12:00:00Z"),
    ],
)
def test_entitlement_is_by_zone_and_instant(approver: dict[str, Any], told: str) -> None:
    held = judged(claim(), approvers=listed(Approver(id=HEAD.id, keys=HEAD.keys, **approver)))
    assert held.verified == 0
    assert told in held.told


def test_an_approver_of_zones_approves_no_hosts_that_lie_in_none() -> None:
    approvers = listed(Approver(id=HEAD.id, keys=HEAD.keys, zones=("cde",)))
    assert "the hosts lie in no zone" in judged(claim(), approvers=approvers, zones=()).told


def test_an_entitlement_ends_at_its_exact_instant() -> None:
    at = make.NOON - DAY
    ended = Approver(id=HEAD.id, keys=HEAD.keys, ends=at)
    assert judged(claim(at=at), approvers=listed(ended)).verified == 0
    assert judged(claim(at=at - timedelta(seconds=1)), approvers=listed(ended)).verified == 1


def test_without_a_list_no_key_is_anybody_s() -> None:
    assert judged(claim(), approvers=Approvers()).level is Level.SELF_DECLARED


def test_what_is_approved_tomorrow_does_not_count_today() -> None:
    assert judged(claim(at=make.NOON + DAY)).verified == 0


def test_two_approvals_of_one_person_are_one() -> None:
    again = claim(means=Means.MERGE, reference="abc", at=make.NOON - 2 * DAY)
    held = judged(claim(), again, needed=2, approver="Head@example.com")
    assert [each.person for each in held.counted] == ["head@example.com"]


def test_the_level_is_that_of_the_weakest_approval_that_is_needed() -> None:
    both = (claim(), claim(approver=OTHER.id, key="SHA256:other", means=Means.MERGE))
    assert judged(*both, needed=1).level is Level.SIGNED
    assert judged(*both, needed=2).level is Level.GIT
    assert judged(claim(), needed=2).level is Level.SELF_DECLARED


# ---------------------------------------------------------------- emergencies


def test_an_emergency_has_five_days_to_be_ratified_to_the_second() -> None:
    begun = make.NOON - RATIFICATION
    held = judged(claim(emergency=True, at=begun), approver="")
    assert held.ratify_by == make.NOON
    assert held.overdue(make.NOON)
    assert not held.overdue(make.NOON - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("second", "ratified"),
    [
        ({"approver": OTHER.id, "key": "SHA256:other"}, True),
        ({"approver": OTHER.id, "key": "SHA256:other", "emergency": True}, False),
        ({"approver": HEAD.id}, False),
        ({"approver": OTHER.id, "key": "SHA256:other", "refused": "not signed"}, False),
        ({"approver": OTHER.id, "key": "SHA256:other", "at": make.NOON - 2 * DAY}, False),
    ],
)
def test_only_somebody_else_without_haste_and_in_time_ratifies(
    second: dict[str, Any], *, ratified: bool
) -> None:
    first = claim(emergency=True, at=make.NOON - 8 * DAY)
    later = claim(**({"at": make.NOON - 4 * DAY} | second))
    assert judged(first, later, approver="").overdue(make.NOON) is not ratified


def test_a_declared_emergency_counts_to_the_end_of_its_day() -> None:
    held = judged(emergency=True, approved_on=date(2026, 11, 16))
    assert held.ratify_by == datetime(2026, 11, 22, tzinfo=UTC)
    ratified: dict[str, Any] = {
        "ratified_by": "other@example.com",
        "ratified_on": date(2026, 11, 21),
    }
    assert judged(emergency=True, approved_on=date(2026, 11, 16), **ratified).ratify_by is None


# ---------------------------------------------------------------- people and zones


def test_a_mailbox_is_the_address_in_it() -> None:
    assert even("Web Team <Web-Team@Example.com>") == "web-team@example.com"


def test_aliases_are_followed_and_a_ring_of_them_ends() -> None:
    people = People(Approvers(aliases={"a": "b", "b": "c", "x": "y", "y": "x"}))
    assert people.same("A", "c")
    assert people.person("x") in {"x", "y"}


def test_nobody_is_not_one_person() -> None:
    assert not People(Approvers()).same("", " ")


@given(st.text(), st.text())
def test_sameness_has_no_direction_and_ignores_case(one: str, other: str) -> None:
    people = People(Approvers())
    assert people.same(one, other) == people.same(other, one)
    assert people.person(one) == people.person(even(one))


def test_an_entry_leads_to_the_zones_that_its_addresses_lie_in() -> None:
    shop = BaselineZone(
        name="shop",
        networks=(make.network("10.66.0.0/24"),),
        location=SourceLocation(file="baseline.yaml", line=2),
    )

    def zones(entry: BaselineEntry) -> tuple[str, ...]:
        return target_zones(entry, make.baseline(entry, zones=(shop,)), make.VANTAGES)

    assert zones(make.entry("10.66.0.7")) == ("shop", "cde")
    assert zones(make.entry("10.9.0.0/24")) == ("office",)
    assert zones(make.entry("www.example.com")) == ()


# ---------------------------------------------------------------- dates that cannot be


@pytest.mark.parametrize(
    ("means", "told"),
    [
        (Means.MERGE, "and the content was written 2026-11-21T12:00:00Z"),
        (Means.SIGNATURE, "and what its content replaced was written 2026-11-21T12:00:00Z"),
    ],
)
def test_an_approval_older_than_what_it_approves_is_refused(means: Means, told: str) -> None:
    early = claim(means=means, not_before=make.NOON)
    held = judged(early, approver="")
    assert held.level is Level.NONE
    assert any(told in each for each in held.refused)


def test_clocks_that_differ_by_less_than_an_hour_are_believed() -> None:
    late = make.NOON - DAY + timedelta(hours=1)
    assert judged(claim(not_before=late)).level is Level.SIGNED
    assert judged(claim(not_before=late + timedelta(seconds=1))).level is Level.SELF_DECLARED


def test_an_approval_of_a_later_day_does_not_count_and_says_its_date() -> None:
    held = judged(claim(at=make.NOON + DAY), approver="")
    assert (held.level, held.verified) == (Level.NONE, 0)
    assert (
        "it is dated 2026-11-22T12:00:00Z, after the day that is judged (2026-11-21)"
        in (held.refused[0])
    )
    assert judged(claim(at=make.NOON + timedelta(hours=11))).level is Level.SIGNED
