"""What a vantage without a database has in place of a store: a keeper of one run, which seals it.

Everything that a scan tells goes into the working file beside the pack as it comes, so that memory
does not grow with the sweep and a process that is killed loses nothing of it. When the run ends, it
is sealed, and the working file goes. An interrupted run, be it in a working file or in a pack that
says so, is gone on with by a run of its own, as at home; the pack then holds that one, with what it
took over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from portproof.contracts import Clock, ScanListener
from portproof.errors import EvidenceError, PackError
from portproof.evidence.canonical import canonical, digest_of
from portproof.evidence.pack import BATCHES, MOST_ENDPOINTS, OUTCOME, PLAN, RAW, Manifest
from portproof.model.carried import Carried
from portproof.model.endpoint import Transport
from portproof.model.scan import RunRecord, RunStatus, ScanPlan
from portproof.packs.forms import Forms
from portproof.packs.keys import SigningKey
from portproof.packs.reading import open_pack
from portproof.packs.sealing import member_of, require_new, seal
from portproof.packs.spool import Spool
from portproof.packs.working import WorkingFile, working_path
from portproof.usecases.elsewhere import PackedRun

MOST_STEPPED_MS: Final = 5_000
"""A wall clock that moved further during a run was not synchronised (the fact `clock_unsynced`)."""


class PackKeeper:
    """A `usecases.elsewhere.RunKeeper` that seals one run into one file."""

    def __init__(self, path: Path, key: SigningKey, *, forms: Forms, clock: Clock) -> None:
        self.path = path
        self._key = key
        self._forms = forms
        self._clock = clock
        self._spool: Spool | None = None

    @contextmanager
    def run_lock(self) -> Iterator[None]:
        """Hold the working file, which stays if a run began and is not sealed in the end.

        Raises:
            PackError: the pack could not be written there, or is there already, or its working file
                is, with a run that was cut short.
        """
        require_new(self.path)
        self._require_no_unfinished()
        with self._holding(WorkingFile(working_path(self.path), begin=True)) as spool:
            try:
                yield
            finally:
                if spool.begun is None:
                    spool.file.remove()

    def begin_run(
        self, plan: ScanPlan, started: datetime, carried: Carried | None = None
    ) -> ScanListener:
        """Begin to keep a run.

        Raises:
            PackError: it is too large for a pack, or the disk does not take it.
        """
        endpoints = sum(plan.planned(each) for each in Transport)
        if endpoints > MOST_ENDPOINTS:
            raise PackError(
                f"{endpoints:,} endpoints are more than one pack holds ({MOST_ENDPOINTS:,}): "
                "scan fewer hosts or ports at a time"
            )
        spool = self._kept()
        spool.begin(plan, started, carried)
        return spool

    def finish_run(self, record: RunRecord) -> str:
        """Seal the run; gives the digest of its outcome.

        Raises:
            PackError: the pack cannot be written.
            EvidenceError: the record cites evidence that was never handed in.
        """
        spool, sealed = self._kept(), self._clock.now()
        stepped_ms = (sealed - record.started) // timedelta(milliseconds=1) - record.duration_ms
        record = _with_step(record, stepped_ms)
        plan = canonical(self._forms.plan_document(record.plan))
        outcome = canonical(self._forms.outcome_document(record, digest_of(plan)))
        raw = spool.raw_lines(self._forms.evidence_of(outcome))
        parts = {PLAN: plan, OUTCOME: outcome, RAW: raw}
        members = {name: member_of(data) for name, data in parts.items()}
        manifest = Manifest(
            run=record.plan.run_id,
            vantage=record.plan.vantage.id,
            zone=record.plan.vantage.zone,
            authorisation=record.plan.authorisation.digest,
            tool_version=record.tool_version,
            status=record.status.value,
            started=record.started,
            finished=record.finished,
            sealed=sealed,
            clock_source=record.clock.source,
            clock_synchronised=record.clock.synchronised,
            clock_stepped_ms=stepped_ms,
            key=self._key.public.fingerprint,
            members={**members, BATCHES: spool.batches},
        )
        try:
            seal(self.path, manifest, self._key, parts, spool.batch_chunks())
        except PackError as failure:
            raise PackError(f"{failure}; {spool.file.path} keeps the run") from failure
        spool.file.remove()
        return digest_of(outcome)

    def record_refusal(self, code: str, subject: str, problem: str, at: datetime) -> None:
        """Keep nothing: no run was made, and the refusal is told to whoever asked for it."""

    def _kept(self) -> Spool:
        if self._spool is None:
            raise PackError("a run is kept under its lock alone")
        return self._spool

    @contextmanager
    def _holding(self, file: WorkingFile) -> Iterator[Spool]:
        """Have the file for what is heard."""
        try:
            self._spool = Spool(self._forms, file)
            yield self._spool
        finally:
            file.close()
            self._spool = None

    def _require_no_unfinished(self) -> None:
        unfinished = working_path(self.path)
        if unfinished.exists() or unfinished.is_symlink():
            raise PackError(
                f"{unfinished}: keeps a run into {self.path} that was cut short, or is under way; "
                f"go on with it (`portproof resume --out {self.path} --key FILE`), or delete it"
            )


class ResumingKeeper(PackKeeper):
    """A `usecases.elsewhere.ResumableKeeper`: goes on with a run that was cut short."""

    def __init__(
        self, path: Path, key: SigningKey, source: Path | None, *, forms: Forms, clock: Clock
    ) -> None:
        """`source` is a pack whose run was interrupted; None: the working file of the pack at `path`."""
        super().__init__(path, key, forms=forms, clock=clock)
        self._source = source

    @contextmanager
    def run_lock(self) -> Iterator[None]:
        """Hold the working file.

        Raises:
            PackError: as `PackKeeper.run_lock`; or there is no interrupted run.
        """
        if self._source is not None:
            with super().run_lock():
                yield
            return
        require_new(self.path)
        unfinished = working_path(self.path)
        if not unfinished.exists():
            raise PackError(
                f"{unfinished}: is not there: no scan into {self.path} was cut short; name the pack "
                "of an interrupted run to go on with it"
            )
        with self._holding(WorkingFile(unfinished, begin=False)):
            yield

    def interrupted(self) -> RunRecord:
        """Give the run to go on with, as far as it got.

        Raises:
            PackError: there is none, or it cannot be read.
        """
        spool = self._kept()
        if self._source is not None:
            packed = self._packed(self._source)
            for line in packed.raw:
                spool.keep_raw(line)
            return packed.record
        try:
            return spool.interrupted()
        except EvidenceError as fault:
            raise PackError(f"{spool.file.path}: cannot be read: {fault}") from fault

    def _packed(self, source: Path) -> PackedRun:
        """Read the pack to go on with; nothing of it is believed that this key has not signed."""
        with open_pack(source, self._forms) as pack:
            pack.origin(self._key.public.line(), self._clock.now())
            packed = pack.run()
        status = packed.record.status
        if status is not RunStatus.INTERRUPTED:
            raise PackError(
                f"{source}: its run is {status}, not interrupted: there is nothing to go on with"
            )
        return packed


def _with_step(record: RunRecord, stepped_ms: int) -> RunRecord:
    """Let the record say that its wall clock was set during the run, if it was."""
    if abs(stepped_ms) <= MOST_STEPPED_MS:
        return record
    moved = f"the wall clock moved {stepped_ms:,} ms against the monotonic one during the run"
    detail = f"{record.clock.detail}; {moved}" if record.clock.detail else moved
    return replace(record, clock=replace(record.clock, synchronised=False, detail=detail))
