"""Recompute the log from what the database holds, and name what does not fit.

Six questions, in this order: is each leaf's hash that of its bytes, and does it stand where it
says; do the leaves together give the stored head; does each record say what its leaf says; is
each document there, with the digest that leaves and records name; do the events, replayed, make
the findings that are kept; do the cells of a kept segmentation matrix, and the runs it was judged
on, say what its document says? Whoever can write the database can of course rewrite all of it;
heads that were given to others beforehand will show that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from portproof.errors import EvidenceError, StoreError
from portproof.evidence.canonical import Json
from portproof.evidence.leaf import LeafKind
from portproof.evidence.merkle import Frontier, leaf_hash
from portproof.store.baselines import documents_of
from portproof.store.findings import (
    EVALUATION,
    EVENT,
    evaluation_body,
    event_body,
    read_findings,
    replayed,
)
from portproof.store.log import BLOB, LEAF, get_blob, read_frontier
from portproof.store.matrices import RECORD, matrix_problems, record_body
from portproof.store.records import evidence_of
from portproof.store.runs import RUN, begun_body, ended_body
from portproof.store.sql import REFUSAL, SqlStore
from portproof.store.targets import FETCH, fetch_body

_AT_ONCE: Final = 1000


def verify_log(store: SqlStore) -> list[str]:
    """Give what is wrong with the log and its records, one line each; empty when all fits.

    Of the leaves only the first wrong one is named: nothing after it can be relied on.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.database.reading() as session:
        problems = [*_leaf_problems(session)]
        problems += _record_problems(session)
        problems += _document_problems(session)
        problems += _finding_problems(session)
        problems += matrix_problems(session)
    return problems


def _leaf_problems(session: Session) -> Iterator[str]:
    frontier = Frontier()
    for row in _rows(session, LEAF):
        if problem := _leaf_problem(row, frontier.size):
            yield f"leaf {frontier.size}: {problem}"
            return
        frontier = frontier.append(row["hash"])
    try:
        stored = read_frontier(session)
    except StoreError as fault:
        yield str(fault)
        return
    if stored != frontier:
        yield (
            f"head: the {frontier.size} leaves give {frontier.root().hex()}, stored is"
            f" {stored.root().hex()} over {stored.size}"
        )


def _leaf_problem(row: Mapping[str, Any], expected: int) -> str:
    if row["seq"] != expected:
        return f"it is missing; the next one there is {row['seq']}"
    # SQLite keeps text in a column of bytes, if someone writes it there.
    if not isinstance(row["data"], bytes) or leaf_hash(row["data"]) != row["hash"]:
        return "its bytes do not match their hash"
    try:
        said = json.loads(row["data"])
        same = (said["seq"], said["kind"], said["at"]) == (row["seq"], row["kind"], row["at"])
    except (ValueError, LookupError, TypeError) as fault:
        return f"its bytes are no leaf: {fault}"
    return "" if same else "its position, kind or time is not what its bytes say"


# ---------------------------------------------------------------- records against leaves


def _record_problems(session: Session) -> Iterator[str]:
    """Compare each record with its leaf, and each leaf with its record."""
    claimed: set[int] = set()
    for table, seq, body in _RECORDS:
        for row in _rows(session, table):
            if row[seq] is None:
                continue
            claimed.add(row[seq])
            if problem := _record_problem(session, row[seq], body(row)):
                yield f"{table.name} of leaf {row[seq]}: {problem}"
    kinds = [kind.value for kind in LeafKind]
    known = session.scalars(select(LEAF.c.seq).where(LEAF.c.kind.in_(kinds)).order_by(LEAF.c.seq))
    yield from (f"leaf {seq}: its record is gone" for seq in known if seq not in claimed)


def _record_problem(session: Session, seq: int, body: Mapping[str, Json]) -> str:
    data = session.execute(select(LEAF.c.data).where(LEAF.c.seq == seq)).scalar_one_or_none()
    if data is None:
        return "the leaf is gone"
    try:
        said = json.loads(data)["body"]
        wrong = [name for name, each in body.items() if said.get(name) != each]
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        return f"the leaf cannot be read: {fault}"
    return f"{', '.join(wrong)} is not what the leaf says" if wrong else ""


def _refusal_body(row: Mapping[str, Any]) -> dict[str, Json]:
    return {name: row[name] for name in ("code", "subject", "problem")}


_RECORDS: Final[tuple[tuple[Table, str, Callable[[Mapping[str, Any]], dict[str, Json]]], ...]] = (
    (RUN, "begun_seq", begun_body),
    (RUN, "ended_seq", ended_body),
    (EVALUATION, "seq", evaluation_body),
    (EVENT, "seq", event_body),
    (REFUSAL, "seq", _refusal_body),
    (FETCH, "seq", fetch_body),
    (RECORD, "seq", record_body),
)


def _document_problems(session: Session) -> Iterator[str]:
    """Check the digest of each document, and that each one that something names is there."""
    kept = dict.fromkeys(session.scalars(select(BLOB.c.digest).order_by(BLOB.c.digest)))
    for name in kept:
        try:
            get_blob(session, name)
        except StoreError as fault:
            yield f"blob: {fault}"
    for owner, name in _named(session):
        if name not in kept:
            yield f"{owner}: its document {name} is gone"


def _named(session: Session) -> Iterator[tuple[str, str]]:
    """Give each digest that a record names, with the record; an unreadable outcome names none."""
    for row in _rows(session, RUN):
        yield f"run {row['run_id']}", row["plan_digest"]
        if outcome := row["outcome_digest"]:
            yield f"run {row['run_id']}", outcome
            with suppress(StoreError, EvidenceError):  # said already, by its digest
                for each in evidence_of(get_blob(session, outcome)):
                    yield f"run {row['run_id']}", each
    for row in _rows(session, EVALUATION):
        yield f"evaluation of leaf {row['seq']}", row["judgements_digest"]
        with suppress(StoreError, EvidenceError):  # said already, by its digest
            for each in documents_of(session, row["seq"]):
                yield f"evaluation of leaf {row['seq']}", each
    for row in _rows(session, FETCH):
        yield f"source fetch of leaf {row['seq']}", row["digest"]
    for row in _rows(session, RECORD):
        yield f"segmentation record of leaf {row['seq']}", row["digest"]


def _finding_problems(session: Session) -> Iterator[str]:
    """Replay the events, and compare the findings that they make with those that are kept."""
    try:
        expected = replayed(session)
    except (StoreError, EvidenceError) as fault:
        yield f"findings cannot be replayed from their events: {fault}"
        return
    found = {each.fingerprint: each for each in read_findings(session)}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield f"finding {name} is not what its events make of it"


def _rows(session: Session, table: Table) -> Iterator[Mapping[str, Any]]:
    query = select(table).order_by(*table.primary_key.columns)
    for row in session.execute(query, execution_options={"yield_per": _AT_ONCE}).mappings():
        yield {str(name): each for name, each in row.items()}
