"""The tables, as SQLModel models; `migrations/` creates them, a test compares the two.

Three kinds of table, told apart by what may happen to a row:

* **append-only** (triggers refuse UPDATE and DELETE): `leaf`, `blob`, `finding_event`,
  `evaluation`, `refusal`, `source_fetch`, `segmentation_record`, `segmentation_cell`;
* **projections** of those, updated as they grow: `frontier`, `run`, `finding`, `state_interval`,
  `target`;
* **scratch**: `journal_entry`, what a run acknowledged so far, gone when the run is recorded.

Portable types only, so that the same tables serve PostgreSQL: text, integers, bytes. Times are
text, RFC 3339 in UTC with microseconds, whose order is time order. Digests are lower-case hex.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, MetaData
from sqlmodel import Field, SQLModel

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

APPEND_ONLY = (
    "leaf",
    "blob",
    "finding_event",
    "evaluation",
    "refusal",
    "source_fetch",
    "segmentation_record",
    "segmentation_cell",
)
"""Tables whose rows the database itself refuses to change or delete."""


class _Row(SQLModel):
    """The base of all tables: its own metadata, so that nobody else's tables get mixed in."""

    metadata: ClassVar[MetaData] = METADATA


class LeafRow(_Row, table=True):
    """One leaf of the log: its canonical bytes, and their RFC 9162 leaf hash."""

    __tablename__ = "leaf"

    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    at: str
    data: bytes
    hash: bytes


class FrontierRow(_Row, table=True):
    """The one row that says how far the log has grown; changed with every append."""

    __tablename__ = "frontier"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int
    nodes: bytes


class BlobRow(_Row, table=True):
    """Canonical bytes, zlib-compressed, by their digest: raw answers, plans, outcomes."""

    __tablename__ = "blob"

    digest: str = Field(primary_key=True)
    size: int
    """Bytes, uncompressed."""
    body: bytes


class RunRow(_Row, table=True):
    """One run; its plan and its outcome are blobs."""

    __tablename__ = "run"

    number: int | None = Field(default=None, primary_key=True)
    """In the order of their beginning."""
    run_id: str = Field(unique=True)
    scope: str = Field(index=True)
    vantage: str
    zone: str
    started: str
    finished: str | None = None
    """None while it runs, and for good when its process ended before it."""
    status: str = Field(index=True)
    status_reason: str = ""
    planned: int
    measured: int = 0
    plan_digest: str = Field(foreign_key="blob.digest")
    outcome_digest: str | None = Field(default=None, foreign_key="blob.digest")
    begun_seq: int = Field(foreign_key="leaf.seq")
    ended_seq: int | None = Field(default=None, foreign_key="leaf.seq")
    continues: str | None = None
    """Id of the interrupted run that it goes on with."""


class JournalRow(_Row, table=True):
    """Something a running scan handed in: outcomes, control samples, where it stands; or took over."""

    __tablename__ = "journal_entry"

    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(foreign_key="run.run_id", index=True)
    kind: str
    body: bytes


class IntervalRow(_Row, table=True):
    """A stretch of time in which measurements from one vantage showed an endpoint in one state."""

    __tablename__ = "state_interval"
    __table_args__ = (
        Index(None, "vantage", "address", "transport", "port"),
        Index(None, "vantage", "latest"),
    )

    id: int | None = Field(default=None, primary_key=True)
    vantage: str
    address: str
    transport: str
    port: int
    state: str
    first_seen: str
    last_seen: str
    runs: int
    latest: bool
    """Whether the endpoint has no later interval."""


class FindingRow(_Row, table=True):
    """One finding as its events have made it."""

    __tablename__ = "finding"

    fingerprint: str = Field(primary_key=True)
    status: str
    first_seen: str
    last_seen: str
    times_seen: int
    reopened: int
    resolved_at: str | None = None
    run_id: str
    judgement: bytes
    """Canonical JSON of the judgement that deviated last."""
    closed_by: str | None = None
    assigned_to: str | None = None
    ticket: str | None = None
    claimed_at: str | None = None
    changed_at: str | None = None


class FindingEventRow(_Row, table=True):
    """One event in the life of a finding."""

    __tablename__ = "finding_event"

    seq: int = Field(
        primary_key=True, foreign_key="leaf.seq", sa_column_kwargs={"autoincrement": False}
    )
    finding: str = Field(foreign_key="finding.fingerprint", index=True)
    kind: str
    at: str
    run_id: str = Field(foreign_key="run.run_id")
    severity: str
    because: str
    actor: str | None = None
    """Who did it; None: the run."""
    actor_source: str | None = None
    value: str | None = None
    digest: str | None = None
    closed_by: str | None = None


class EvaluationRow(_Row, table=True):
    """One judging of a run: all its judgements as a blob, and how many of them deviate."""

    __tablename__ = "evaluation"

    seq: int = Field(
        primary_key=True, foreign_key="leaf.seq", sa_column_kwargs={"autoincrement": False}
    )
    run_id: str = Field(foreign_key="run.run_id", index=True)
    at: str
    judgements_digest: str = Field(foreign_key="blob.digest")
    deviations: int


class RefusalRow(_Row, table=True):
    """One scan that was refused before a packet left."""

    __tablename__ = "refusal"

    seq: int = Field(
        primary_key=True, foreign_key="leaf.seq", sa_column_kwargs={"autoincrement": False}
    )
    at: str
    code: str
    subject: str
    problem: str


class SourceFetchRow(_Row, table=True):
    """One asking of a target source, and what became of it."""

    __tablename__ = "source_fetch"

    seq: int = Field(
        primary_key=True, foreign_key="leaf.seq", sa_column_kwargs={"autoincrement": False}
    )
    source: str = Field(index=True)
    at: str
    outcome: str
    because: str
    listed: int
    digest: str = Field(foreign_key="blob.digest")
    """The targets as they were listed, and what changed."""


class TargetRow(_Row, table=True):
    """One target of one source as the fetches have made it."""

    __tablename__ = "target"

    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    retired_at: str | None = None
    """None while it is listed."""
    body: bytes
    """Canonical JSON of the target with its dates."""


class SegmentationRow(_Row, table=True):
    """One segmentation matrix as it was judged."""

    __tablename__ = "segmentation_record"

    seq: int = Field(
        primary_key=True, foreign_key="leaf.seq", sa_column_kwargs={"autoincrement": False}
    )
    at: str
    """When it was judged."""
    since: str
    until: str
    tested: str | None = None
    """When the latest run finished that a cell rests on."""
    policy_file: str
    policy_digest: str
    policy_version: int
    """Counts the changes of that policy file, from 0."""
    policy_committed: str | None = None
    """When git says that it was committed."""
    cells: int
    supported: int
    crossed: int
    content: str = Field(unique=True)
    """Digest of what it says, whenever it is said: the same is kept once."""
    digest: str = Field(foreign_key="blob.digest")
    """The matrix, and what it was judged on."""


class SegmentationCellRow(_Row, table=True):
    """One cell of a kept matrix: what due dates are counted from, without reading the matrix."""

    __tablename__ = "segmentation_cell"
    __table_args__ = (Index(None, "source", "target", "state"),)

    seq: int = Field(primary_key=True, foreign_key="segmentation_record.seq")
    source: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    state: str
    complete: bool
    at: str | None = None
    """When its test finished; None where it has none."""
