"""Findings are what their events have made of them; events are appended and never change."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from portproof.errors import StoreError
from portproof.model.finding import FindingEventKind as Kind
from portproof.model.finding import FindingStatus, HostPorts, Verdict
from portproof.model.ports import PortSet
from portproof.store import SqlStore, verify_log
from portproof.store.records import judgements_from
from store.examples import BEGAN, HOST, HOUR, happened, judgement, run


def live_through(store: SqlStore, *kinds: tuple[Kind, ...]) -> None:
    """One run per tuple of events, an hour apart, each judged once."""
    for number, events in enumerate(kinds):
        at = BEGAN + number * HOUR
        run(store, f"run-{number}", at=at)
        appended = [happened(kind, f"run-{number}", at=at) for kind in events]
        judged = judgement(
            verdict=Verdict.CONFORMS if Kind.RESOLVED in events else Verdict.DEVIATES
        )
        store.apply_events(f"run-{number}", appended, [replace(judged, because=f"run {number}")])


def test_a_new_finding_is_open_and_was_seen_once(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED,))
    (finding,) = store.findings()
    assert (finding.status, finding.times_seen, finding.reopened) == (FindingStatus.OPEN, 1, 0)
    assert (finding.first_seen, finding.last_seen, finding.resolved_at) == (BEGAN, BEGAN, None)
    assert (finding.run_id, finding.judgement) == ("run-0", replace(judgement(), because="run 0"))
    assert finding.fingerprint == judgement().fingerprint


def test_a_finding_seen_again_keeps_its_first_time(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED,), (Kind.SEEN,), (Kind.SEEN,))
    (finding,) = store.findings()
    assert (finding.first_seen, finding.last_seen) == (BEGAN, BEGAN + 2 * HOUR)
    assert (finding.times_seen, finding.run_id) == (3, "run-2")
    assert finding.judgement.because == "run 2"


def test_a_resolved_finding_is_closed_and_keeps_what_it_was(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED,), (Kind.RESOLVED,))
    (finding,) = store.findings()
    assert (finding.status, finding.resolved_at) == (FindingStatus.CLOSED, BEGAN + HOUR)
    assert (finding.last_seen, finding.run_id, finding.times_seen) == (BEGAN, "run-0", 1)
    assert finding.judgement.verdict is Verdict.DEVIATES


def test_a_finding_that_comes_back_is_the_same_one_reopened(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED,), (Kind.RESOLVED,), (Kind.REOPENED,))
    (finding,) = store.findings()
    assert (finding.status, finding.reopened, finding.resolved_at) == (FindingStatus.OPEN, 1, None)
    assert (finding.first_seen, finding.times_seen) == (BEGAN, 2)


def test_a_waived_finding_is_open_again_when_the_waiver_ends(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED, Kind.WAIVED), (Kind.SEEN,), (Kind.SEEN, Kind.WAIVER_ENDED))
    seen = [each.kind for each in store.finding_events(judgement().fingerprint)]
    assert seen == [Kind.OPENED, Kind.WAIVED, Kind.SEEN, Kind.SEEN, Kind.WAIVER_ENDED]
    (finding,) = store.findings()
    assert (finding.status, finding.times_seen) == (FindingStatus.OPEN, 3)


def test_being_seen_does_not_end_a_waiver(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED, Kind.WAIVED), (Kind.SEEN,))
    assert store.findings()[0].status is FindingStatus.WAIVED


def test_several_events_of_one_run_are_one_sighting(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED, Kind.WAIVED))
    assert store.findings()[0].times_seen == 1


def test_events_are_given_oldest_first_and_as_they_were(store: SqlStore) -> None:
    live_through(store, (Kind.OPENED,), (Kind.SEEN,))
    assert store.finding_events(judgement().fingerprint) == [
        happened(Kind.OPENED, "run-0"),
        happened(Kind.SEEN, "run-1", at=BEGAN + HOUR),
    ]
    assert store.finding_events("no such finding") == []


@pytest.mark.parametrize("kind", [Kind.RESOLVED, Kind.SEEN])
def test_an_event_about_an_unknown_finding_is_refused_and_nothing_is_kept(
    store: SqlStore, kind: Kind
) -> None:
    run(store, "run-1")
    before = store.head()
    opened, strange = happened(Kind.OPENED), replace(happened(kind), finding="f" * 16)
    with pytest.raises(StoreError, match="not with opened"):
        store.apply_events("run-1", [opened, strange], [judgement()])
    assert (store.findings(), store.head()) == ([], before)


def test_events_of_a_run_that_is_not_there_are_refused(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="there is no run run-9"):
        store.apply_events("run-9", [], [])


def test_each_event_is_a_leaf_and_so_is_the_judging(store: SqlStore) -> None:
    run(store, "run-1")
    before = store.head().size
    store.apply_events("run-1", [happened(Kind.OPENED), happened(Kind.WAIVED)], [judgement()])
    assert store.head().size == before + 3
    assert verify_log(store) == []


def test_judging_a_run_again_to_the_same_end_adds_nothing(store: SqlStore) -> None:
    run(store, "run-1")
    store.apply_events("run-1", [happened(Kind.OPENED)], [judgement()])
    before = store.head()
    store.apply_events("run-1", [], [judgement()])
    assert store.head() == before
    store.apply_events("run-1", [], [judgement(), judgement(23)])
    assert store.head().size == before.size + 1


def test_all_judgements_are_kept_also_those_that_are_no_findings(store: SqlStore) -> None:
    run(store, "run-1")
    judgements = (judgement(22, Verdict.CONFORMS), judgement(23, Verdict.UNKNOWN))
    store.apply_events("run-1", [], judgements)
    with store.database.reading() as session:
        (name,) = (
            session.connection().exec_driver_sql("SELECT judgements_digest FROM evaluation").one()
        )
    assert judgements_from(store.raw(name)) == judgements
    assert store.findings() == []


def test_many_findings_are_kept_at_once(store: SqlStore) -> None:
    run(store, "run-1")
    judgements = [judgement(port) for port in range(1, 1001)]
    store.apply_events("run-1", [happened(Kind.OPENED, to=each) for each in judgements], judgements)
    assert len(store.findings()) == 1000
    assert verify_log(store) == []


def test_a_refusal_is_kept_and_is_a_leaf(store: SqlStore) -> None:
    store.record_refusal("expired", "AUTH-1", "it ended on 2026-11-20", BEGAN)
    with store.database.reading() as session:
        (data,) = session.connection().exec_driver_sql("SELECT data FROM leaf").one()
    leaf = json.loads(data)
    assert (leaf["kind"], leaf["at"]) == ("refusal", "2026-11-21T08:00:00.000000Z")
    assert leaf["body"] == {
        "code": "expired",
        "subject": "AUTH-1",
        "problem": "it ended on 2026-11-20",
    }
    assert verify_log(store) == []


def test_a_finding_has_the_time_of_measuring_and_its_leaf_that_of_judging(store: SqlStore) -> None:
    run(store, "run-1")
    long_ago = BEGAN - 24 * HOUR
    store.apply_events("run-1", [happened(Kind.OPENED, at=long_ago)], [judgement()])
    (finding,) = store.findings()
    assert (finding.first_seen, finding.measured_at) == (long_ago, long_ago)
    with store.database.reading() as session:
        leaves = session.connection().exec_driver_sql("SELECT kind, at, data FROM leaf").all()
    (event,) = (each for each in leaves if each.kind == "finding-event")
    (judged,) = (each for each in leaves if each.kind == "evaluated")
    assert event.at == judged.at
    assert json.loads(event.data)["body"]["at"] == "2026-11-20T08:00:00.000000Z"


def test_what_a_judgement_on_a_whole_host_rests_on_is_kept(store: SqlStore) -> None:
    run(store, "run-1")
    extent = (HostPorts(address=HOST, ports=PortSet.from_ranges([(1, 200)])),)
    judged = replace(judgement(), extent=extent)
    store.apply_events("run-1", [happened(Kind.OPENED)], [judged])
    assert store.findings()[0].judgement.extent == extent
    assert verify_log(store) == []
