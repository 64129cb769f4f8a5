"""The journal of a running scan: what was acknowledged, until the run is recorded as a whole.

Each call of the listener is one small transaction; when it returns, a `kill -9` loses nothing of
it. A run that ends takes its outcome with it, and the journal's entries go: all they said is in
the outcome, apart from the instant of each closed or filtered port, of which the state intervals
keep what matters. A run whose process died is put together again from them (`store.recovery`).

Of checkpoints the newest alone is kept. Its place among the entries matters: what came before it
is what its witnesses speak for.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, Table, delete, insert, select
from sqlalchemy.orm import Session

from portproof.contracts import Progress
from portproof.errors import EvidenceError
from portproof.evidence.canonical import Json, canonical
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample, ScanPlan
from portproof.store.codec import decode, encode
from portproof.store.database import Database
from portproof.store.log import put_blob, require_blobs
from portproof.store.records import carried_document, carried_from
from portproof.store.tables import METADATA

JOURNAL: Final[Table] = METADATA.tables["journal_entry"]

COLUMN_TYPES: Final = {
    "host": "<u4",
    "port": "<u2",
    "transport": "u1",
    "state": "u1",
    "reason": "u1",
    "fault": "u1",
    "rtt_us": "<i4",
    "attempts": "u1",
    "sent_ms": "<u4",
}
"""The columns of a batch in the order in which they are stored, one after the other."""

_ROW_BYTES: Final = sum(np.dtype(kind).itemsize for kind in COLUMN_TYPES.values())
# Ports come in random order and hardly compress; the fastest level gets the rest.
_COMPRESSION: Final = 1


class EntryKind(StrEnum):
    """What a journal entry holds."""

    BATCH = "batch"
    CARRIED = "carried"
    CHECKPOINT = "checkpoint"
    OBSERVATION = "observation"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class RunJournal:
    """The store's ear in a running scan; a `contracts.ScanListener`."""

    database: Database
    run_id: str

    def batch(self, batch: OutcomeBatch) -> None:
        """Keep outcomes.

        Raises:
            StoreError: they could not be kept, and are not acknowledged.
        """
        with self.database.journalling() as session:
            self._write(session, EntryKind.BATCH, pack(batch))

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        """Keep an observation and its raw record, which is kept once however often it recurs.

        Raises:
            StoreError: they could not be kept, and are not acknowledged.
            EvidenceError: the observation names another digest than that of its raw record.
        """
        with self.database.journalling() as session:
            if raw is not None:
                observation = _with_evidence(observation, put_blob(session, raw))
            elif observation.evidence is not None:
                require_blobs(session, [observation.evidence])
            self._write_json(session, EntryKind.OBSERVATION, encode(Observation, observation))

    def sampled(self, sample: ControlSample) -> None:
        """Keep a control sample.

        Raises:
            StoreError: it could not be kept, and is not acknowledged.
        """
        with self.database.journalling() as session:
            self._write_json(session, EntryKind.SAMPLE, encode(ControlSample, sample))

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep where the sweep stands, instead of the checkpoint before.

        Raises:
            StoreError: it could not be kept, and is not acknowledged.
        """
        with self.database.journalling() as session:
            older = session.scalars(_of(self.run_id, EntryKind.CHECKPOINT, JOURNAL.c.id)).all()
            self._write_json(session, EntryKind.CHECKPOINT, encode(Checkpoint, checkpoint))
            # Afterwards: SQLite would give the id of the last row, once deleted, to the new one.
            session.connection().execute(delete(JOURNAL).where(JOURNAL.c.id.in_(older)))

    def progress(self, progress: Progress) -> None:
        """Hear where the scan stands, which is of the moment and not kept."""

    def _write_json(self, session: Session, kind: EntryKind, value: Json) -> None:
        self._write(session, kind, canonical(value))

    def _write(self, session: Session, kind: EntryKind, body: bytes) -> None:
        _insert(session, self.run_id, kind, body)


def write_batch(session: Session, run_id: str, batch: OutcomeBatch) -> None:
    """Keep outcomes within a transaction that is under way."""
    _insert(session, run_id, EntryKind.BATCH, pack(batch))


def take_over(session: Session, plan: ScanPlan, carried: Carried) -> None:
    """Keep what a run takes over from the one that it continues.

    Raises:
        EvidenceError: it is of other hosts than the plan's.
    """
    body = zlib.compress(canonical(carried_document(carried, plan)), _COMPRESSION)
    _insert(session, plan.run_id, EntryKind.CARRIED, body)


def _insert(session: Session, run_id: str, kind: EntryKind, body: bytes) -> None:
    row = {"run_id": run_id, "kind": kind.value, "body": body}
    session.connection().execute(insert(JOURNAL), row)


def _with_evidence(observation: Observation, name: str) -> Observation:
    if observation.evidence not in (None, name):
        raise EvidenceError(
            f"{observation.endpoint}: its evidence {observation.evidence} is not the digest of its"
            f" raw record, {name}"
        )
    return replace(observation, evidence=name)


# ---------------------------------------------------------------- reading it back


def batches(session: Session, run_id: str) -> Iterator[OutcomeBatch]:
    """Give the batches of a run, in the order in which they came."""
    for _, batch in numbered_batches(session, run_id):
        yield batch


def numbered_batches(session: Session, run_id: str) -> Iterator[tuple[int, OutcomeBatch]]:
    """Give the batches of a run in the order in which they came, with their places in it."""
    for place, body in _entries(session, run_id, EntryKind.BATCH):
        yield place, unpack(body)


def last_checkpoint(session: Session, run_id: str) -> tuple[int, Checkpoint | None]:
    """Give the newest checkpoint of a run and its place in the order; -1 and None without any."""
    found: tuple[int, Checkpoint | None] = (-1, None)
    for place, body in _entries(session, run_id, EntryKind.CHECKPOINT):
        found = (place, decode(Checkpoint, json.loads(body)))
    return found


def taken_over(session: Session, plan: ScanPlan) -> Carried | None:
    """Give what the run of the plan has taken over; None when it continues none.

    Raises:
        EvidenceError: it cannot be read.
    """
    for _, body in _entries(session, plan.run_id, EntryKind.CARRIED):
        return carried_from(zlib.decompress(body), plan)
    return None


def observations(session: Session, run_id: str) -> Iterator[Observation]:
    """Give the observations of a run, in the order in which they came."""
    for _, body in _entries(session, run_id, EntryKind.OBSERVATION):
        yield decode(Observation, json.loads(body))


def samples(session: Session, run_id: str) -> Iterator[ControlSample]:
    """Give the control samples of a run, in the order in which they came."""
    for _, body in _entries(session, run_id, EntryKind.SAMPLE):
        yield decode(ControlSample, json.loads(body))


def clear(session: Session, run_id: str) -> None:
    """Drop the entries of a run, whose outcome is recorded."""
    session.connection().execute(delete(JOURNAL).where(JOURNAL.c.run_id == run_id))


def _entries(session: Session, run_id: str, kind: EntryKind) -> Iterator[tuple[int, bytes]]:
    query = _of(run_id, kind, JOURNAL.c.id, JOURNAL.c.body)
    for row in session.execute(query, execution_options={"yield_per": 50}):
        yield row.id, row.body


def _of(run_id: str, kind: EntryKind, *columns: ColumnElement[Any]) -> Select[Any]:
    of_run = (JOURNAL.c.run_id == run_id) & (JOURNAL.c.kind == kind.value)
    return select(*columns).where(of_run).order_by(JOURNAL.c.id)


def pack(batch: OutcomeBatch) -> bytes:
    """Give a batch as bytes: its columns one after the other, little-endian, compressed."""
    columns = (getattr(batch, name).astype(kind) for name, kind in COLUMN_TYPES.items())
    return zlib.compress(b"".join(column.tobytes() for column in columns), _COMPRESSION)


def unpack(body: bytes) -> OutcomeBatch:
    """Read a batch back.

    Raises:
        EvidenceError: the bytes are no batch.
    """
    try:
        data = zlib.decompress(body)
    except zlib.error as fault:
        raise EvidenceError(f"a batch of the journal is damaged: {fault}") from fault
    rows, rest = divmod(len(data), _ROW_BYTES)
    if rest:
        raise EvidenceError(f"a batch of the journal is damaged: {rest} bytes too many")
    columns: dict[str, NDArray[np.generic]] = {}
    offset = 0
    for name, kind in COLUMN_TYPES.items():
        columns[name] = np.frombuffer(data, kind, rows, offset)
        offset += columns[name].nbytes
    return OutcomeBatch(**{each.name: columns[each.name] for each in fields(OutcomeBatch)})  # type: ignore[arg-type]
