"""Checking stored runs: what is written, what is only read, and what the order changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import factories as make
from portproof.documents import load_facts
from portproof.model.baseline import Baseline
from portproof.model.finding import FindingStatus
from portproof.model.scan import HostOutcome
from portproof.store.sql import SqlStore, open_store
from portproof.store.verify import verify_log
from portproof.usecases.check import CheckResult, check
from portproof.usecases.inputs import Documents

EXPOSED, CLOSED = make.open_host(p8080=None), make.open_host()
DAY = timedelta(days=1)
SHOP = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db", create=True) as opened:
        yield opened


def keep_run(store: SqlStore, run_id: str, *hosts: HostOutcome, days: int) -> None:
    """Store a run that ended that many days after noon; its raw records do not matter here."""
    bare = (
        replace(host, observations=tuple(replace(o, evidence=None) for o in host.observations))
        for host in hosts
    )
    at = make.NOON + days * DAY
    run = make.run(*bare, plan={"run_id": run_id}, started=at - timedelta(minutes=5), finished=at)
    with store.run_lock():
        store.begin_run(run.plan, run.started)
        store.finish_run(run)


def checked(
    store: SqlStore, run_id: str, *, keep: bool = True, baseline: Baseline | None = None
) -> CheckResult:
    documents = Documents(
        baseline=baseline or make.baseline(),
        waivers=make.waivers(),
        vantages=make.VANTAGES,
        authorisation=None,
        rules=make.SERVICE_RULES,
        facts=load_facts(Path(__file__).parents[2] / "policies/facts.yaml"),
        frameworks=(),
    )
    return check(store, documents, run_id, keep=keep)


def test_a_check_that_keeps_nothing_judges_and_leaves_the_store_as_it_was(store: SqlStore) -> None:
    keep_run(store, "first", EXPOSED, days=0)
    before = store.head()
    assert checked(store, "first", keep=False).evaluation.deviations
    assert (store.findings(), store.head()) == ([], before)


def test_a_check_that_keeps_nothing_needs_no_lock(store: SqlStore) -> None:
    keep_run(store, "first", EXPOSED, days=0)
    with store.run_lock():
        assert checked(store, "first", keep=False).evaluation.deviations


def test_the_times_of_findings_are_those_of_the_runs_however_late_they_are_judged(
    store: SqlStore,
) -> None:
    keep_run(store, "first", EXPOSED, days=0)
    keep_run(store, "second", CLOSED, days=1)
    checked(store, "first")
    checked(store, "second")
    (finding,) = store.findings()
    assert (finding.first_seen, finding.resolved_at) == (make.NOON, make.NOON + DAY)


def test_checking_an_older_run_again_judges_it_and_moves_nothing(store: SqlStore) -> None:
    keep_run(store, "first", EXPOSED, days=0)
    keep_run(store, "second", CLOSED, days=1)
    checked(store, "first")
    checked(store, "second")
    settled, head = store.findings(), store.head()
    again = checked(store, "first")
    assert again.evaluation.deviations
    assert again.findings[settled[0].fingerprint].status is FindingStatus.CLOSED
    assert (store.findings(), store.head()) == (settled, head)


def test_runs_checked_by_turns_are_counted_once_each(store: SqlStore) -> None:
    keep_run(store, "first", EXPOSED, days=0)
    keep_run(store, "second", EXPOSED, days=1)
    for run_id in ("first", "second", "first", "second", "first"):
        checked(store, run_id)
    assert [each.times_seen for each in store.findings()] == [2]


def test_an_address_that_was_not_asked_again_stays_in_the_stored_finding(store: SqlStore) -> None:
    keep_run(store, "first", EXPOSED, make.open_host("10.0.0.6", p8080=None), days=0)
    keep_run(store, "second", EXPOSED, days=1)
    keep_run(store, "third", CLOSED, days=2)
    for run_id in ("first", "second", "second", "third"):
        checked(store, run_id, baseline=SHOP)
    (finding,) = store.findings()
    assert finding.status is FindingStatus.OPEN
    assert [str(each) for each in finding.judgement.also] == ["10.0.0.6:8080/tcp"]
    assert verify_log(store) == []
