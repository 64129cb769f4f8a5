"""Kept segmentation matrices: once each, in the log, read back whole, and what due dates count from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from factories import NOON
from policy.segmentation_world import host, judged, judged_then, outside, policy, within
from portproof.errors import StoreError
from portproof.model.observation import PortState
from portproof.model.segmentation_record import PolicyCommit
from portproof.model.segmentation_result import Matrix
from portproof.store import SqlStore, verify_log
from portproof.store.matrices import SqlMatrices
from store.test_verify import tamper

HOUR = timedelta(hours=1)
OPEN = host(states={PortState.OPEN: "22"})


@pytest.fixture
def book(store: SqlStore) -> SqlMatrices:
    return SqlMatrices(store.database)


def whole(**changes: Any) -> Matrix:
    return judged(outside(), within(), held=policy(**changes))


def test_a_matrix_is_read_back_as_it_was_judged(book: SqlMatrices) -> None:
    told = judged_then(judged(outside(OPEN), within()), outcomes={})
    kept, is_new = book.keep(told)
    assert is_new
    assert book.load(kept.seq) == kept
    assert book.load(kept.seq).judged == told


def test_the_same_said_later_is_kept_once(store: SqlStore, book: SqlMatrices) -> None:
    first, _ = book.keep(judged_then(whole()))
    size = store.head().size
    later = replace(whole(), since=NOON - HOUR, until=NOON + HOUR)
    again, is_new = book.keep(judged_then(later, at=NOON + HOUR))
    assert (again, is_new) == (first, False)
    assert store.head().size == size


def test_other_runs_another_policy_or_another_outcome_make_a_record_of_their_own(
    store: SqlStore, book: SqlMatrices
) -> None:
    for each in (
        judged_then(whole()),
        judged_then(judged(outside(OPEN), within())),
        judged_then(whole(), outcomes={"run-1": "a" * 64}),
        judged_then(whole(), outcomes={"run-1": "b" * 64}),
        judged_then(whole(digest="6" * 64)),
    ):
        assert book.keep(each)[1]
    assert store.head().size == len(book.summaries()) == 5
    assert [each.crossed for each in book.summaries(4)] == [0, 0, 0, 1]


def test_a_policy_that_was_changed_back_is_another_version_of_it(book: SqlMatrices) -> None:
    for hours, digest in enumerate(("5" * 64, "6" * 64, "5" * 64, "5" * 64)):
        book.keep(judged_then(whole(digest=digest), at=NOON + hours * HOUR))
    held = book.clocks().policies
    assert [(each.digest[0], each.judged_from) for each in held] == [
        ("5", NOON),
        ("6", NOON + HOUR),
        ("5", NOON + 2 * HOUR),
    ]


def test_the_commit_of_a_policy_dates_its_change(book: SqlMatrices) -> None:
    committed = PolicyCommit("c" * 40, NOON - 5 * HOUR)
    book.keep(judged_then(whole()))
    book.keep(replace(judged_then(whole()), commit=committed))
    (version,) = book.clocks().policies
    assert (version.committed, version.judged_from) == (committed.at, NOON)


def test_clocks_run_from_the_last_supported_and_the_last_complete_test_of_each_pair(
    book: SqlMatrices,
) -> None:
    first, _ = book.keep(judged_then(judged(outside(at=NOON - HOUR), within(at=NOON - HOUR))))
    book.keep(judged_then(judged(outside(OPEN), within())))
    (pair,) = book.clocks().pairs
    assert (pair.source, pair.target) == ("office", "cde")
    assert (pair.supported_at, pair.supported_by) == (NOON - HOUR, first.seq)
    assert pair.complete_at == NOON


def test_a_pair_that_was_never_tested_has_no_date_to_count_from(book: SqlMatrices) -> None:
    book.keep(judged_then(judged()))
    (pair,) = book.clocks().pairs
    assert (pair.supported_at, pair.supported_by, pair.complete_at) == (None, None, None)


def test_a_list_says_how_near_a_test_is_to_an_instant(book: SqlMatrices) -> None:
    book.keep(judged_then(judged(outside(at=NOON - HOUR))))
    (told,) = book.summaries()
    assert told.tested_at == NOON - HOUR
    assert told.is_near(NOON + timedelta(days=6))
    assert not told.is_near(NOON + timedelta(days=7))


def test_a_matrix_without_a_test_is_near_to_nothing(book: SqlMatrices) -> None:
    book.keep(judged_then(judged()))
    assert not book.summaries()[0].is_near(NOON)


def test_a_leaf_that_is_no_matrix_is_one_clear_error(book: SqlMatrices) -> None:
    with pytest.raises(StoreError, match="leaf 7 is no segmentation record"):
        book.load(7)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE segmentation_record SET supported = 9", "supported is not what the leaf says"),
        ("DELETE FROM segmentation_cell", "its cells are not what its document says"),
        ("UPDATE segmentation_cell SET state = 'supported'", "its cells are not what"),
        ("DELETE FROM segmentation_record", "its record is gone"),
        ("UPDATE segmentation_record SET content = 'x'", "its content is not what"),
    ],
)
def test_a_record_that_was_changed_is_named(
    store: SqlStore, book: SqlMatrices, place: Path, statement: str, problem: str
) -> None:
    book.keep(judged_then(judged(outside(OPEN), within())))
    assert verify_log(store) == []
    tamper(place, "PRAGMA foreign_keys=OFF", statement)
    assert any(problem in each for each in verify_log(store))


def test_a_run_that_is_not_the_one_it_was_judged_on_is_named(
    store: SqlStore, book: SqlMatrices
) -> None:
    kept, _ = book.keep(judged_then(whole(), outcomes={"run-1": "a" * 64}))
    assert verify_log(store) == [
        f"segmentation record of leaf {kept.seq}: run run-1 is not the one that it was judged on"
    ]
