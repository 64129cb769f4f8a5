from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from factories import (
    HOST,
    NOON,
    VANTAGE,
    VANTAGES,
    authorisation_ref,
    endpoint,
    host_outcome,
    network,
    planned_host,
    scan_plan,
)
from packs.packed import FORMS, RAW, FixedClock, a_key, pack_of, seen, small_run
from portproof.errors import PackError, StoreError, StoreLockedError
from portproof.evidence.canonical import digest
from portproof.model.authorisation import Authorisation
from portproof.model.drawn import Continuation
from portproof.model.observation import PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.rates import Rates
from portproof.model.scan import ClockFacts, Control, ControlKind, RunRecord, RunStatus
from portproof.model.vantage import Vantages
from portproof.packs.reading import open_pack
from portproof.scan.executor import Executor
from portproof.scan.resolver import SystemResolver
from portproof.store import SqlStore, open_store, verify_log
from portproof.usecases.import_pack import Imported, ImportServices, import_pack
from portproof.usecases.resume import resume
from portproof.usecases.scan import ScanServices
from store.examples import batch
from vantage import Heard

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "home.sqlite", create=True) as opened:
        yield opened


def authorisation(**changes: Any) -> Authorisation:
    """The document at home that the small run rests on."""
    ref = authorisation_ref()
    facts: dict[str, Any] = {
        "id": ref.id,
        "owner": ref.owner,
        "contact": ref.contact,
        "networks": (network("10.0.0.0/24"),),
        "exclusions": (),
        "names": (),
        "valid_from": ref.valid_from,
        "valid_until": ref.valid_until,
        "rates": Rates(),
        "max_probes": 10**6,
        "controls": scan_plan().controls,
        "allow_fragile": PortSet.empty(),
        "digest": ref.digest,
    }
    return Authorisation(**(facts | changes))


def home(folder: Path, **changes: Any) -> Vantages:
    """vantages.yaml at home, with the key of the vantage that the small run comes from."""
    keys = {"ext-1": a_key(folder).public.line()}
    return replace(VANTAGES, **({"keys": keys} | changes))


def taken_in(
    folder: Path, store: SqlStore, record: RunRecord | None = None, **given: Any
) -> Imported:
    """Pack a run at its vantage and import it at home, a minute after noon."""
    path = folder / f"{len(list(folder.glob('*.pack')))}.pack"
    key = given.get("key") or a_key(folder)
    sealed = given.get("sealed", NOON)
    pack_of(record or small_run(), path, key, batches=given.get("batches", ()), at=sealed)
    with open_pack(path, FORMS) as pack:
        return import_pack(
            ImportServices(clock=FixedClock(given.get("now", NOON + MINUTE)), store=store),
            pack,
            vantages=given.get("vantages", home(folder)),
            authorisation=given.get("authorisation", authorisation()),
        )


# ---------------------------------------------------------------- what comes in


def test_a_run_from_elsewhere_is_a_run_like_any_other(tmp_path: Path, store: SqlStore) -> None:
    imported = taken_in(tmp_path, store)
    run_id = small_run().plan.run_id
    assert (imported.already, imported.record.plan.run_id) == (False, run_id)
    assert store.load_run(run_id) == small_run()
    assert store.raw(digest(RAW)) == b'{"banner":"220 mail\\r\\n","errno":0}'
    (summary,) = store.runs()
    assert (summary.id, summary.vantage, summary.measured) == (run_id, "ext-1", 100)
    assert verify_log(store) == []


def test_the_log_says_which_pack_it_came_in_and_who_signed(tmp_path: Path, store: SqlStore) -> None:
    imported = taken_in(tmp_path, store)
    assert store.pack_of(small_run().plan.run_id) == imported.digest
    assert json.loads(store.raw(imported.digest))["run"] == small_run().plan.run_id
    assert imported.key == a_key(tmp_path).public.fingerprint


def test_the_same_pack_again_changes_nothing(tmp_path: Path, store: SqlStore) -> None:
    taken_in(tmp_path, store)
    head = store.head()
    again = taken_in(tmp_path, store)
    assert again.already
    assert store.head() == head


