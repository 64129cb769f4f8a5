from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest

import factories
from portproof.model.authorisation import Authorisation, Exclusion
from portproof.model.endpoint import Transport
from portproof.model.inventory import FetchOutcome, KnownTarget, TargetChange, Why
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, Rates, RunRecord, RunStatus
from portproof.model.source import Listing, SourcedTarget
from portproof.policy.dated import as_of
from portproof.policy.targets import (
    RESCAN,
    choose,
    scanned,
    silent_retired,
    take,
    target_facts,
)

MONDAY = datetime(2026, 11, 16, 8, tzinfo=UTC)
DAY = timedelta(days=1)
INSIDE = Authorisation(
    id="auth-1",
    owner="owner@example.com",
    contact="net-team",
    networks=(ip_network("10.0.0.0/24"),),
    exclusions=(Exclusion(network=ip_network("10.0.0.66/32"), reason="pump"),),
    names=(),
    valid_from=MONDAY,
    valid_until=MONDAY + 365 * DAY,
    rates=Rates(),
    max_probes=1_000,
    controls=(),
    allow_fragile=PortSet.empty(),
    digest="",
)


def asset(name: str, *addresses: str, at: datetime = MONDAY) -> SourcedTarget:
    return SourcedTarget(
        id=name, kind="host", addresses=tuple(map(ip_address, addresses)), seen_at=at
    )


def listing(*items: SourcedTarget, at: datetime = MONDAY, stale: str = "") -> Listing:
    return Listing(source="cmdb", at=at, items=items, stale_because=stale)


def first(*items: SourcedTarget) -> tuple[KnownTarget, ...]:
    return take((), listing(*items)).targets


def changes(taken_from: Sequence[KnownTarget], new: Listing) -> list[tuple[TargetChange, str]]:
    return list(take(taken_from, new).changes)


def run(
    answers: dict[str, PortState],
    *,
    at: datetime = MONDAY + DAY,
    status: RunStatus = RunStatus.COMPLETE,
) -> RunRecord:
    """A run of port 22 on those addresses, each with that state."""
    port = PortSet.of(22)
    hosts = [
        PlannedHost(address=ip_address(each), target=each, tcp=port, udp=PortSet.empty())
        for each in answers
    ]
    outcomes = tuple(
        HostOutcome(
            host=host, transport=Transport.TCP, states={state: port}, reasons={}, unmeasured={}
        )
        for host, state in zip(hosts, answers.values(), strict=True)
    )
    record = factories.run()
    plan = replace(record.plan, hosts=tuple(hosts))
    return replace(
        record,
        plan=plan,
        hosts=outcomes,
        started=at,
        finished=at + timedelta(minutes=5),
        status=status,
    )


def told(record: RunRecord, known: Sequence[KnownTarget]) -> list[tuple[str, str]]:
    return [(each.fact, each.subject) for each in target_facts(record, known)]


# ---------------------------------------------------------------- lists


def test_a_new_target_appears_and_is_scanned_at_once() -> None:
    known = first(asset("web-1", "10.0.0.5"))
    assert [each.why for each in choose(known, INSIDE, MONDAY).wanted] == [Why.NEW]


def test_a_target_that_a_whole_list_lacks_is_retired() -> None:
    known = first(asset("a", "10.0.0.1"), asset("b", "10.0.0.2"))
    tuesday = listing(asset("a", "10.0.0.1"), at=MONDAY + DAY)
    assert changes(known, tuesday) == [(TargetChange.RETIRED, "cmdb/b")]


