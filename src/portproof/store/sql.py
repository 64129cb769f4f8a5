"""`SqlStore`: the contract `Store`, on a SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Table, insert

from portproof.contracts import Head, RunSummary, ScanListener
from portproof.errors import StoreError
from portproof.evidence.leaf import LeafKind
from portproof.model.carried import Carried
from portproof.model.endpoint import Endpoint
from portproof.model.evidence import IntervalInfo
from portproof.model.finding import Conforming, Finding, FindingEvent, FindingEventKind, Judgement
from portproof.model.judged_baseline import JudgedBaseline, JudgedVersion
from portproof.model.scan import RunRecord, ScanPlan
from portproof.store import baselines, findings, imports, intervals, runs
from portproof.store.codec import instant_text
from portproof.store.database import Database, check_place, path_of
from portproof.store.journal import RunJournal
from portproof.store.lock import RunLock
from portproof.store.log import LogWriter, blob_size, get_blob, read_head
from portproof.store.schema import NO_SCHEMA, check_schema, migrate, revision_of
from portproof.store.tables import METADATA
from portproof.usecases.elsewhere import Origin, PackedRun

REFUSAL: Final[Table] = METADATA.tables["refusal"]


def open_store(location: str | Path, *, create: bool = False) -> SqlStore:
    """Open the store at a path or an `sqlite:///` URL; `create` makes a new one where none is.

    Raises:
        StoreNewerError: its schema was made by a later portproof.
        StoreOutdatedError: its schema needs `portproof db upgrade`.
        StoreError: the place is wrong (no such directory, not writable, not a database).
    """
    path = path_of(location)
    check_place(path, create=create)
    database = Database(path)
    try:
        with database.reading() as session:
            empty = revision_of(session, path) == NO_SCHEMA
        if create and empty:
            migrate(database)
        with database.reading() as session:
            check_schema(session, path)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqlStore:
    """Keeps runs, findings and the append-only log in one SQLite file; see `contracts.Store`.

    `now` dates only what has no time of its own: judgings, and runs found dead.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _utc_now) -> None:
        self.database = database
        self._now = now
        self._lock = RunLock(database.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    # ------------------------------------------------------------ runs

    @contextmanager
    def run_lock(self) -> Iterator[None]:
        """Hold the store's one run lock; runs that died without ending are recorded as such.

        Raises:
            StoreLockedError: another run holds it.
            StoreError: the database cannot be written.
        """
        with self._lock.holding():
            with self.database.writing() as session:
                runs.interrupt_stale(session, self._now())
            yield

    def begin_run(
        self, plan: ScanPlan, started: datetime, carried: Carried | None = None
    ) -> ScanListener:
        """Record that a run began, and what it takes over; needs the run lock.

        Raises:
            StoreError: the run lock is not held, the run is there already, or it cannot be kept.
            EvidenceError: what it takes over is of other hosts than its plan.
        """
        self._lock.name_run(plan.run_id)
        with self.database.writing() as session:
            # An earlier run under the same lock that never ended can no longer end either.
            runs.interrupt_stale(session, started)
            runs.begin(session, plan, started, carried)
        return RunJournal(self.database, plan.run_id)

    def finish_run(self, record: RunRecord) -> str:
        """Record how the run ended, its state intervals and outcome leaf; gives the outcome digest.

        Raises:
            StoreError: there is no such run, it has ended already, or it cannot be kept.
            EvidenceError: the record contradicts the plan, or refers to evidence not handed in.
        """
        with self.database.writing() as session:
            return runs.finish(session, record)

    def load_run(self, run_id: str) -> RunRecord:
        """Read a finished (or interrupted) run back; one that died as far as it got.

        Raises:
            StoreError: there is no such run, it is under way, or its records are damaged.
        """
        with self.database.reading() as session:
            unfinished = run_id in runs.unfinished(session)
        if unfinished and not self._lock.is_free():
            raise StoreError(f"run {run_id} is still under way: wait for its end")
        with self.database.reading() as session:
            return runs.load(session, run_id)

    def runs(self, *, scope: str | None = None, limit: int | None = None) -> Sequence[RunSummary]:
        """List runs, newest first; a run whose process died shows as interrupted."""
        # In this order: a run that is unfinished before and after the lock was seen free is dead.
        with self.database.reading() as session:
            unfinished = runs.unfinished(session)
        dead = unfinished if unfinished and self._lock.is_free() else frozenset()
        with self.database.reading() as session:
            return runs.summaries(session, scope=scope, limit=limit, dead=dead)

    def outcome_digest(self, run_id: str) -> str:
        """Give the digest of the run's outcome document; empty while it has none."""
        with self.database.reading() as session:
            return runs.outcome_digest(session, run_id)

    def judgements(self, run_id: str) -> Sequence[Judgement]:
        """Give what a run was judged to show when it was judged last; empty when it never was."""
        with self.database.reading() as session:
            return findings.read_judgements(session, run_id)

    def intervals(self, endpoints: Sequence[Endpoint], *, vantage: str) -> Sequence[IntervalInfo]:
        """Give the state intervals of those endpoints, oldest first."""
        with self.database.reading() as session:
            return intervals.read_intervals(session, endpoints, vantage=vantage)

    def intervals_since(self, since: datetime, *, vantage: str) -> Sequence[IntervalInfo]:
        """Give every state interval of the vantage that was still seen then or later, oldest first."""
        with self.database.reading() as session:
            return intervals.read_since(session, since, vantage=vantage)

    def pack_of(self, run_id: str) -> str | None:
        """Give the digest of the pack a run came in; empty: it was made here; None: no such run."""
        with self.database.reading() as session:
            return imports.pack_of(session, run_id)

    def import_run(self, packed: PackedRun, origin: Origin) -> str:
        """Keep a run from elsewhere, all or nothing; gives the digest of its outcome.

        Raises:
            StoreError: the run is there already, or cannot be kept.
            EvidenceError: it contradicts itself, or cites evidence that it does not bring.
        """
        with self.database.writing() as session:
            return imports.take_in(session, packed, origin)

    # ------------------------------------------------------------ findings

    def findings(self) -> Sequence[Finding]:
        """Give every finding ever opened, with its life so far."""
        with self.database.reading() as session:
            return findings.read_findings(session)

    def finding_events(self, fingerprint: str) -> Sequence[FindingEvent]:
        """Give the events of one finding, oldest first."""
        with self.database.reading() as session:
            return findings.read_events(session, fingerprint)

    def apply_events(
        self,
        run_id: str,
        events: Iterable[FindingEvent],
        judgements: Sequence[Judgement],
        baseline: JudgedBaseline | None = None,
        conforming: Sequence[Conforming] = (),
    ) -> Sequence[Finding]:
        """Append finding events, what was judged, and what it was judged by; all or nothing.

        Gives the findings that the events are about, as they stand then.

        Raises:
            StoreError: there is no such run or finding, or they cannot be kept.
        """
        at = instant_text(self._now())
        with self.database.writing() as session:
            runs.require_run(session, run_id)
            evaluated = findings.Evaluated(
                run_id, tuple(events), judgements, at, baseline, conforming
            )
            return findings.append_events(session, evaluated)

    def judged_versions(
        self, entry_id: str, *, scope: str, environment: str
    ) -> Sequence[JudgedVersion]:
        """Give what an entry was in all judgings by that baseline, oldest first."""
        with self.database.reading() as session:
            return baselines.versions_of(session, entry_id, scope, environment)

    def judged_anchor(self, scope: str) -> str:
        """Give the commit that the last judging recorded for later ones; empty where none did."""
        with self.database.reading() as session:
            return baselines.last_anchor(session, scope)

    def events_of(self, kind: FindingEventKind) -> Sequence[FindingEvent]:
        """Give the events of one kind, of all findings, oldest first."""
        with self.database.reading() as session:
            return findings.read_events_of(session, kind)

    def append_actions(self, actions: Sequence[FindingEvent]) -> None:
        """Append what a person did to findings, each a leaf of the log; all or nothing.

        It needs no run lock: a scan may be under way.

        Raises:
            StoreError: there is no such finding, its state does not allow it, or it cannot be kept.
        """
        with self.database.writing() as session:
            findings.append_actions(session, actions)

    def record_refusal(self, code: str, subject: str, problem: str, at: datetime) -> None:
        """Keep that a scan was refused; it is a leaf of the log."""
        row: dict[str, Any] = {"code": code, "subject": subject, "problem": problem}
        when = instant_text(at)
        with self.database.writing() as session:
            log = LogWriter(session)
            seq = log.append(LeafKind.REFUSAL, when, row)
            log.flush()
            session.connection().execute(insert(REFUSAL), {"seq": seq, "at": when, **row})

    # ------------------------------------------------------------ evidence

    def raw(self, digest: str) -> bytes:
        """Give a raw record by its digest: canonical JSON.

        Raises:
            StoreError: there is none, or its bytes do not match their digest.
        """
        with self.database.reading() as session:
            return get_blob(session, digest)

    def raws(self, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Give raw records with their digests, in one transaction: a look-up each costs ten times that.

        Raises:
            StoreError: one is gone, or its bytes do not match its digest.
        """
        with self.database.reading() as session:
            for each in digests:
                yield each, get_blob(session, each)

    def raw_size(self, digest: str) -> int:
        """Give the size of a raw record in bytes, uncompressed.

        Raises:
            StoreError: there is none.
        """
        with self.database.reading() as session:
            return blob_size(session, digest)

    def head(self) -> Head:
        """Give the log's size and its RFC 9162 Merkle tree hash."""
        with self.database.reading() as session:
            return read_head(session)
