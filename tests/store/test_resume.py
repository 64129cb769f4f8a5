"""What the store keeps of a run that is cut short, so that another can go on with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from portproof.errors import EvidenceError
from portproof.model.carried import Carried, Checkpoint, carry_over
from portproof.model.drawn import Drawn, Stretch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason
from portproof.model.scan import RunRecord, RunStatus, ScanPlan, Witness
from portproof.store import SqlStore, verify_log
from store.examples import (
    BEGAN,
    HOUR,
    RAW,
    batch,
    endpoint,
    observation,
    plan,
    record,
    with_banner,
)

SILENT = (PortState.FILTERED, Reason.NO_RESPONSE)
WITNESS = Witness(
    network=ip_network("10.0.0.0/24"),
    positive=("canary",),
    negative=(),
    samples=3,
    failures=0,
    longest_gap_ms=900,
    silent=10,
    unwitnessed=0,
)


def drawn_to(end: int) -> tuple[Drawn, ...]:
    return (Drawn(transport=Transport.TCP, size=100, stretches=(Stretch(0, end),)),)


def checkpoint(drawn: int) -> Checkpoint:
    return Checkpoint(drawn=drawn_to(drawn), witnesses=(WITNESS,))


def died(store: SqlStore, of: ScanPlan, carried: Carried | None = None) -> RunRecord:
    """A run whose process died: ports 1 to 10 closed, 11 to 20 silent, a checkpoint, 21 to 30 silent."""
    with store.run_lock():
        listener = store.begin_run(of, BEGAN, carried)
        listener.batch(batch(range(1, 11)))
        listener.checkpoint(checkpoint(15))
        listener.batch(batch(range(11, 21), *SILENT))
        listener.checkpoint(checkpoint(40))
        listener.batch(batch(range(21, 31), *SILENT))
    return store.load_run(of.run_id)


def continuing(before: RunRecord) -> tuple[ScanPlan, Carried]:
    return plan("run-2", continues=before.plan.run_id), carry_over(before)


def states(of: RunRecord) -> dict[PortState, str]:
    (host,) = of.hosts
    return {state: str(ports) for state, ports in host.states.items()}


def test_silence_stands_as_far_as_the_last_checkpoint_says_who_witnessed_it(
    store: SqlStore,
) -> None:
    dead = died(store, plan())
    assert states(dead) == {PortState.CLOSED: "1-10", PortState.FILTERED: "11-20"}
    (host,) = dead.hosts
    assert str(host.unmeasured[LocalFault.CONTROL_FAILED]) == "21-30"
    assert dead.witnesses == (WITNESS,)
    assert dead.drawn == drawn_to(40)


def test_an_open_port_of_a_run_that_died_keeps_the_time_at_which_it_was_seen(
    store: SqlStore,
) -> None:
    with store.run_lock():
        listener = store.begin_run(plan(), BEGAN)
        listener.batch(batch([22], PortState.OPEN, Reason.HANDSHAKE, sent_ms=700))
    (host,) = store.load_run("run-1").hosts
    (seen,) = host.observations
    assert (seen.at, seen.asked, seen.evidence) == (
        BEGAN + timedelta(milliseconds=700),
        False,
        None,
    )


def test_a_continuation_says_so_in_the_lists_and_in_the_log(store: SqlStore) -> None:
    of, carried = continuing(died(store, plan()))
    with store.run_lock():
        store.begin_run(of, BEGAN + HOUR, carried)
    newest, oldest = store.runs()
    assert (newest.continues, newest.continued_by) == ("run-1", None)
    assert (oldest.continues, oldest.continued_by) == (None, "run-2")
    with store.database.reading() as session:
        query = "SELECT data FROM leaf WHERE kind = 'run-begun' ORDER BY seq"
        first, second = session.connection().exec_driver_sql(query).scalars()
    assert b'"continues"' not in first
    assert b'"continues":"run-1"' in second
    assert verify_log(store) == []


def test_the_log_names_a_run_whose_continuation_was_altered(store: SqlStore) -> None:
    of, carried = continuing(died(store, plan()))
    with store.run_lock():
        store.begin_run(of, BEGAN + HOUR, carried)
    with store.database.writing() as session:
        change = "UPDATE run SET continues = 'run-7' WHERE run_id = 'run-2'"
        session.connection().exec_driver_sql(change)
    assert any("continues is not what the leaf says" in each for each in verify_log(store))


def test_a_continuation_that_dies_too_keeps_what_it_had_carried_over(store: SqlStore) -> None:
    of, carried = continuing(died(store, plan()))
    with store.run_lock():
        listener = store.begin_run(of, BEGAN + HOUR, carried)
        listener.batch(batch(range(21, 26)))
        listener.checkpoint(checkpoint(60))
    dead = store.load_run("run-2")
    assert states(dead) == {PortState.CLOSED: "1-10,21-25", PortState.FILTERED: "11-20"}
    assert dead.continuation == carried.continuation
    (coverage,) = dead.coverage
    assert (coverage.measured, coverage.carried, coverage.missing) == (25, 20, 75)
    assert carry_over(dead).since == BEGAN
    assert verify_log(store) == []


def test_a_service_told_for_a_carried_port_survives_the_death_of_the_continuation(
    store: SqlStore,
) -> None:
    with store.run_lock():
        listener = store.begin_run(plan(), BEGAN)
        listener.batch(batch([25], PortState.OPEN, Reason.HANDSHAKE))
    of, carried = continuing(store.load_run("run-1"))
    with store.run_lock():
        store.begin_run(of, BEGAN + HOUR, carried).observed(with_banner(25), RAW)
    (host,) = store.load_run("run-2").hosts
    (seen,) = host.observations
    assert seen == with_banner(25)
    assert states(store.load_run("run-2")) == {PortState.OPEN: "25"}


def test_what_is_carried_over_has_to_fit_the_plan(store: SqlStore) -> None:
    of, carried = continuing(died(store, plan()))
    strange = replace(of, hosts=(replace(of.hosts[0], target="another"),))
    with store.run_lock(), pytest.raises(EvidenceError, match="not in the plan"):
        store.begin_run(strange, BEGAN, carried)


def test_a_carried_measurement_enters_the_history_once(store: SqlStore) -> None:
    # The first run ended by itself and has told of port 22 already; the second died before it did.
    one = record(plan(), [22], status=RunStatus.INTERRUPTED)
    with store.run_lock():
        store.begin_run(one.plan, BEGAN)
        store.finish_run(one)
    of, carried = continuing(one)
    done = record(of, observed=[observation(22, at=BEGAN)], open_ports=[22], started=BEGAN + HOUR)
    with store.run_lock():
        store.begin_run(of, BEGAN + HOUR, carried)
        store.finish_run(replace(done, continuation=carried.continuation))
    (interval,) = store.intervals([endpoint(22)], vantage="local")
    assert interval.runs == 1
    assert interval.first_seen == interval.last_seen


def test_what_only_a_dead_run_had_seen_enters_the_history_with_its_continuation(
    store: SqlStore,
) -> None:
    of, carried = continuing(died(store, plan()))
    done = record(of, observed=[observation(22, at=BEGAN)], open_ports=[22], started=BEGAN + HOUR)
    with store.run_lock():
        store.begin_run(of, BEGAN + HOUR, carried)
        store.finish_run(replace(done, continuation=carried.continuation))
    assert store.load_run("run-2").continuation == carried.continuation
    (interval,) = store.intervals([endpoint(22)], vantage="local")
    assert interval.runs == 1