@pytest.mark.parametrize(("before", "now"), [(1, 0), (2, 0), (3, 1), (10, 4)])
def test_a_suddenly_short_list_retires_nothing_and_says_so(before: int, now: int) -> None:
    known = first(*(asset(f"t{n}", f"10.0.0.{n + 1}") for n in range(before)))
    short = listing(*(asset(f"t{n}", f"10.0.0.{n + 1}") for n in range(now)), at=MONDAY + DAY)
    taken = take(known, short)
    assert (taken.outcome, taken.alerts, taken.changes) == (FetchOutcome.SHRUNK, True, ())
    assert all(each.retired_at is None for each in taken.targets)
    accepted = take(known, short, accept_shrink=True)
    assert len(accepted.changes) == before - now


@pytest.mark.parametrize(("before", "now"), [(2, 1), (4, 2), (9, 5)])
def test_half_of_the_last_list_is_not_short(before: int, now: int) -> None:
    known = first(*(asset(f"t{n}", f"10.0.0.{n + 1}") for n in range(before)))
    rest = listing(*(asset(f"t{n}", f"10.0.0.{n + 1}") for n in range(now)), at=MONDAY + DAY)
    assert take(known, rest).outcome is FetchOutcome.TAKEN


def test_a_short_list_still_brings_what_is_new() -> None:
    known = first(*(asset(f"t{n}", f"10.0.0.{n + 1}") for n in range(9)))
    assert changes(known, listing(asset("new", "10.0.0.99"))) == [
        (TargetChange.APPEARED, "cmdb/new")
    ]


def test_a_list_that_the_source_kept_because_of_an_error_changes_nothing() -> None:
    taken = take(first(asset("a", "10.0.0.1")), listing(stale="503"))
    assert (taken.outcome, taken.targets, taken.alerts) == (FetchOutcome.STALE, (), True)


def test_addresses_are_dated_and_the_next_owner_of_one_is_another_target() -> None:
    known = first(asset("old", "10.0.0.5"), asset("x", "10.0.0.7"))
    tuesday = MONDAY + DAY
    swapped = listing(
        asset("old", "10.0.0.6"), asset("new", "10.0.0.5"), asset("x", "10.0.0.7"), at=tuesday
    )
    new, old, _ = take(known, swapped).targets
    spans = [(str(each.address), each.since, each.last) for each in old.spans]
    assert spans == [("10.0.0.5", MONDAY, MONDAY), ("10.0.0.6", tuesday, tuesday)]
    assert (new.key, new.first_listed) == ("cmdb/new", tuesday)


def test_a_target_with_another_address_is_scanned_at_once_again() -> None:
    (known,) = first(asset("a", "10.0.0.1"))
    looked_at = replace(known, scanned_at=MONDAY)
    taken = take((looked_at,), listing(asset("a", "10.0.0.2"), at=MONDAY + DAY))
    assert taken.changes == ((TargetChange.MOVED, "cmdb/a"),)
    assert [each.why for each in choose(taken.targets, INSIDE, MONDAY).wanted] == [Why.NEW]


def test_a_retired_target_that_is_listed_again_returns_with_its_first_date() -> None:
    (known,) = first(asset("a", "10.0.0.1"))
    gone = replace(known, retired_at=MONDAY + DAY)
    taken = take((gone,), listing(asset("a", "10.0.0.1"), at=MONDAY + 2 * DAY))
    assert taken.changes == ((TargetChange.RETURNED, "cmdb/a"),)
    assert (taken.targets[0].first_listed, taken.targets[0].retired_at) == (MONDAY, None)


# ---------------------------------------------------------------- what is scanned


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.66"])
def test_what_lies_outside_the_authorisation_or_is_excluded_is_refused(address: str) -> None:
    choice = choose(first(asset("a", "10.0.0.1"), asset("b", address)), INSIDE, MONDAY)
    assert [str(each.host) for each in choice.wanted] == ["10.0.0.1"]
    assert [(each.key, str(each.host)) for each in choice.refused] == [("cmdb/b", address)]


