"""The baselines that runs were judged by: each version of an entry once, and every judging of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select

import factories as make
from approvals import by_commit, commit
from portproof.errors import StoreError
from portproof.model.approval import Provenance, Trace
from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.judged_baseline import JudgedVersion
from portproof.policy.approval_record import judged_baseline
from portproof.store import SqlStore, verify_log
from portproof.store.log import BLOB, LEAF
from store.examples import judgement, run

WEB = make.entry(id="web")
WIDER = replace(WEB, ports=make.ports("22-80"))


def judge(
    store: SqlStore, run_id: str, held: Baseline, provenance: Provenance | None = None
) -> None:
    by = judged_baseline(held, provenance or Provenance())
    store.apply_events(run_id, [], [judgement()], by)


def versions(store: SqlStore, name: str = "web", environment: str = "") -> list[JudgedVersion]:
    return list(store.judged_versions(name, scope="shop", environment=environment))


@pytest.fixture
def runs(store: SqlStore) -> SqlStore:
    for number in range(4):
        run(store, f"run-{number}")
    return store


def told(store: SqlStore, name: str = "web") -> list[tuple[str, str, str, int]]:
    """Give the ports of each version, with the first and last run and the number of judgings."""
    return [
        (
            str(each.content["ports"]) if each.content else "gone",
            each.first_run,
            each.last_run,
            each.judgings,
        )
        for each in versions(store, name)
    ]


def test_each_version_of_an_entry_is_told_with_the_runs_that_were_judged_by_it(
    runs: SqlStore,
) -> None:
    for number, held in enumerate((WEB, WEB, WIDER, WEB)):
        judge(runs, f"run-{number}", make.baseline(held))
    assert told(runs) == [
        ("22", "run-0", "run-1", 2),
        ("22-80", "run-2", "run-2", 1),
        ("22", "run-3", "run-3", 1),
    ]
    assert verify_log(runs) == []


def test_an_entry_that_went_and_came_is_told_so(runs: SqlStore) -> None:
    for number, entries in enumerate(((), (WEB,), (), (WEB,))):
        judge(runs, f"run-{number}", make.baseline(*entries))
    assert [each[0] for each in told(runs)] == ["22", "gone", "22"]
    assert told(runs, "never") == []


def test_another_scope_or_environment_is_another_baseline(runs: SqlStore) -> None:
    judge(runs, "run-0", make.baseline(WEB, environment="test"))
    judge(runs, "run-1", make.baseline(WIDER, scope="branch office"))
    assert versions(runs) == []
    assert len(versions(runs, environment="test")) == 1


def test_who_decided_and_who_wrote_it_are_kept(runs: SqlStore) -> None:
    judge(runs, "run-0", make.baseline(WEB), by_commit(WEB))
    (version,) = versions(runs)
    assert version.touched == {
        "commit": commit().id,
        "author": "dev <dev@example.com>",
        "at": "2026-11-19T12:00:00Z",
        "why": "CHG-1: the shop",
    }
    assert version.content is not None
    assert version.content["decision"] == {
        "status": "approved",
        "approver": WEB.approval.approver,
        "approved_on": str(WEB.approval.approved_on),
    }


def test_what_is_not_committed_is_no_commit_s(runs: SqlStore) -> None:
    trace = Trace(digest="d" * 64, touched=commit(), uncommitted=True)
    judge(runs, "run-0", make.baseline(WEB), Provenance(traces={"web": trace}))
    assert versions(runs)[0].touched == {}


def test_judging_again_by_the_same_adds_nothing_and_by_another_does(runs: SqlStore) -> None:
    judge(runs, "run-0", make.baseline(WEB))
    before = runs.head()
    judge(runs, "run-0", make.baseline(WEB))
    assert runs.head() == before
    judge(runs, "run-0", make.baseline(WIDER))
    assert runs.head().size == before.size + 1


def blobs(store: SqlStore) -> int:
    with store.database.reading() as session:
        return session.scalar(select(func.count()).select_from(BLOB)) or 0


def many(changed: BaselineEntry) -> Baseline:
    return make.baseline(*(replace(WEB, id=f"entry-{n}") for n in range(500)), changed)


def test_a_changed_entry_makes_one_new_part_of_many(runs: SqlStore) -> None:
    judge(runs, "run-0", many(WEB))
    before = blobs(runs)
    judge(runs, "run-1", many(WIDER))
    assert blobs(runs) - before == 3, "a part, an index, and the judgements of the run"
    assert [each[0] for each in told(runs)] == ["22", "22-80"]
    assert told(runs, "entry-7") == [("22", "run-0", "run-1", 2)]


def test_a_baseline_that_is_gone_is_found(runs: SqlStore) -> None:
    judge(runs, "run-0", make.baseline(WEB))
    with runs.database.writing() as session:
        connection = session.connection()
        connection.exec_driver_sql("DROP TRIGGER blob_no_delete")
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        kept = session.execute(select(LEAF.c.data).where(LEAF.c.kind == "evaluated")).scalar_one()
        index = json.loads(kept)["body"]["baseline"]
        connection.execute(delete(BLOB).where(BLOB.c.digest == index))
    assert any(f"its document {index} is gone" in each for each in verify_log(runs))
    with pytest.raises(StoreError, match=index):
        versions(runs)


def test_the_last_anchor_of_a_scope_is_remembered_over_judgings_without_one(
    runs: SqlStore,
) -> None:
    assert runs.judged_anchor("shop") == ""
    judge(runs, "run-0", make.baseline(WEB), Provenance(anchor="a" * 40))
    judge(runs, "run-1", make.baseline(WEB), Provenance(anchor="b" * 40))
    judge(runs, "run-2", make.baseline(WIDER))
    judge(runs, "run-3", make.baseline(WEB, scope="mail"), Provenance(anchor="c" * 40))
    assert (runs.judged_anchor("shop"), runs.judged_anchor("mail")) == ("b" * 40, "c" * 40)
