"""Segmentation matrices: each statement of a matrix is appended once, with the runs it rests on.

What makes two statements the same is what they say, not when: the policy and its version, the runs
by the digests of their outcomes, the sink logs, every cell. So a check that is repeated every hour
keeps one record, and a policy that was changed and changed back keeps one more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from portproof.errors import EvidenceError, StoreError
from portproof.evidence.canonical import Json, digest
from portproof.evidence.leaf import LeafKind
from portproof.model.segmentation_record import (
    Clocks,
    Judged,
    KeptMatrix,
    PairClock,
    PolicyVersion,
    RecordSummary,
)
from portproof.model.segmentation_result import CellState, Matrix
from portproof.store.codec import (
    decode,
    decode_fields,
    encode_fields,
    instant_from,
    instant_text,
)
from portproof.store.database import Database
from portproof.store.log import LogWriter, get_blob, put_blob
from portproof.store.tables import METADATA

RECORD: Final[Table] = METADATA.tables["segmentation_record"]
CELL: Final[Table] = METADATA.tables["segmentation_cell"]
SCHEMA: Final = "portproof.matrix/1"
_BODY: Final = (
    "since",
    "until",
    "tested",
    "policy_file",
    "policy_digest",
    "policy_version",
    "policy_committed",
    "cells",
    "supported",
    "crossed",
    "content",
    "digest",
)
_CELL_COLUMNS: Final = ("source", "target", "state", "complete", "at")
_OF_TIME: Final = ("since", "until")
"""What a later judging of the same says differently."""


class SqlMatrices:
    """The kept matrices, in the store's own file; see `usecases.segmentation_record.MatrixBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, judged: Judged) -> tuple[KeptMatrix, bool]:
        """Append a matrix, unless it says what a kept one says; gives it as kept, and whether it is new.

        Raises:
            StoreError: it cannot be kept.
            EvidenceError: the one that says the same is damaged.
        """
        with self._database.writing() as session:
            version = _version(session, judged.matrix)
            content = digest({**_document(judged, _OF_TIME), "policy_version": version})
            there = session.execute(select(RECORD).where(RECORD.c.content == content)).one_or_none()
            if there is not None:
                return _kept(session, there), False
            row = _appended(session, judged, {"content": content, "policy_version": version})
            return KeptMatrix(judged=judged, seq=row["seq"], digest=row["digest"]), True

    def summaries(self, limit: int | None = None) -> Sequence[RecordSummary]:
        """List the kept matrices, newest first.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.reading() as session:
            query = select(RECORD).order_by(RECORD.c.seq.desc()).limit(limit)
            return [_summary(row) for row in session.execute(query)]

    def load(self, seq: int) -> KeptMatrix:
        """Give the matrix of a leaf.

        Raises:
            StoreError: that leaf is no matrix, or its document is damaged.
            EvidenceError: its document cannot be read.
        """
        with self._database.reading() as session:
            row = session.execute(select(RECORD).where(RECORD.c.seq == seq)).one_or_none()
            if row is None:
                raise StoreError(
                    f"leaf {seq} is no segmentation record; `portproof segmentation history` lists them"
                )
            return _kept(session, row)

    def clocks(self) -> Clocks:
        """Give what due dates are counted from, over all kept matrices.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.reading() as session:
            return Clocks(pairs=tuple(_pairs(session)), policies=tuple(_policies(session)))


def record_body(row: Mapping[str, Any]) -> dict[str, Json]:
    """Give what the leaf of a matrix says, from its row."""
    return {name: row[name] for name in _BODY}


def matrix_problems(session: Session) -> Iterator[str]:
    """Hold each kept matrix against its rows: its cells, its counts, and the runs it names.

    A document that is damaged or gone is told elsewhere, by its digest.
    """
    for row in session.execute(select(RECORD).order_by(RECORD.c.seq)):
        with suppress(StoreError):
            yield from _row_problems(session, row)


def _row_problems(session: Session, row: Any) -> Iterator[str]:
    owner = f"segmentation record of leaf {row.seq}"
    try:
        judged = _kept(session, row).judged
    except EvidenceError as fault:
        yield f"{owner}: {fault}"
        return
    said = {"policy_version": row.policy_version, **_document(judged, _OF_TIME)}
    if digest(said) != row.content:
        yield f"{owner}: its content is not what its document says"
    query = select(CELL).where(CELL.c.seq == row.seq)
    kept = (
        {str(name): each for name, each in row.items()} for row in session.execute(query).mappings()
    )
    if sorted(map(_sortable, kept)) != sorted(map(_sortable, _cell_rows(row.seq, judged.matrix))):
        yield f"{owner}: its cells are not what its document says"
    outcomes = METADATA.tables["run"].c
    for used in judged.runs:
        query = select(outcomes.outcome_digest).where(outcomes.run_id == used.run_id)
        if (session.execute(query).scalar_one_or_none() or "") != used.outcome:
            yield f"{owner}: run {used.run_id} is not the one that it was judged on"


def _sortable(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in _CELL_COLUMNS)


