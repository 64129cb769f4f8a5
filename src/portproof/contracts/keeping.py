"""What is kept: runs, findings and the append-only log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from portproof.contracts.scanning import ScanListener
from portproof.model.carried import Carried
from portproof.model.endpoint import Endpoint
from portproof.model.scan import RunRecord, RunStatus, ScanPlan

if TYPE_CHECKING:
    # A scan needs none of them, and they are a fifth of what it imports.
    from portproof.model.evidence import IntervalInfo
    from portproof.model.finding import (
        Conforming,
        Finding,
        FindingEvent,
        FindingEventKind,
        Judgement,
    )
    from portproof.model.judged_baseline import JudgedBaseline, JudgedVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One run as lists show it."""

    id: str
    started: datetime
    finished: datetime | None
    """None: it never ended (interrupted by a crash)."""
    status: RunStatus
    status_reason: str
    scope: str
    vantage: str
    zone: str
    planned: int
    measured: int
    deviations: int | None
    continues: str | None = None
    """Id of the interrupted run that it goes on with."""
    continued_by: str | None = None
    """Id of the latest run that goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The append-only log at one moment: its number of leaves, and a digest over all of them."""

    size: int
    digest: str


class Store(Protocol):
    """Keeps runs, findings and the append-only log."""

    def run_lock(self) -> AbstractContextManager[None]:
        """Hold the store's one run lock; freed by the operating system if the process dies.

        Raises:
            StoreLockedError: another run holds it.
        """
        ...

    def begin_run(
        self, plan: ScanPlan, started: datetime, carried: Carried | None = None
    ) -> ScanListener:
        """Record that a run began; the listener keeps what it is given, each call its own transaction.

        What is `carried` over is kept with it: the run may be killed, and continued itself.
        """
        ...

    def finish_run(self, record: RunRecord) -> str:
        """Record how the run ended, its state intervals and outcome leaf; gives the outcome digest."""
        ...

    def load_run(self, run_id: str) -> RunRecord:
        """Read a finished (or interrupted) run back.

        Raises:
            StoreError: there is no such run.
        """
        ...

    def runs(self, *, scope: str | None = None, limit: int | None = None) -> Sequence[RunSummary]:
        """List runs, newest first; a run that never ended shows as interrupted."""
        ...

    def record_refusal(self, code: str, subject: str, problem: str, at: datetime) -> None:
        """Keep that a scan was refused; it is a leaf of the log."""
        ...

    def findings(self) -> Sequence[Finding]:
        """Give every finding ever opened, with its life so far."""
        ...

    def finding_events(self, fingerprint: str) -> Sequence[FindingEvent]:
        """Give the events of one finding, oldest first."""
        ...

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
        """
        ...

    def judged_versions(
        self, entry_id: str, *, scope: str, environment: str
    ) -> Sequence[JudgedVersion]:
        """Give what an entry was in all judgings by that baseline, oldest first."""
        ...

    def judged_anchor(self, scope: str) -> str:
        """Give the commit that the last judging recorded for later ones; empty where none did."""
        ...

    def events_of(self, kind: FindingEventKind) -> Sequence[FindingEvent]:
        """Give the events of one kind, of all findings, oldest first."""
        ...

    def append_actions(self, actions: Sequence[FindingEvent]) -> None:
        """Append what a person did to findings; all or nothing, and without the run lock.

        Raises:
            StoreError: there is no such finding, or its state does not allow it.
        """
        ...

    def intervals(self, endpoints: Sequence[Endpoint], *, vantage: str) -> Sequence[IntervalInfo]:
        """Give the state intervals of those endpoints, oldest first."""
        ...

    def intervals_since(self, since: datetime, *, vantage: str) -> Sequence[IntervalInfo]:
        """Give every state interval of the vantage that was still seen then or later, oldest first."""
        ...

    def pack_of(self, run_id: str) -> str | None:
        """Give the digest of the pack a run came in; empty: it was made here; None: no such run."""
        ...

    def outcome_digest(self, run_id: str) -> str:
        """Give the digest of the run's outcome leaf; empty while it has none."""
        ...

    def judgements(self, run_id: str) -> Sequence[Judgement]:
        """Give what a run was judged to show when it was judged last; empty when it never was."""
        ...

    def raw(self, digest: str) -> bytes:
        """Give a raw record by its digest.

        Raises:
            StoreError: there is none, or its bytes do not match their digest.
        """
        ...

    def raws(self, digests: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Give raw records with their digests, in one go."""
        ...

    def raw_size(self, digest: str) -> int:
        """Give the size of a raw record in bytes, uncompressed."""
        ...

    def head(self) -> Head:
        """Give the log's size and running digest."""
        ...