def test_a_retired_target_is_rescanned_for_thirty_days_to_the_instant() -> None:
    (known,) = first(asset("a", "10.0.0.1"))
    gone = replace(known, retired_at=MONDAY)
    last = MONDAY + RESCAN - timedelta(microseconds=1)
    assert [each.why for each in choose((gone,), INSIDE, last).wanted] == [Why.RETIRED]
    assert choose((gone,), INSIDE, MONDAY + RESCAN).wanted == ()


def test_a_retired_target_whose_address_has_another_owner_is_not_rescanned_as_itself() -> None:
    old, new = first(asset("new", "10.0.0.1"), asset("old", "10.0.0.1"))
    choice = choose((old, replace(new, retired_at=MONDAY)), INSIDE, MONDAY)
    assert [(each.key, each.why) for each in choice.wanted] == [("cmdb/new", Why.NEW)]


def test_a_conclusive_run_of_all_its_addresses_has_looked_at_a_target() -> None:
    known = first(asset("a", "10.0.0.1", "10.0.0.2"), asset("b", "10.0.0.3"))
    record = run({"10.0.0.1": PortState.CLOSED, "10.0.0.3": PortState.CLOSED})
    assert [each.key for each in scanned(known, record)] == ["cmdb/b"]
    assert not [*scanned(known, replace(record, status=RunStatus.INCONCLUSIVE))]


# ---------------------------------------------------------------- facts


def test_a_retired_target_that_answers_is_a_fact() -> None:
    (known,) = first(asset("a", "10.0.0.1"))
    gone = replace(known, retired_at=MONDAY)
    for state in (PortState.OPEN, PortState.CLOSED):
        record = run({"10.0.0.1": state})
        assert told(record, (gone,)) == [("retired_still_answering", "cmdb/a (10.0.0.1)")]
        assert silent_retired(record, (gone,)) == frozenset()


def test_only_a_conclusive_and_silent_run_proves_a_retired_target_silent() -> None:
    (known,) = first(asset("a", "10.0.0.1"))
    gone = replace(known, retired_at=MONDAY)
    silent = run({"10.0.0.1": PortState.FILTERED})
    assert silent_retired(silent, (gone,)) == {ip_address("10.0.0.1")}
    assert not silent_retired(replace(silent, status=RunStatus.INCONCLUSIVE), (gone,))
    assert not silent_retired(silent, (known,))


def test_silence_of_the_next_owner_proves_nothing_of_the_one_before() -> None:
    new, old = first(asset("new", "10.0.0.1"), asset("old", "10.0.0.1"))
    silent = run({"10.0.0.1": PortState.FILTERED})
    assert not silent_retired(silent, (new, replace(old, retired_at=MONDAY)))


def test_a_host_that_answers_and_that_no_source_lists_is_an_unknown_asset() -> None:
    known = first(asset("a", "10.0.0.1"))
    record = run({"10.0.0.1": PortState.OPEN, "10.0.0.9": PortState.OPEN})
    assert told(record, known) == [("unknown_asset", "10.0.0.9")]


def test_a_target_of_which_nothing_answered_is_unseen_and_only_a_conclusive_run_says_so() -> None:
    known = first(asset("a", "10.0.0.1"))
    silent = run({"10.0.0.1": PortState.FILTERED})
    assert told(silent, known) == [("inventory_unseen", "cmdb/a")]
    assert told(replace(silent, status=RunStatus.INCONCLUSIVE), known) == []


def test_a_listed_address_that_a_run_did_not_ask_is_scope_drift() -> None:
    known = first(asset("a", "10.0.0.1"), asset("b", "192.0.2.1"))
    assert told(run({"10.0.0.1": PortState.OPEN}), known) == [("scope_drift", "cmdb/b")]


def test_without_an_inventory_a_run_says_nothing_of_it() -> None:
    assert target_facts(run({"10.0.0.1": PortState.OPEN}), ()) == ()


