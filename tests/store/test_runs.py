"""A run begins, ends or is interrupted, and is read back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from portproof.errors import EvidenceError, StoreError
from portproof.evidence.canonical import canonical
from portproof.model.endpoint import Transport
from portproof.model.finding import FindingEventKind
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import Control, ControlKind, ControlSample, PlannedHost, RunStatus
from portproof.store import SqlStore, open_store, verify_log
from portproof.store.recovery import REASON
from store.examples import (
    BEGAN,
    HOUR,
    RAW,
    RAW_DIGEST,
    batch,
    endpoint,
    happened,
    judgement,
    observation,
    plan,
    record,
    run,
    with_banner,
)


def leaves(store: SqlStore) -> list[dict[str, object]]:
    with store.database.reading() as session:
        rows = session.connection().exec_driver_sql("SELECT data FROM leaf ORDER BY seq")
        return [json.loads(data) for (data,) in rows]


def begin_and_die(store: SqlStore, run_id: str = "run-1") -> None:
    """What a run leaves whose process dies: batches and no end."""
    with store.run_lock():
        listener = store.begin_run(plan(run_id), BEGAN)
        listener.batch(batch(range(1, 41), sent_ms=700))
        listener.batch(batch([41], PortState.OPEN, Reason.HANDSHAKE, sent_ms=800))
        listener.batch(batch([42, 43], PortState.FILTERED, Reason.NO_RESPONSE))
        listener.batch(batch([44], None, None, LocalFault.NO_SOCKETS))
        listener.observed(with_banner(41, BEGAN + timedelta(milliseconds=900)), RAW)
        listener.sampled(ControlSample(control_id="self", at_ms=100, as_expected=True, seen="open"))


def test_a_run_is_read_back_exactly_as_it_was_recorded(store: SqlStore) -> None:
    done = run(
        store, "run-1", [22, 25], observed=[with_banner(25), observation(80, PortState.CLOSED)]
    )
    assert store.load_run("run-1") == done


def test_a_run_is_read_back_by_another_process_too(store: SqlStore, place: Path) -> None:
    done = run(store, "run-1", [22])
    with open_store(place) as other:
        assert other.load_run("run-1") == done


def test_beginning_and_end_are_leaves_that_name_plan_and_outcome(store: SqlStore) -> None:
    run(store, "run-1", [22])
    begun, ended = leaves(store)
    assert (begun["kind"], ended["kind"]) == ("run-begun", "run-ended")
    plan_digest = begun["body"]["plan_digest"]  # type: ignore[index]
    assert json.loads(store.raw(plan_digest))["plan"]["run_id"] == "run-1"
    assert ended["body"]["outcome_digest"] == store.outcome_digest("run-1")  # type: ignore[index]
    assert json.loads(store.raw(store.outcome_digest("run-1")))["plan"] == plan_digest


def test_finishing_gives_the_outcome_digest(store: SqlStore) -> None:
    with store.run_lock():
        store.begin_run(plan(), BEGAN)
        assert store.outcome_digest("run-1") == ""
        given = store.finish_run(record(plan()))
    assert given == store.outcome_digest("run-1")


def test_a_raw_record_is_kept_once_however_often_it_comes(store: SqlStore) -> None:
    run(store, "run-1", [25, 26], observed=[with_banner(25), with_banner(26)])
    assert store.raw(RAW_DIGEST) == canonical(RAW)
    assert store.raw_size(RAW_DIGEST) == len(canonical(RAW))
    with store.database.reading() as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM blob").scalar_one()
    assert count == 3  # the plan, the outcome, and the one banner


def test_an_observation_without_a_digest_gets_that_of_its_raw_record(store: SqlStore) -> None:
    with store.run_lock():
        store.begin_run(plan(), BEGAN).observed(observation(25), RAW)
    (host,) = store.load_run("run-1").hosts
    assert [each.evidence for each in host.observations] == [RAW_DIGEST]


def test_an_observation_that_names_another_digest_than_its_raw_record_is_refused(
    store: SqlStore,
) -> None:
    with (
        store.run_lock(),
        pytest.raises(EvidenceError, match="is not the digest of its raw record"),
    ):
        store.begin_run(plan(), BEGAN).observed(observation(25, evidence="0" * 64), RAW)


def test_a_claim_that_leads_to_no_evidence_is_refused(store: SqlStore) -> None:
    of = plan()
    with store.run_lock():
        store.begin_run(of, BEGAN)
        with pytest.raises(EvidenceError, match="was never handed in"):
            store.finish_run(record(of, [25], observed=[with_banner(25)]))
        assert store.outcome_digest("run-1") == ""


def test_a_record_of_another_plan_than_was_begun_is_refused(store: SqlStore) -> None:
    with store.run_lock():
        store.begin_run(plan(), BEGAN)
        with pytest.raises(EvidenceError, match="another plan"):
            store.finish_run(record(plan(scope="elsewhere")))


def test_a_host_that_the_plan_does_not_know_is_refused(store: SqlStore) -> None:
    of = plan()
    done = record(of)
    stranger = replace(done.hosts[0], host=replace(of.hosts[0], address=ip_address("10.0.0.6")))
    with store.run_lock():
        store.begin_run(of, BEGAN)
        with pytest.raises(
            EvidenceError, match=r"10\.0\.0\.6 was measured, but is not in the plan"
        ):
            store.finish_run(replace(done, hosts=(stranger,)))


def test_a_run_ends_once(store: SqlStore) -> None:
    done = run(store, "run-1")
    with pytest.raises(StoreError, match="has ended already"):
        store.finish_run(done)


def test_a_run_cannot_end_as_running(store: SqlStore) -> None:
    with store.run_lock():
        store.begin_run(plan(), BEGAN)
        with pytest.raises(EvidenceError, match="cannot end as running"):
            store.finish_run(record(plan(), status=RunStatus.RUNNING))


def test_a_run_id_is_used_once(store: SqlStore) -> None:
    run(store, "run-1")
    with store.run_lock(), pytest.raises(StoreError, match="run-1 is in the store already"):
        store.begin_run(plan(), BEGAN)


def test_a_run_needs_the_run_lock(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="needs the store's run lock"):
        store.begin_run(plan(), BEGAN)


@pytest.mark.parametrize("ask", ["load_run", "outcome_digest"])
def test_a_run_that_is_not_there_is_said_so(store: SqlStore, ask: str) -> None:
    with pytest.raises(StoreError, match="there is no run run-9"):
        getattr(store, ask)("run-9")


# ---------------------------------------------------------------- lists


def test_runs_are_listed_newest_first_with_their_figures(store: SqlStore) -> None:
    run(store, "run-1")
    run(store, "run-2", unmeasured={LocalFault.NO_SOCKETS: PortSet.of(1, 2)}, at=BEGAN + HOUR)
    newest, oldest = store.runs()
    assert (newest.id, oldest.id) == ("run-2", "run-1")
    assert (newest.planned, newest.measured, newest.status) == (100, 98, RunStatus.COMPLETE)
    assert (newest.started, newest.finished) == (BEGAN + HOUR, BEGAN + HOUR + timedelta(seconds=5))
    assert (newest.scope, newest.vantage, newest.zone) == ("office", "local", "office")


def test_runs_are_listed_by_scope_and_up_to_a_limit(store: SqlStore) -> None:
    for number in range(3):
        run(store, f"run-{number}")
    assert [each.id for each in store.runs(limit=2)] == ["run-2", "run-1"]
    assert len(store.runs(scope="office")) == 3
    assert store.runs(scope="elsewhere") == []


def test_deviations_are_those_of_the_last_judging_and_unknown_before_it(store: SqlStore) -> None:
    run(store, "run-1")
    assert store.runs()[0].deviations is None
    store.apply_events("run-1", [happened(FindingEventKind.OPENED)], [judgement(), judgement(23)])
    assert store.runs()[0].deviations == 2
    store.apply_events("run-1", [], [])
    assert store.runs()[0].deviations == 0


def test_an_inconclusive_run_has_no_number_of_deviations(store: SqlStore) -> None:
    run(store, "run-1", status=RunStatus.INCONCLUSIVE)
    store.apply_events("run-1", [], [judgement()])
    assert store.runs()[0].deviations is None


# ---------------------------------------------------------------- interrupted


def test_a_run_under_way_shows_as_running_and_cannot_be_read_yet(
    store: SqlStore, place: Path
) -> None:
    with store.run_lock(), open_store(place) as reader:
        store.begin_run(plan(), BEGAN)
        for each in (store, reader):
            assert [(run.status, run.finished) for run in each.runs()] == [
                (RunStatus.RUNNING, None)
            ]
            with pytest.raises(StoreError, match="still under way"):
                each.load_run("run-1")


def test_a_run_that_never_ended_shows_as_interrupted(store: SqlStore) -> None:
    begin_and_die(store)
    (shown,) = store.runs()
    assert (shown.status, shown.status_reason, shown.finished) == (
        RunStatus.INTERRUPTED,
        REASON,
        None,
    )


def test_what_an_interrupted_run_acknowledged_is_there_and_the_rest_is_missing(
    store: SqlStore,
) -> None:
    begin_and_die(store)
    read = store.load_run("run-1")
    (host,), (coverage,) = read.hosts, read.coverage
    assert host.states == {
        PortState.CLOSED: PortSet.from_ranges([(1, 40)]),
        PortState.OPEN: PortSet.of(41),
    }
    assert host.reasons == {
        Reason.RESET: PortSet.from_ranges([(1, 40)]),
        Reason.HANDSHAKE: PortSet.of(41),
    }
    assert [each.evidence for each in host.observations] == [RAW_DIGEST]
    assert (coverage.planned, coverage.measured, coverage.missing) == (100, 41, 56)
    assert (read.status, read.status_reason, read.conclusive) == (
        RunStatus.INTERRUPTED,
        REASON,
        False,
    )
    assert len(read.samples) == 1


def test_silence_that_no_witness_was_heard_for_is_unmeasured(store: SqlStore) -> None:
    begin_and_die(store)
    (host,) = store.load_run("run-1").hosts
    assert host.unmeasured == {
        LocalFault.CONTROL_FAILED: PortSet.of(42, 43),
        LocalFault.NO_SOCKETS: PortSet.of(44),
    }


def test_an_interrupted_run_ends_with_the_last_thing_that_it_acknowledged(store: SqlStore) -> None:
    begin_and_die(store)
    read = store.load_run("run-1")
    assert read.finished == BEGAN + timedelta(milliseconds=900)
    assert (read.started, read.duration_ms) == (BEGAN, 900)


def test_an_answer_whose_batch_was_never_handed_in_is_kept(store: SqlStore) -> None:
    with store.run_lock():
        store.begin_run(plan(), BEGAN).observed(observation(22), None)
    (host,) = store.load_run("run-1").hosts
    assert host.states == {PortState.OPEN: PortSet.of(22)}
    assert host.reasons == {Reason.HANDSHAKE: PortSet.of(22)}


def test_an_observation_that_the_batches_contradict_does_not_stand(store: SqlStore) -> None:
    with store.run_lock():
        listener = store.begin_run(plan(), BEGAN)
        listener.observed(observation(22), None)
        listener.batch(batch([22], None, None, LocalFault.CONTROL_FAILED))
    (host,) = store.load_run("run-1").hosts
    assert (dict(host.states), host.observations) == ({}, ())


def test_each_host_and_transport_of_an_interrupted_run_has_its_own_outcomes(
    store: SqlStore,
) -> None:
    of = plan()
    second = PlannedHost(
        address=ip_address("fd00::2"), target="fd00::2", tcp=PortSet.of(1, 2), udp=PortSet.of(53)
    )
    of = replace(of, hosts=(*of.hosts, second))
    with store.run_lock():
        listener = store.begin_run(of, BEGAN)
        listener.batch(batch([1]))
        listener.batch(batch([2], host=1))
        listener.batch(batch([53], host=1, transport=Transport.UDP))
    read = store.load_run("run-1")
    closed = [
        (str(each.host.address), each.transport, str(each.states[PortState.CLOSED]))
        for each in read.hosts
    ]
    assert closed == [("10.0.0.5", "tcp", "1"), ("fd00::2", "tcp", "2"), ("fd00::2", "udp", "53")]
    assert [(each.planned, each.missing) for each in read.coverage] == [(102, 100), (1, 0)]


def test_the_next_holder_of_the_lock_records_the_interruption(store: SqlStore) -> None:
    begin_and_die(store)
    before = store.load_run("run-1")
    with store.run_lock():
        pass
    assert [each["kind"] for each in leaves(store)] == ["run-begun", "run-interrupted"]
    assert store.outcome_digest("run-1")
    assert store.load_run("run-1") == before
    (shown,) = store.runs()
    assert (shown.status, shown.finished, shown.measured) == (RunStatus.INTERRUPTED, None, 41)


def test_an_interruption_is_recorded_once(store: SqlStore) -> None:
    begin_and_die(store)
    for _ in range(3):
        with store.run_lock():
            pass
    assert store.head().size == 2


def test_a_run_that_never_ended_is_over_when_the_next_begins_under_the_same_lock(
    store: SqlStore,
) -> None:
    with store.run_lock():
        store.begin_run(plan("run-1"), BEGAN)
        store.begin_run(plan("run-2"), BEGAN + HOUR)
        assert [(each.id, each.status) for each in store.runs()] == [
            ("run-2", RunStatus.RUNNING),
            ("run-1", RunStatus.INTERRUPTED),
        ]


def test_portproofs_own_listeners_of_an_interrupted_run_are_attributed(store: SqlStore) -> None:
    own = Control(
        id="self",
        kind=ControlKind.POSITIVE,
        endpoint=endpoint(40000),
        networks=(ip_network("10.0.0.5/32"),),
        own=True,
    )
    with store.run_lock():
        store.begin_run(plan(controls=(own,)), BEGAN)
    assert store.load_run("run-1").own_listeners == (endpoint(40000),)


def test_nothing_is_left_of_the_journal_once_a_run_is_recorded(store: SqlStore) -> None:
    run(store, "run-1", [22])
    begin_and_die(store, "run-2")
    with store.run_lock():
        pass
    with store.database.reading() as session:
        count = (
            session.connection().exec_driver_sql("SELECT count(*) FROM journal_entry").scalar_one()
        )
    assert count == 0


def test_the_log_verifies_after_all_of_this(store: SqlStore) -> None:
    run(store, "run-1", [22], observed=[with_banner(22)])
    begin_and_die(store, "run-2")
    run(store, "run-3", at=BEGAN + HOUR)
    assert verify_log(store) == []
