"""Targets: each fetch of a source is appended, the targets are what the fetches have made of them.

The document of a fetch holds the list without the time it was read at, so that a list that says the
same again every hour is kept once, and only the fetches grow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from portproof.contracts import FetchSummary
from portproof.evidence.canonical import Json, canonical
from portproof.evidence.leaf import LeafKind
from portproof.model.inventory import FetchOutcome, KnownTarget, Taken
from portproof.model.source import SourcedTarget
from portproof.store.codec import decode, encode, encode_fields, instant_from, instant_text
from portproof.store.database import Database
from portproof.store.log import LogWriter, put_blob
from portproof.store.tables import METADATA

FETCH: Final[Table] = METADATA.tables["source_fetch"]
TARGET: Final[Table] = METADATA.tables["target"]
_BODY: Final = ("source", "outcome", "because", "listed", "digest")


class SqlTargets:
    """What is known of targets, in the store's own file; see `contracts.TargetBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> Sequence[KnownTarget]:
        """Give every target ever listed, by source and id.

        Raises:
            StoreError: the database cannot be read.
            EvidenceError: a target's record is damaged.
        """
        with self._database.reading() as session:
            query = select(TARGET.c.body).order_by(TARGET.c.source, TARGET.c.id)
            return [_target_from(body) for body in session.scalars(query)]

    def last_fetches(self) -> Mapping[str, FetchSummary]:
        """Give the latest fetch of each source that was ever asked.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.reading() as session:
            rows = session.execute(select(FETCH).order_by(FETCH.c.seq))
            return {row.source: _summary(row) for row in rows}

    def keep(self, taken: Iterable[Taken]) -> None:
        """Append fetches and what they do to targets; all or nothing.

        Raises:
            StoreError: they cannot be kept.
        """
        with self._database.writing() as session:
            log = LogWriter(session)
            rows = [_appended(session, log, each) for each in taken]
            log.flush()
            for each, row in rows:
                session.connection().execute(insert(FETCH), row)
                _write(session, each.targets)

    def update(self, targets: Iterable[KnownTarget]) -> None:
        """Write targets that a run has looked at; nothing is appended: the run itself is the record.

        Raises:
            StoreError: they cannot be kept.
        """
        with self._database.writing() as session:
            _write(session, targets)


def fetch_body(row: Mapping[str, Any]) -> dict[str, Json]:
    """Give what the leaf of a fetch says, from its row."""
    return {name: row[name] for name in _BODY}


def _appended(session: Session, log: LogWriter, taken: Taken) -> tuple[Taken, dict[str, Any]]:
    document: dict[str, Json] = {
        "schema": "portproof.listing/1",
        "source": taken.source,
        "targets": [
            encode_fields(SourcedTarget, each.target, without=("seen_at",))
            for each in taken.targets
            if each.last_listed == taken.at
        ],
        "changes": [[change.value, key] for change, key in taken.changes],
        "not_understood": list(taken.not_understood),
    }
    row: dict[str, Any] = {
        "source": taken.source,
        "outcome": taken.outcome.value,
        "because": taken.because,
        "listed": taken.listed,
        "digest": put_blob(session, document),
    }
    at = instant_text(taken.at)
    seq = log.append(LeafKind.SOURCE_FETCHED, at, fetch_body(row))
    return taken, {"seq": seq, "at": at, **row}


def _write(session: Session, targets: Iterable[KnownTarget]) -> None:
    rows = [
        {
            "source": each.source,
            "id": each.target.id,
            "retired_at": instant_text(each.retired_at) if each.retired_at else None,
            "body": canonical(encode(KnownTarget, each)),
        }
        for each in targets
    ]
    if not rows:
        return
    new = sqlite.insert(TARGET)
    changes = {name: new.excluded[name] for name in ("retired_at", "body")}
    upsert = new.on_conflict_do_update(index_elements=[TARGET.c.source, TARGET.c.id], set_=changes)
    session.connection().execute(upsert, rows)


def _target_from(body: bytes) -> KnownTarget:
    return decode(KnownTarget, json.loads(body))


def _summary(row: Any) -> FetchSummary:
    return FetchSummary(
        source=row.source,
        at=instant_from(row.at),
        outcome=FetchOutcome(row.outcome),
        because=row.because,
        listed=row.listed,
    )
