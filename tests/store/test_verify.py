"""Whatever is changed in the database by hand, `verify_log` names it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.evidence.leaf import LeafKind
from portproof.evidence.merkle import Frontier, leaf_hash
from portproof.model.finding import FindingEventKind
from portproof.store import SqlStore, open_store, verify_log
from portproof.store.log import LogWriter
from portproof.store.tables import APPEND_ONLY
from store.examples import BEGAN, happened, judgement, run, with_banner

# The leaves: 0 run-begun, 1 run-ended, 2 evaluated, 3 finding-event, 4 refusal.


@pytest.fixture
def full(store: SqlStore) -> SqlStore:
    run(store, "run-1", [25], observed=[with_banner(25)])
    store.apply_events("run-1", [happened(FindingEventKind.OPENED)], [judgement()])
    store.record_refusal("expired", "AUTH-1", "it ended", BEGAN)
    assert verify_log(store) == []
    return store


def tamper(place: Path, *statements: str) -> None:
    """What someone with the file and a SQLite shell can do, triggers or not."""
    with closing(sqlite3.connect(place)) as connection, connection:
        for table in APPEND_ONLY:
            connection.execute(f"DROP TRIGGER {table}_no_update")
            connection.execute(f"DROP TRIGGER {table}_no_delete")
        connection.execute("DROP TRIGGER leaf_gapless")
        connection.create_function("leaf_hash", 1, leaf_hash)
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "UPDATE leaf SET data = replace(data, 'expired', 'missing') WHERE seq = 4",
            "leaf 4: its bytes do not match",
        ),
        ("UPDATE leaf SET hash = zeroblob(32) WHERE seq = 2", "leaf 2: its bytes do not match"),
        ("DELETE FROM leaf WHERE seq = 1", "leaf 1: it is missing; the next one there is 2"),
        ("DELETE FROM leaf WHERE seq = 4", "head: the 4 leaves give"),
        ("UPDATE leaf SET at = '2020' WHERE seq = 3", "leaf 3: its position, kind or time"),
        ("UPDATE leaf SET kind = 'refusal' WHERE seq = 0", "leaf 0: its position, kind or time"),
        (
            "UPDATE leaf SET data = CAST('x' AS BLOB), hash = leaf_hash(CAST('x' AS BLOB)) WHERE seq = 0",
            "leaf 0: its bytes are no leaf",
        ),
        (
            "INSERT INTO leaf SELECT 5, kind, at, data, hash FROM leaf WHERE seq = 4",
            "leaf 5: its position, kind or time",
        ),
        ("UPDATE frontier SET size = 4, nodes = zeroblob(32)", "head: the 5 leaves give"),
        ("UPDATE frontier SET nodes = zeroblob(7)", "the log's frontier is damaged"),
        ("DELETE FROM frontier", "the log's frontier is gone"),
        (
            "UPDATE refusal SET code = 'missing'",
            "refusal of leaf 4: code is not what the leaf says",
        ),
        ("DELETE FROM refusal", "leaf 4: its record is gone"),
        ("UPDATE finding_event SET severity = 'info'", "finding_event of leaf 3: severity is not"),
        ("UPDATE evaluation SET deviations = 0", "evaluation of leaf 2: deviations is not"),
        ("UPDATE run SET status = 'inconclusive'", "run of leaf 1: status is not"),
        ("UPDATE run SET scope = 'all'", "run of leaf 0: scope is not"),
        ("UPDATE run SET ended_seq = NULL", "leaf 1: its record is gone"),
        ("UPDATE run SET ended_seq = 77", "run of leaf 77: the leaf is gone"),
        ("UPDATE blob SET body = x'789c030000000001'", "was changed: its bytes do not match"),
        ("UPDATE blob SET body = x'00'", "is damaged"),
        ("UPDATE blob SET body = 'text'", "is damaged"),
        ("DELETE FROM blob", "run run-1: its document"),
        ("DELETE FROM blob WHERE size < 60", "run run-1: its document"),
        ("UPDATE finding SET status = 'closed'", "is not what its events make of it"),
        ("DELETE FROM finding", "is not what its events make of it"),
        (
            "UPDATE finding_event SET kind = 'resolved'",
            "findings cannot be replayed from their events",
        ),
    ],
)
def test_a_change_by_hand_is_named(full: SqlStore, place: Path, statement: str, named: str) -> None:
    tamper(place, statement)
    problems = verify_log(full)
    assert any(named in each for each in problems), problems


def test_a_leaf_rewritten_with_its_hash_is_found_by_the_head(full: SqlStore, place: Path) -> None:
    rewritten = "CAST(replace(CAST(data AS TEXT), 'expired', 'missing') AS BLOB)"
    tamper(
        place, f"UPDATE leaf SET data = {rewritten}, hash = leaf_hash({rewritten}) WHERE seq = 4"
    )
    problems = verify_log(full)
    assert any(each.startswith("head: the 5 leaves give") for each in problems)
    assert "refusal of leaf 4: code is not what the leaf says" in problems


def test_swapped_leaves_are_found(full: SqlStore, place: Path) -> None:
    tamper(
        place,
        "UPDATE leaf SET seq = 99 WHERE seq = 0",
        "UPDATE leaf SET seq = 0 WHERE seq = 1",
        "UPDATE leaf SET seq = 1 WHERE seq = 99",
    )
    assert verify_log(full)[0].startswith("leaf 0: its position")


def test_only_the_first_wrong_leaf_is_named(full: SqlStore, place: Path) -> None:
    tamper(place, "UPDATE leaf SET hash = zeroblob(32) WHERE seq IN (1, 3)")
    named = [each for each in verify_log(full) if "hash" in each]
    assert named == ["leaf 1: its bytes do not match their hash"]


def test_an_empty_log_is_fine(store: SqlStore) -> None:
    assert verify_log(store) == []
    assert store.head().digest == Frontier().root().hex()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 20), max_size=5))
def test_the_head_is_that_of_all_leaves_however_they_were_appended(
    tmp_path_factory: pytest.TempPathFactory, transactions: list[int]
) -> None:
    with open_store(tmp_path_factory.mktemp("log") / "a.db", create=True) as store:
        for number in transactions:
            with store.database.writing() as session:
                log = LogWriter(session)
                for each in range(number):
                    log.append(LeafKind.REFUSAL, "", {"number": each})
                log.flush()
        with store.database.reading() as session:
            sql = "SELECT data FROM leaf ORDER BY seq"
            data = list(session.connection().exec_driver_sql(sql).scalars())
        assert len(data) == sum(transactions) == store.head().size
        grown = reduce(Frontier.append, map(leaf_hash, data), Frontier())
        assert store.head().digest == grown.root().hex()