def test_a_pack_that_is_here_is_here_though_its_authorisation_has_gone(
    tmp_path: Path, store: SqlStore
) -> None:
    taken_in(tmp_path, store)
    assert taken_in(tmp_path, store, authorisation=None).already


def test_intervals_know_when_a_port_closed_that_an_earlier_run_saw_open(
    tmp_path: Path, store: SqlStore
) -> None:
    taken_in(tmp_path, store)
    host = planned_host(tcp="1-100")
    closed = small_run(
        hosts=(host_outcome(host),),
        plan={"run_id": "20261121T123000Z-0002"},
        started=NOON + 30 * MINUTE,
        finished=NOON + 35 * MINUTE,
    )
    taken_in(
        tmp_path,
        store,
        closed,
        batches=(batch([21, 22, 23], PortState.CLOSED, Reason.RESET, sent_ms=2_000),),
        sealed=NOON + 35 * MINUTE,
        now=NOON + 36 * MINUTE,
    )
    told = store.intervals([endpoint(f"{HOST}:22/tcp")], vantage="ext-1")
    assert [(each.state, each.first_seen) for each in told] == [
        ("open", "2026-11-21T12:00:00.000000Z"),
        ("closed", "2026-11-21T12:30:02.000000Z"),
    ]


def test_an_interrupted_run_is_taken_in_as_one(tmp_path: Path, store: SqlStore) -> None:
    record = small_run(status=RunStatus.INTERRUPTED, status_reason="it was stopped")
    taken_in(tmp_path, store, record)
    assert store.load_run(record.plan.run_id).status is RunStatus.INTERRUPTED


def test_an_interrupted_run_from_elsewhere_is_not_gone_on_with_here(
    tmp_path: Path, store: SqlStore
) -> None:
    record = small_run(status=RunStatus.INTERRUPTED, status_reason="it was stopped")
    run_id = taken_in(tmp_path, store, record).record.plan.run_id
    clock = FixedClock(NOON + MINUTE)
    executor = Executor(authorisation(), clock=clock)
    services = ScanServices(clock=clock, resolver=SystemResolver(), scanner=executor, store=store)
    for asked, why in ((run_id, "came in a pack from vantage ext-1"), (None, "no interrupted run")):
        with pytest.raises(StoreError, match=why):
            resume(services, asked, authorisation(), VANTAGE, watcher=Heard(), stop=lambda: False)


def test_a_clock_that_nobody_keeps_is_taken_in_and_flagged(tmp_path: Path, store: SqlStore) -> None:
    record = small_run(clock=ClockFacts(source="kernel", synchronised=None))
    assert taken_in(tmp_path, store, record).flags == ("clock_unsynced",)
    assert taken_in(tmp_path, store, record).already


@pytest.mark.parametrize("step", [7, -7])
def test_a_clock_that_was_set_during_the_run_is_taken_in_and_flagged(
    tmp_path: Path, store: SqlStore, step: int
) -> None:
    imported = taken_in(tmp_path, store, sealed=NOON + step * SECOND)
    assert imported.flags == ("clock_unsynced",)
    clock = store.load_run(small_run().plan.run_id).clock
    assert clock.synchronised is False
    assert f"moved {step:,},000 ms against the monotonic one".replace(",,", ",") in clock.detail


def test_a_clock_that_moved_by_less_than_five_seconds_is_no_fact(
    tmp_path: Path, store: SqlStore
) -> None:
    assert taken_in(tmp_path, store, sealed=NOON + 5 * SECOND).flags == ()


# ---------------------------------------------------------------- what is refused


def refused(why: str, tmp_path: Path, store: SqlStore, *record: RunRecord, **given: Any) -> None:
    """Expect a refusal in these words, and a store in which nothing has changed."""
    head = store.head()
    with pytest.raises(PackError, match=why):
        taken_in(tmp_path, store, *record, **given)
    assert store.head() == head
    assert "\n" not in why


def test_a_vantage_that_nobody_declared(tmp_path: Path, store: SqlStore) -> None:
    nobody = replace(VANTAGES, vantages=())
    refused("which vantages.yaml does not declare", tmp_path, store, vantages=nobody)


