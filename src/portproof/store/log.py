"""The append-only log in the database: leaves, the frontier, and blobs by their digest.

A leaf is appended in the transaction of the record it stands for, so neither is ever there
without the other. `LogWriter` reads the frontier once per transaction and writes it back once,
whatever the number of leaves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Table, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from portproof.contracts import Head
from portproof.errors import EvidenceError, StoreError
from portproof.evidence.canonical import Json, canonical, digest_of
from portproof.evidence.leaf import Leaf, LeafKind
from portproof.evidence.merkle import Frontier, leaf_hash
from portproof.store.rows import insert_rows
from portproof.store.tables import METADATA

LEAF: Final[Table] = METADATA.tables["leaf"]
FRONTIER: Final[Table] = METADATA.tables["frontier"]
BLOB: Final[Table] = METADATA.tables["blob"]

_IDS_PER_QUERY: Final = 500  # far below SQLite's limit of bound values (32 766)


class LogWriter:
    """Appends leaves within one writing transaction; nothing is written before `flush`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._frontier = read_frontier(session)
        self._rows: list[dict[str, Any]] = []

    def append(self, kind: LeafKind, at: str, body: Mapping[str, Json]) -> int:
        """Append one leaf; gives its position in the log.

        Raises:
            TypeError: the body holds a type without canonical form.
            EvidenceError: the body holds a number or text without canonical form.
        """
        seq = self._frontier.size
        data = Leaf(seq=seq, kind=kind, at=at, body=body).canonical()
        hashed = leaf_hash(data)
        self._frontier = self._frontier.append(hashed)
        self._rows.append({"seq": seq, "kind": kind.value, "at": at, "data": data, "hash": hashed})
        return seq

    def flush(self) -> None:
        """Write the leaves, before the records that refer to them."""
        if not self._rows:
            return
        insert_rows(self._session, insert(LEAF), self._rows)
        self._session.connection().execute(
            update(FRONTIER).values(size=self._frontier.size, nodes=self._frontier.packed())
        )
        self._rows.clear()


def read_frontier(session: Session) -> Frontier:
    """Give the frontier of the log as it stands.

    Raises:
        StoreError: the stored frontier is damaged.
    """
    row = session.execute(select(FRONTIER.c.size, FRONTIER.c.nodes)).one_or_none()
    if row is None:
        raise StoreError("the log's frontier is gone: restore the store from a backup")
    try:
        return Frontier.unpack(row.size, bytes(row.nodes))
    except (ValueError, TypeError) as fault:
        raise StoreError(f"the log's frontier is damaged ({fault}): restore a backup") from fault


def read_head(session: Session) -> Head:
    """Give the log's size and its Merkle tree hash."""
    frontier = read_frontier(session)
    return Head(size=frontier.size, digest=frontier.root().hex())


# ---------------------------------------------------------------- blobs


def put_blob(session: Session, value: Json) -> str:
    """Keep a value's canonical bytes, once; gives their digest.

    Raises:
        TypeError: the value holds a type without canonical form.
        EvidenceError: the value holds a number or text without canonical form.
    """
    return put_bytes(session, canonical(value))


def put_bytes(session: Session, data: bytes) -> str:
    """Keep canonical bytes, once; gives their digest."""
    name = digest_of(data)
    row = {"digest": name, "size": len(data), "body": zlib.compress(data)}
    # The same words in PostgreSQL's dialect; a plain INSERT would abort on the second copy.
    session.connection().execute(sqlite.insert(BLOB).on_conflict_do_nothing(), row)
    return name


def get_blob(session: Session, name: str) -> bytes:
    """Give the bytes kept under a digest.

    Raises:
        StoreError: there are none, or they do not match their digest.
    """
    body = session.execute(select(BLOB.c.body).where(BLOB.c.digest == name)).scalar_one_or_none()
    if body is None:
        raise StoreError(f"the store keeps no record with the digest {name}")
    try:
        data = zlib.decompress(body)
    except (zlib.error, TypeError) as fault:
        raise StoreError(f"the record {name} is damaged ({fault}): restore a backup") from fault
    if digest_of(data) != name:
        raise StoreError(f"the record {name} was changed: its bytes do not match their digest")
    return data


def blob_size(session: Session, name: str) -> int:
    """Give the size in bytes of what is kept under a digest, uncompressed.

    Raises:
        StoreError: there is nothing.
    """
    size = session.scalars(select(BLOB.c.size).where(BLOB.c.digest == name)).first()
    if size is None:
        raise StoreError(f"the store keeps no record with the digest {name}")
    return int(size)


def require_blobs(session: Session, names: Iterable[str]) -> None:
    """Refuse references that lead nowhere.

    Raises:
        EvidenceError: the store keeps nothing under one of the digests.
    """
    wanted = sorted(set(names))
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        part = wanted[start : start + _IDS_PER_QUERY]
        kept = session.scalars(select(BLOB.c.digest).where(BLOB.c.digest.in_(part)))
        if lost := set(part) - set(kept):
            raise EvidenceError(f"evidence {min(lost)} was never handed in: nothing leads to it")