def test_a_run_is_held_against_the_inventory_of_its_own_time() -> None:
    known = first(asset("a", "10.0.0.1"))
    later = take(
        known, listing(asset("a", "10.0.0.2"), asset("b", "10.0.0.3"), at=MONDAY + 9 * DAY)
    )
    (then,) = as_of(later.targets, MONDAY)
    assert [str(each) for each in then.target.addresses] == ["10.0.0.1"]
    gone = replace(later.targets[0], retired_at=MONDAY + 9 * DAY)
    assert as_of((gone,), MONDAY)[0].retired_at is None


# ---------------------------------------------------------------- dated addresses


def test_an_address_that_left_has_the_instant_of_the_list_that_lacked_it() -> None:
    known = first(asset("a", "10.0.0.1"))
    (moved,) = take(known, listing(asset("a", "10.0.0.2"), at=MONDAY + 3 * DAY)).targets
    left, now = moved.spans
    assert (left.last, left.until) == (MONDAY, MONDAY + 3 * DAY)
    assert (now.since, now.until) == (MONDAY + 3 * DAY, None)
    held = [as_of((moved,), MONDAY + number * DAY)[0].target.addresses for number in (2, 3)]
    assert held == [(ip_address("10.0.0.1"),), (ip_address("10.0.0.2"),)]


def test_an_address_that_is_had_again_is_not_had_in_between() -> None:
    known = first(asset("a", "10.0.0.1"))
    for number, address in ((1, "10.0.0.2"), (2, "10.0.0.1")):
        known = take(known, listing(asset("a", address), at=MONDAY + number * DAY)).targets
    between = as_of(known, MONDAY + DAY)[0].target.addresses
    assert between == (ip_address("10.0.0.2"),)


def test_a_target_that_returns_had_nothing_while_it_was_retired() -> None:
    known = first(asset("a", "10.0.0.1"), asset("b", "10.0.0.2"))
    for number, there in ((1, ()), (2, (asset("a", "10.0.0.1"),))):
        items = (*there, asset("b", "10.0.0.2"))
        known = take(known, listing(*items, at=MONDAY + number * DAY)).targets
    earlier, now = known[0].spans
    assert (earlier.until, now.since) == (MONDAY + DAY, MONDAY + 2 * DAY)


def test_a_span_of_before_its_end_was_recorded_ended_after_it_was_listed_last() -> None:
    known = first(asset("a", "10.0.0.1"))
    (moved,) = take(known, listing(asset("a", "10.0.0.2"), at=MONDAY + DAY)).targets
    old = replace(moved, spans=(replace(moved.spans[0], until=None), moved.spans[1]))
    assert as_of((old,), MONDAY)[0].target.addresses == (ip_address("10.0.0.1"),)
    assert as_of((old,), MONDAY + DAY)[0].target.addresses == (ip_address("10.0.0.2"),)


def test_what_answers_at_an_address_that_its_target_left_is_an_unknown_asset() -> None:
    known = first(asset("a", "10.0.0.1"))
    known = take(known, listing(asset("a", "10.0.0.2"), at=MONDAY + DAY)).targets
    record = run({"10.0.0.1": PortState.OPEN, "10.0.0.2": PortState.OPEN}, at=MONDAY + 2 * DAY)
    (fact,) = target_facts(record, known)
    assert (fact.fact, fact.subject) == ("unknown_asset", "10.0.0.1")
    assert fact.because.endswith("no source lists it; cmdb/a had it")


def test_an_address_that_two_sources_list_is_asked_for_both_and_is_nobodys_retirement() -> None:
    ours = first(asset("a", "10.0.0.1"))
    other = Listing(source="aws", at=MONDAY, items=(asset("i-1", "10.0.0.1"),))
    both = (*ours, *take((), other).targets)
    assert [each.key for each in choose(both, INSIDE, MONDAY).wanted] == ["aws/i-1", "cmdb/a"]
    gone = (replace(ours[0], retired_at=MONDAY), both[1])
    assert told(run({"10.0.0.1": PortState.OPEN}), gone) == []