def test_a_vantage_without_a_key(tmp_path: Path, store: SqlStore) -> None:
    refused("has no key in vantages.yaml", tmp_path, store, vantages=VANTAGES)


def test_a_pack_signed_by_another_vantage(tmp_path: Path, store: SqlStore) -> None:
    other = a_key(tmp_path, "other")
    refused("not signed with the key of vantage ext-1", tmp_path, store, key=other)


def test_a_vantage_that_says_it_stands_in_another_zone(tmp_path: Path, store: SqlStore) -> None:
    moved = tuple(replace(each, zone="office") for each in VANTAGES.vantages)
    refused("vantages.yaml says 'office'", tmp_path, store, vantages=home(tmp_path, vantages=moved))


def test_another_run_with_the_same_id(tmp_path: Path, store: SqlStore) -> None:
    taken_in(tmp_path, store)
    other = small_run(status_reason="", masked=3)
    refused("is here already, from another pack", tmp_path, store, other)


def test_a_run_that_was_made_here(tmp_path: Path, store: SqlStore) -> None:
    record = small_run()
    with store.run_lock():
        store.begin_run(record.plan, record.started).observed(seen(), RAW)
        store.finish_run(record)
    refused("was made here; a pack cannot replace it", tmp_path, store)


def test_no_authorisation_at_home(tmp_path: Path, store: SqlStore) -> None:
    refused("no authorisation is named here", tmp_path, store, authorisation=None)


def test_another_version_of_the_authorisation(tmp_path: Path, store: SqlStore) -> None:
    refused("another version of it", tmp_path, store, authorisation=authorisation(digest="b" * 64))


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("valid_from", NOON - 4 * MINUTE),
        ("valid_until", NOON - 5 * MINUTE),
        ("valid_until", NOON - 2 * MINUTE),
    ],
)
def test_an_authorisation_that_was_not_in_force(
    tmp_path: Path, store: SqlStore, name: str, at: Any
) -> None:
    refused("was in force from", tmp_path, store, authorisation=authorisation(**{name: at}))


def test_a_run_that_its_authorisation_ended_is_none_of_them(
    tmp_path: Path, store: SqlStore
) -> None:
    ended = authorisation(valid_until=NOON - 2 * SECOND)
    record = small_run(status=RunStatus.INTERRUPTED, status_reason="authorisation AUTH-1 ended")
    assert not taken_in(tmp_path, store, record, authorisation=ended).already


def test_an_address_that_the_authorisation_does_not_permit(tmp_path: Path, store: SqlStore) -> None:
    elsewhere = authorisation(networks=(network("10.0.1.0/24"),))
    refused("does not permit 10.0.0.5", tmp_path, store, authorisation=elsewhere)


def test_a_control_that_the_authorisation_does_not_name(tmp_path: Path, store: SqlStore) -> None:
    refused("does not name the control", tmp_path, store, authorisation=authorisation(controls=()))


def test_an_own_control_that_stands_on_no_host_of_the_run(tmp_path: Path, store: SqlStore) -> None:
    posing = Control(
        id="self-test-v4+",
        kind=ControlKind.POSITIVE,
        endpoint=endpoint("192.0.2.7:80/tcp"),
        networks=(network("10.0.0.0/24"),),
        own=True,
    )
    record = small_run(plan={"controls": (posing,)})
    refused("does not name the control self-test", tmp_path, store, record)


def test_more_endpoints_than_the_budget(tmp_path: Path, store: SqlStore) -> None:
    refused("allows 99 in one run", tmp_path, store, authorisation=authorisation(max_probes=99))


def test_a_run_in_the_future(tmp_path: Path, store: SqlStore) -> None:
    refused("the vantage's clock or ours is wrong", tmp_path, store, now=NOON - 6 * SECOND)


def test_a_pack_from_the_future(tmp_path: Path, store: SqlStore) -> None:
    late = NOON + 2 * MINUTE
    refused("was packed at 2026-11-21T12:02:00Z", tmp_path, store, sealed=late)