# ---------------------------------------------------------------- writing


def _document(judged: Judged, without: Sequence[str] = ()) -> dict[str, Json]:
    """Give the document of a matrix; `without` some of its fields, and then without its instant."""
    return {
        "schema": SCHEMA,
        "matrix": encode_fields(Matrix, judged.matrix, without=without),
        **encode_fields(Judged, judged, without=("matrix", "at") if without else ("matrix",)),
    }


def _version(session: Session, matrix: Matrix) -> int:
    """Count the changes of the policy file up to this version, the change to it included."""
    policy = matrix.policy
    query = select(RECORD.c.policy_version, RECORD.c.policy_digest)
    query = query.where(RECORD.c.policy_file == policy.file).order_by(RECORD.c.seq.desc())
    last = session.execute(query.limit(1)).one_or_none()
    if last is None:
        return 0
    changed: bool = last.policy_digest != policy.digest
    return int(last.policy_version) + int(changed)


def _appended(session: Session, judged: Judged, known: Mapping[str, Any]) -> dict[str, Any]:
    matrix, at = judged.matrix, instant_text(judged.at)
    row: dict[str, Any] = {
        **known,
        "since": instant_text(matrix.since),
        "until": instant_text(matrix.until),
        "tested": instant_text(matrix.tested_at) if matrix.tested_at else None,
        "policy_file": matrix.policy.file,
        "policy_digest": matrix.policy.digest,
        "policy_committed": instant_text(judged.commit.at) if judged.commit else None,
        "cells": len(matrix.cells),
        "supported": matrix.count(CellState.SUPPORTED),
        "crossed": sum(each.crossed for each in matrix.cells),
        "digest": put_blob(session, _document(judged)),
    }
    log = LogWriter(session)
    row |= {"seq": log.append(LeafKind.SEGMENTATION_JUDGED, at, record_body(row)), "at": at}
    log.flush()
    session.connection().execute(insert(RECORD), row)
    if cells := _cell_rows(row["seq"], matrix):
        session.connection().execute(insert(CELL), cells)
    return row


def _cell_rows(seq: int, matrix: Matrix) -> list[dict[str, Any]]:
    return [
        {
            "seq": seq,
            "source": each.rule.source,
            "target": each.rule.target,
            "state": each.state.value,
            "complete": each.complete,
            "at": instant_text(each.tested_at) if each.tested_at else None,
        }
        for each in matrix.cells
    ]


# ---------------------------------------------------------------- reading


def _kept(session: Session, row: Any) -> KeptMatrix:
    try:
        document = json.loads(get_blob(session, row.digest))
        found = document.pop("schema")
        matrix = document.pop("matrix")
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"it is no {SCHEMA}: {fault}") from fault
    if found != SCHEMA:
        raise EvidenceError(f"it is {found!r}, where {SCHEMA} was expected")
    judged = decode_fields(Judged, document, matrix=decode(Matrix, matrix))
    return KeptMatrix(judged=judged, seq=row.seq, digest=row.digest)


def _summary(row: Any) -> RecordSummary:
    return RecordSummary(
        seq=row.seq,
        digest=row.digest,
        at=instant_from(row.at),
        since=instant_from(row.since),
        until=instant_from(row.until),
        tested_at=instant_from(row.tested) if row.tested else None,
        policy=row.policy_digest,
        cells=row.cells,
        supported=row.supported,
        crossed=row.crossed,
    )


def _pairs(session: Session) -> Iterator[PairClock]:
    """Give the pairs of zones in order of their names."""
    pair = (CELL.c.source, CELL.c.target)
    supported = CELL.c.state == CellState.SUPPORTED.value
    query = select(
        *pair,
        func.max(CELL.c.at).filter(supported).label("supported_at"),
        func.max(CELL.c.at).filter(CELL.c.complete).label("complete_at"),
    )
    for row in session.execute(query.group_by(*pair).order_by(*pair)).all():
        held = select(func.min(CELL.c.seq)).where(
            CELL.c.source == row.source,
            CELL.c.target == row.target,
            supported,
            CELL.c.at == row.supported_at,
        )
        yield PairClock(
            source=row.source,
            target=row.target,
            supported_at=instant_from(row.supported_at) if row.supported_at else None,
            supported_by=session.scalar(held) if row.supported_at else None,
            complete_at=instant_from(row.complete_at) if row.complete_at else None,
        )


def _policies(session: Session) -> Iterator[PolicyVersion]:
    version = (RECORD.c.policy_file, RECORD.c.policy_version)
    first = select(
        func.min(RECORD.c.seq).label("seq"),
        func.max(RECORD.c.policy_committed).label("committed"),
    )
    held = first.group_by(*version).subquery()
    query = select(RECORD, held.c.committed).join(held, held.c.seq == RECORD.c.seq)
    for row in session.execute(query.order_by(RECORD.c.seq)):
        yield PolicyVersion(
            file=row.policy_file,
            digest=row.policy_digest,
            judged_from=instant_from(row.at),
            committed=instant_from(row.committed) if row.committed else None,
            seq=row.seq,
        )
