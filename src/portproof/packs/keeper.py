"""What a vantage without a database has in place of a store: a keeper of one run, which seals it.

Batches go to a file without a name as they come, so that memory does not grow with the sweep. A
process that is killed leaves no pack: what must survive that needs a database at the vantage.
"""

from __future__ import annotations

import hashlib
import struct
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

from portproof.contracts import Clock, Progress, ScanListener
from portproof.errors import EvidenceError, PackError
from portproof.evidence.canonical import canonical, digest_of
from portproof.evidence.pack import (
    BATCHES,
    MOST_ENDPOINTS,
    OUTCOME,
    PLAN,
    RAW,
    Manifest,
    Member,
)
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.endpoint import Transport
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample, RunRecord, ScanPlan
from portproof.packs.forms import Forms
from portproof.packs.keys import SigningKey
from portproof.packs.sealing import member_of, require_new, seal

LENGTH: Final = struct.Struct("<I")
"""Stands before each batch."""
MOST_STEPPED_MS: Final = 5_000
"""A wall clock that moved further during a run was not synchronised (the fact `clock_unsynced`)."""


@dataclass(slots=True)
class _Spool:
    """Hears a scan: keeps outcomes in a file without a name, raw records by their digest."""

    forms: Forms
    batches: IO[bytes]
    hashed: hashlib._Hash = field(default_factory=hashlib.sha256)
    size: int = 0
    raw: dict[str, bytes] = field(default_factory=dict)
    """Compressed."""

    def batch(self, batch: OutcomeBatch) -> None:
        """Keep outcomes.

        Raises:
            PackError: the disk does not take them.
        """
        body = self.forms.batch_bytes(batch)
        data = LENGTH.pack(len(body)) + body
        try:
            self.batches.write(data)
        except OSError as failure:
            raise PackError(f"the run cannot be kept: {failure.strerror or failure}") from failure
        self.hashed.update(data)
        self.size += len(data)

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        """Keep the raw record; the observation itself is in the run's record.

        Raises:
            EvidenceError: the observation names another digest than that of its raw record.
        """
        if raw is None:
            return
        data = canonical(raw)
        name = digest_of(data)
        if observation.evidence not in (None, name):
            raise EvidenceError(
                f"{observation.endpoint}: its evidence {observation.evidence} is not the digest of "
                f"its raw record, {name}"
            )
        self.raw[name] = zlib.compress(data)

    def sampled(self, sample: ControlSample) -> None:
        """Take a control sample, which the record repeats."""

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take a checkpoint, which is of use to a database alone."""

    def progress(self, progress: Progress) -> None:
        """Hear where the scan stands."""

    def raw_lines(self, cited: frozenset[str]) -> bytes:
        """Give the raw records that the outcome cites, in the order of their digests.

        Raises:
            EvidenceError: one of them was never handed in.
        """
        if lost := cited - self.raw.keys():
            raise EvidenceError(f"evidence {min(lost)} was never handed in: nothing leads to it")
        return b"".join(zlib.decompress(self.raw[name]) + b"\n" for name in sorted(cited))


class PackKeeper:
    """A `usecases.elsewhere.RunKeeper` that seals one run into one file."""

    def __init__(self, path: Path, key: SigningKey, *, forms: Forms, clock: Clock) -> None:
        self.path = path
        self._key = key
        self._forms = forms
        self._clock = clock
        self._spool: _Spool | None = None

    @contextmanager
    def run_lock(self) -> Iterator[None]:
        """Hold what the run is kept in: a file without a name in the folder of the pack.

        Raises:
            PackError: the pack could not be written there, or is there already.
        """
        require_new(self.path)
        try:
            file = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115 - closed below
        except OSError as failure:
            raise PackError(f"{self.path}: {failure.strerror or failure}") from failure
        with file:
            self._spool = _Spool(self._forms, file)
            yield

    def begin_run(
        self, plan: ScanPlan, started: datetime, carried: Carried | None = None
    ) -> ScanListener:
        """Begin to keep a run.

        Raises:
            PackError: it continues another run, which takes a database, or is too large for a pack.
        """
        del started  # the record says it
        if carried is not None:
            raise PackError(f"run {plan.run_id} continues another: that takes a database")
        endpoints = sum(plan.planned(each) for each in Transport)
        if endpoints > MOST_ENDPOINTS:
            raise PackError(
                f"{endpoints:,} endpoints are more than one pack holds ({MOST_ENDPOINTS:,}): "
                "scan fewer hosts or ports at a time"
            )
        return self._kept()

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
            members={
                **{name: member_of(data) for name, data in parts.items()},
                BATCHES: Member(spool.hashed.hexdigest(), spool.size),
            },
        )
        seal(self.path, manifest, self._key, parts, spool.batches)
        return digest_of(outcome)

    def record_refusal(self, code: str, subject: str, problem: str, at: datetime) -> None:
        """Keep nothing: no run was made, and the refusal is told to whoever asked for it."""

    def _kept(self) -> _Spool:
        if self._spool is None:
            raise PackError("a run is kept under its lock alone")
        return self._spool


def _with_step(record: RunRecord, stepped_ms: int) -> RunRecord:
    """Let the record say that its wall clock was set during the run, if it was."""
    if abs(stepped_ms) <= MOST_STEPPED_MS:
        return record
    moved = f"the wall clock moved {stepped_ms:,} ms against the monotonic one during the run"
    detail = f"{record.clock.detail}; {moved}" if record.clock.detail else moved
    return replace(record, clock=replace(record.clock, synchronised=False, detail=detail))
