"""The Protocols where I/O and plug-ins attach: what the use cases ask of the world.

Adapters implement them (`scan`, `store`, `render`, `documents`), `bootstrap` puts them together,
and nothing in `usecases` knows which one it got.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.endpoint import Address, Endpoint
from portproof.model.observation import Observation
from portproof.model.scan import ClockFacts, Control, ControlSample, RunRecord, RunStatus, ScanPlan

if TYPE_CHECKING:
    # A scan needs neither, and they are a fifth of what it imports.
    from portproof.model.approval import EntryVersion, Signature
    from portproof.model.custom_rule import Predicate, Variable
    from portproof.model.evidence import EvidenceDocument, IntervalInfo
    from portproof.model.finding import (
        Conforming,
        Finding,
        FindingEvent,
        FindingEventKind,
        Judgement,
    )
    from portproof.model.inventory import FetchOutcome, KnownTarget, Taken
    from portproof.model.judged_baseline import JudgedBaseline, JudgedVersion
    from portproof.model.source import Listing, SecretRef


class Clock(Protocol):
    """Time, as a value that tests can set."""

    def now(self) -> datetime:
        """Give the wall clock, UTC, with its zone."""
        ...

    def facts(self) -> ClockFacts:
        """Say how well the wall clock is synchronised."""
        ...


class Resolver(Protocol):
    """Names to addresses, both families."""

    def resolve(self, name: str) -> tuple[Address, ...]:
        """Give every address of the name, IPv4 first, without duplicates.

        Raises:
            LookupError: the name does not resolve; the message is the resolver's own.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a scan stands; sent a few times a second."""

    phase: str
    """`tcp`, `udp`, `services`."""
    done: int
    total: int
    rate_pps: float
    open: int
    unmeasured: int
    eta_s: float | None
    """None while the rate is not known."""


class ScanListener(Protocol):
    """Who hears of a scan while it runs: the store (to keep it) and the terminal (to show it).

    What was handed to a listener is acknowledged once the call returns: a `kill -9` later loses
    nothing of it.
    """

    def batch(self, batch: OutcomeBatch) -> None:
        """Take outcomes; rows may come in any order, each endpoint once."""
        ...

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        """Take one observation worth keeping, with its raw record (masked, capped), if any."""
        ...

    def sampled(self, sample: ControlSample) -> None:
        """Take one control sample."""
        ...

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take where the sweep stands; it replaces the one before."""
        ...

    def progress(self, progress: Progress) -> None:
        """Hear where the scan stands."""
        ...


class Scanner(Protocol):
    """Sends what a plan says, and nothing else."""

    def own_controls(
        self, addresses: Sequence[Address]
    ) -> AbstractContextManager[tuple[Control, ...]]:
        """Open portproof's own control listeners for those of the addresses that are this machine's.

        They are open inside the `with` block: a positive one (accepts) and a negative one (bound,
        never listening) per address family that is needed. Empty when no address is ours.
        """
        ...

    def run(
        self,
        plan: ScanPlan,
        listener: ScanListener,
        stop: StopSignal,
        *,
        carried: Carried | None = None,
    ) -> RunRecord:
        """Carry the plan out; returns a record also when stopped or inconclusive.

        The authorisation is checked again for each host before its packets leave. What is
        `carried` over from the run that the plan continues is not asked again.

        Raises:
            AuthorisationError: the plan's authorisation has ended, or does not match its hosts.
        """
        ...


class StopSignal(Protocol):
    """Asked between packets: has someone asked us to stop?"""

    def __call__(self) -> bool:
        """Say whether to stop now."""
        ...


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


class Renderer(Protocol):
    """Draws one report format from the evidence document alone."""

    def render(self, document: EvidenceDocument, out: Path) -> Path:
        """Write the report into the folder `out`; gives the file's path.

        Raises:
            RenderError: it cannot be written, or a library is missing.
        """
        ...


class ExpressionLanguage(Protocol):
    """The language that expressions of custom rules are written in."""

    def compile(self, text: str, variables: Sequence[Variable]) -> Predicate:
        """Give an expression over these variables, checked and ready to be asked.

        Raises:
            ExpressionError: it does not parse, a name or a type in it is wrong, it is neither true
                nor false, or it could take too long.
        """
        ...


class History(Protocol):
    """The versions of a baseline's entries, whatever keeps them."""

    def versions(self, entry_id: str) -> Iterator[EntryVersion]:
        """Give the versions of an entry, the present one first; empty when there was never one.

        Raises:
            ApprovalError: what keeps them cannot be read.
        """
        ...


class SignatureCheck(Protocol):
    """Verifies who signed a commit, whatever program does it."""

    def of_commit(self, commit: str) -> Signature:
        """Say by whose key a commit is signed, or why that is not known.

        Raises:
            ApprovalError: there is no such commit, or it cannot be read.
        """
        ...


class TargetSource(Protocol):
    """Lists targets: a file, a cluster, a cloud account, a register."""

    @property
    def name(self) -> str:
        """Its name in `sources.yaml`."""
        ...

    def fetch(self) -> Listing:
        """List every target, sorted by id, each id once; an empty list is an answer.

        Raises:
            SourceError: the list could not be read, or not to its end; it is then unknown.
        """
        ...


class Secrets(Protocol):
    """Reveals a secret at the moment it is sent; nobody keeps or prints one."""

    def __call__(self, reference: SecretRef) -> str:
        """Give the secret.

        Raises:
            SettingsError: the variable is not set, or the file cannot be read; the message names
                the place and never the value.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSummary:
    """The latest asking of a target source."""

    source: str
    at: datetime
    outcome: FetchOutcome
    because: str
    """Why it was not simply taken; empty when it was."""
    listed: int


class TargetBook(Protocol):
    """Remembers targets from one fetch of their source to the next."""

    def known(self) -> Sequence[KnownTarget]:
        """Give every target ever listed, by source and id."""
        ...

    def last_fetches(self) -> Mapping[str, FetchSummary]:
        """Give the latest fetch of each source that was ever asked."""
        ...

    def keep(self, taken: Iterable[Taken]) -> None:
        """Append fetches and what they do to targets; all or nothing."""
        ...

    def update(self, targets: Iterable[KnownTarget]) -> None:
        """Write targets that a run has looked at."""
        ...