def test_a_run_that_ended_before_it_began(tmp_path: Path, store: SqlStore) -> None:
    record = small_run(started=NOON, finished=NOON - MINUTE, duration_ms=0)
    refused("before it began", tmp_path, store, record)


def test_a_run_that_lasted_longer_by_one_clock_than_by_its_times(
    tmp_path: Path, store: SqlStore
) -> None:
    refused("its run lasted 9,000 ms by one clock", tmp_path, store, small_run(duration_ms=9_000))


def test_an_observation_outside_its_run(tmp_path: Path, store: SqlStore) -> None:
    host = planned_host(tcp="1-100")
    outcome = host_outcome(host, states={PortState.OPEN: "22"})
    early = replace(outcome, observations=(replace(seen(), at=NOON - 6 * MINUTE),))
    refused("was seen at .* outside its run", tmp_path, store, small_run(hosts=(early,)))


# ---------------------------------------------------------------- runs that go on with others

FIRST_BEGAN = NOON - 60 * MINUTE
FIRST_ENDED = NOON - 50 * MINUTE


def continuing(*, seen_at: datetime = FIRST_BEGAN, **changes: Any) -> RunRecord:
    """A run of the last five minutes that carried over what one an hour ago had seen open."""
    outcome = host_outcome(planned_host(tcp="1-100"), states={PortState.OPEN: "22"})
    early = replace(outcome, observations=(replace(seen(), at=seen_at),))
    before = Continuation(run_id="first", since=FIRST_BEGAN, until=FIRST_ENDED)
    facts = {"hosts": (early,), "plan": {"continues": "first"}, "continuation": before}
    return small_run(**(facts | changes))


def test_a_run_that_goes_on_with_another_is_taken_in_with_what_it_carried_over(
    tmp_path: Path, store: SqlStore
) -> None:
    assert not taken_in(tmp_path, store, continuing()).already
    (summary,) = store.runs()
    assert summary.continues == "first"
    endpoint_22 = seen().endpoint
    (interval,) = store.intervals([endpoint_22], vantage="ext-1")
    assert interval.first_seen.startswith("2026-11-21T11:00:00")
    assert verify_log(store) == []


@pytest.mark.parametrize("at", [FIRST_BEGAN - MINUTE, FIRST_ENDED + MINUTE])
def test_what_was_seen_while_neither_run_was_under_way(
    tmp_path: Path, store: SqlStore, at: datetime
) -> None:
    refused("was seen at .* outside its run", tmp_path, store, continuing(seen_at=at))


def test_a_plan_that_names_another_run_than_was_carried_over_from(
    tmp_path: Path, store: SqlStore
) -> None:
    record = continuing(plan={"continues": "another"})
    refused("differ in what it continues", tmp_path, store, record)
    refused("differ in what it continues", tmp_path, store, continuing(continuation=None))


def test_a_run_that_carried_over_from_after_its_beginning(tmp_path: Path, store: SqlStore) -> None:
    late = Continuation(run_id="first", since=FIRST_BEGAN, until=NOON)
    refused("and began at 2026-11-21T11:55:00Z", tmp_path, store, continuing(continuation=late))


def test_an_authorisation_that_came_into_force_between_the_two_runs(
    tmp_path: Path, store: SqlStore
) -> None:
    held = authorisation(valid_from=NOON - 30 * MINUTE)
    refused("lasted from 2026-11-21T11:00:00Z", tmp_path, store, continuing(), authorisation=held)


# ---------------------------------------------------------------- all or nothing


def test_an_import_waits_for_no_run_that_is_under_way(tmp_path: Path, store: SqlStore) -> None:
    other = open_store(tmp_path / "home.sqlite")
    with other, other.run_lock(), pytest.raises(StoreLockedError):
        taken_in(tmp_path, store)


def test_an_import_that_fails_halfway_leaves_nothing_behind(
    tmp_path: Path, store: SqlStore
) -> None:
    late = batch([1], sent_ms=400_000)
    refused("after the run had ended", tmp_path, store, batches=(late,))
    assert store.runs() == []
    with pytest.raises(StoreError, match="keeps no record"):
        store.raw(digest(RAW))
    assert not taken_in(tmp_path, store).already
