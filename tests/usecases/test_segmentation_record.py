"""Keeping what a segmentation check came to, and finding it again for a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import factories as make
from factories import NOON
from policy.segmentation_world import case, outside, policy, within
from portproof.documents import load_facts, load_framework
from portproof.model.compliance import ControlWord
from portproof.model.scan import RunRecord
from portproof.model.segmentation import Segmentation
from portproof.model.segmentation_record import KeptMatrix
from portproof.store import SqlStore, open_store, verify_log
from portproof.store.matrices import SqlMatrices
from portproof.usecases.check import CheckResult, check
from portproof.usecases.inputs import Documents
from portproof.usecases.segmentation import Span, segmentation
from portproof.usecases.segmentation_record import keep_matrix, record_at_hand

POLICIES = Path(__file__).parents[2] / "policies"
FACTS = load_facts(POLICIES / "facts.yaml")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db", create=True) as opened:
        yield opened


def keep_runs(store: SqlStore, *runs: RunRecord) -> None:
    for run in runs:
        bare = replace(run, hosts=tuple(replace(each, observations=()) for each in run.hosts))
        with store.run_lock():
            store.begin_run(bare.plan, bare.started)
            store.finish_run(bare)


def judge(
    store: SqlStore, *, until: datetime = NOON, held: Segmentation | None = None
) -> tuple[KeptMatrix, bool]:
    matrix = segmentation(store, case(held), Span(until=until))
    return keep_matrix(store, SqlMatrices(store.database), matrix, until)


def checked(store: SqlStore, run_id: str) -> CheckResult:
    documents = Documents(
        baseline=make.baseline(),
        waivers=make.waivers(),
        vantages=make.VANTAGES,
        authorisation=None,
        rules=make.SERVICE_RULES,
        facts=FACTS,
        frameworks=(load_framework(POLICIES / "frameworks" / "pci-dss-4.0.1.yaml", FACTS),),
        segmentation=policy(),
    )
    return check(store, documents, run_id, matrices=SqlMatrices(store.database))


def test_a_record_names_each_run_with_the_digest_of_its_outcome(store: SqlStore) -> None:
    asked, inside = outside(), within(at=NOON - HOUR)
    keep_runs(store, asked, inside)
    kept, _ = judge(store)
    assert {each.run_id: each.outcome for each in kept.judged.runs} == {
        run.plan.run_id: store.outcome_digest(run.plan.run_id) for run in (asked, inside)
    }
    assert verify_log(store) == []


def test_checking_again_keeps_nothing_new_until_there_is_a_new_run(store: SqlStore) -> None:
    keep_runs(store, outside(), within(at=NOON - HOUR))
    first, _ = judge(store)
    assert judge(store, until=NOON + DAY) == (first, False)
    keep_runs(store, outside(at=NOON + DAY))
    assert judge(store, until=NOON + DAY)[1]


def test_a_report_rests_on_the_last_record_whose_tests_lie_near_its_run(store: SqlStore) -> None:
    book = SqlMatrices(store.database)
    keep_runs(store, outside(at=NOON - 30 * DAY), within(at=NOON - 30 * DAY))
    early, _ = judge(store, until=NOON - 30 * DAY)
    keep_runs(store, outside(), within(at=NOON - HOUR))
    late, _ = judge(store)
    for days, expected in ((0, late), (6, late), (-10, None), (-25, early), (8, None)):
        assert record_at_hand(book, policy(), outside(at=NOON + days * DAY)) == expected


def test_a_record_of_another_version_of_the_policy_is_not_at_hand(store: SqlStore) -> None:
    keep_runs(store, outside(), within(at=NOON - HOUR))
    judge(store)
    book = SqlMatrices(store.database)
    assert record_at_hand(book, policy(digest="6" * 64), outside()) is None
    assert record_at_hand(book, None, outside()) is None
    assert record_at_hand(None, policy(), outside()) is None


def test_a_check_shows_the_record_under_the_controls_that_rest_on_boundaries(
    store: SqlStore,
) -> None:
    keep_runs(store, outside(), within(at=NOON - HOUR))
    before = checked(store, outside().plan.run_id)
    kept, _ = judge(store)
    after = checked(store, outside().plan.run_id)
    words = []
    for told in (before, after):
        results = {each.control.id: each for each in told.frameworks[0].results}
        words.append(results["1.3.3"].word)
    assert words == [ControlWord.INSUFFICIENT, ControlWord.SUPPORTED]
    (shown,) = results["11.4.5"].supporting
    assert shown.evidence == (kept.digest,)
    assert store.raw(kept.digest).startswith(b"{")
