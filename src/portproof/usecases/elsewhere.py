"""What runs from elsewhere ask of the world: contracts beside those of `contracts.py`.

A vantage without a database keeps its run in a `RunKeeper`, one that was cut short in a
`ResumableKeeper`; at home a `SealedPack` is read, and a store that has `RunImports` takes its run in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portproof.contracts import ScanListener
from portproof.evidence.pack import Manifest
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample, RunRecord, ScanPlan


class RunKeeper(Protocol):
    """Keeps one run: what a scan needs of a `Store`, and all that a vantage without one has."""

    def run_lock(self) -> AbstractContextManager[None]:
        """Hold the one run lock of wherever runs are kept.

        Raises:
            StoreLockedError: another run holds it.
        """
        ...

    def begin_run(
        self, plan: ScanPlan, started: datetime, carried: Carried | None = None
    ) -> ScanListener:
        """Begin to keep a run; the listener keeps what it is given."""
        ...

    def finish_run(self, record: RunRecord) -> str:
        """Keep how the run ended; gives the digest of its outcome."""
        ...

    def record_refusal(self, code: str, subject: str, problem: str, at: datetime) -> None:
        """Keep that a scan was refused, where there is something to keep it in."""
        ...


class ResumableKeeper(RunKeeper, Protocol):
    """Keeps one run, and has an interrupted one that it goes on with."""

    def interrupted(self) -> RunRecord:
        """Give the run to go on with, as far as it got; asked under the run lock.

        Raises:
            PackError: there is none, or it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """What a run whose process died had handed in: all that its record can be put together from."""

    plan: ScanPlan
    started: datetime
    tool_version: str
    batches: Iterable[tuple[OutcomeBatch, bool]]
    """Each with whether it came before the last checkpoint, whose witnesses speak for its silence."""
    observations: Iterable[Observation]
    samples: Sequence[ControlSample]
    checkpoint: Checkpoint | None
    """The last one; None: the run died before any."""
    carried: Carried | None
    """What the run itself had taken over from another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRun:
    """A run as a pack holds it; each part has the digest that the manifest gives it."""

    record: RunRecord
    raw: Sequence[bytes]
    """Raw records, canonical JSON."""
    batches: Iterable[OutcomeBatch]
    """Read as they are asked for, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an imported run comes from, as the log keeps it."""

    manifest: bytes
    """Canonical JSON; its SHA-256 is the digest of the pack."""
    signature: str
    """Over the manifest, hex."""
    key: str
    """Fingerprint of the key that it was checked with."""
    at: datetime
    """When it was imported."""
    flags: tuple[str, ...] = ()
    """Facts about the run that its import brought to light: `clock_unsynced`."""


class SealedPack(Protocol):
    """A pack whose structure is sound; of its contents nothing is believed yet."""

    @property
    def manifest(self) -> Manifest:
        """What the pack says of itself."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest: what tells two packs of one run apart."""
        ...

    def origin(self, key: str, at: datetime) -> Origin:
        """Check the signature with a public key's line; gives what the log shall keep of it.

        Raises:
            PackError: the key is none, or did not sign this manifest.
        """
        ...

    def run(self) -> PackedRun:
        """Check each member against the manifest, and read the run.

        Raises:
            PackError: a member is not what the manifest says, or cannot be read.
        """
        ...


class RunImports(Protocol):
    """A store that takes in runs from elsewhere."""

    def run_lock(self) -> AbstractContextManager[None]:
        """Hold the store's one run lock.

        Raises:
            StoreLockedError: a run is under way.
        """
        ...

    def pack_of(self, run_id: str) -> str | None:
        """Give the digest of the pack a run came in; empty: it was made here; None: no such run."""
        ...

    def import_run(self, packed: PackedRun, origin: Origin) -> str:
        """Keep a run from elsewhere, all or nothing; gives the digest of its outcome.

        Raises:
            StoreError: the run is there already, or cannot be kept.
            EvidenceError: it contradicts itself, or cites evidence that it does not bring.
        """
        ...
