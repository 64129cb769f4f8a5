"""A run while it is kept for a pack: what was heard goes into the working file, and is read back."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from portproof import __version__
from portproof.contracts import Progress
from portproof.errors import EvidenceError, PackError
from portproof.evidence.canonical import Json, canonical, digest_of
from portproof.evidence.pack import Member
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample, RunRecord, ScanPlan
from portproof.packs.forms import Forms
from portproof.packs.working import Frame, Kind, WorkingFile
from portproof.usecases.elsewhere import Acknowledged

LENGTH: Final = struct.Struct("<I")
"""Stands before each batch of a pack."""
_FASTEST: Final = 1


@dataclass(slots=True)
class Spool:
    """A `contracts.ScanListener` that keeps what it hears in a working file."""

    forms: Forms
    file: WorkingFile
    raw: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where each raw record stands in the file, and how long it is there, by its digest."""
    begun: Frame | None = None
    """How the last run in the file began; None: none has."""
    _hashed: hashlib._Hash = field(default_factory=hashlib.sha256)
    _size: int = 0

    def __post_init__(self) -> None:
        """Find what the file holds already."""
        for each in self.file.frames():
            if each.kind is Kind.RAW:
                name = digest_of(zlib.decompress(each.body))
                self.raw[name] = (each.place, len(each.body))
            elif each.kind is Kind.BEGUN:
                self.begun = each

    def begin(self, plan: ScanPlan, started: datetime, carried: Carried | None) -> None:
        """Note that a run begins, and what it takes over.

        Raises:
            PackError: the disk does not take it.
        """
        body: Json = {
            "started": self.forms.codec.encode(datetime, started),
            "tool_version": __version__,
            "plan": self.forms.plan_document(plan),
            "carried": None if carried is None else self.forms.carried_document(carried, plan),
        }
        data = zlib.compress(canonical(body), _FASTEST)
        (place,) = self.file.append((Kind.BEGUN, data))
        self.begun = Frame(place, Kind.BEGUN, data)

    # ------------------------------------------------------------ what a scan tells

    def batch(self, batch: OutcomeBatch) -> None:
        """Keep outcomes.

        Raises:
            PackError: the disk does not take them.
        """
        body = self.forms.batch_bytes(batch)
        self.file.append((Kind.BATCH, body))
        self._hashed.update(LENGTH.pack(len(body)) + body)
        self._size += LENGTH.size + len(body)

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        """Keep an observation and its raw record, which is kept once however often it recurs.

        Raises:
            PackError: the disk does not take them.
            EvidenceError: the observation names another digest than that of its raw record.
        """
        if raw is not None:
            name = self.keep_raw(canonical(raw))
            if observation.evidence not in (None, name):
                raise EvidenceError(
                    f"{observation.endpoint}: its evidence {observation.evidence} is not the digest"
                    f" of its raw record, {name}"
                )
            observation = replace(observation, evidence=name)
        self._append(Kind.OBSERVATION, self.forms.codec.encode(Observation, observation))

    def sampled(self, sample: ControlSample) -> None:
        """Keep a control sample.

        Raises:
            PackError: the disk does not take it.
        """
        self._append(Kind.SAMPLE, self.forms.codec.encode(ControlSample, sample))

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep where the sweep stands; the last one counts.

        Raises:
            PackError: the disk does not take it.
        """
        self._append(Kind.CHECKPOINT, self.forms.codec.encode(Checkpoint, checkpoint))

    def progress(self, progress: Progress) -> None:
        """Hear where the scan stands, which is of the moment and not kept."""

    def keep_raw(self, data: bytes) -> str:
        """Keep a raw record, canonical JSON; gives its digest.

        Raises:
            PackError: the disk does not take it.
        """
        name = digest_of(data)
        if name not in self.raw:
            body = zlib.compress(data)
            (place,) = self.file.append((Kind.RAW, body))
            self.raw[name] = (place, len(body))
        return name

    def _append(self, kind: Kind, value: Json) -> None:
        self.file.append((kind, canonical(value)))

    # ------------------------------------------------------------ what a pack is made of

    def raw_lines(self, cited: frozenset[str]) -> bytes:
        """Give the raw records that the outcome cites, in the order of their digests.

        Raises:
            EvidenceError: one of them was never handed in.
        """
        if lost := cited - self.raw.keys():
            raise EvidenceError(f"evidence {min(lost)} was never handed in: nothing leads to it")
        return b"".join(
            zlib.decompress(self.file.read(*self.raw[each])) + b"\n" for each in sorted(cited)
        )

    @property
    def batches(self) -> Member:
        """What the manifest says of the batches of the run that was kept last."""
        return Member(self._hashed.hexdigest(), self._size)

    def batch_chunks(self) -> Iterator[bytes]:
        """Give the batches of the run that was kept last, as a pack holds them."""
        for each in self._section():
            if each.kind is Kind.BATCH:
                yield LENGTH.pack(len(each.body))
                yield each.body

    # ------------------------------------------------------------ what is left of a run

    def interrupted(self) -> RunRecord:
        """Give the run that the file holds last, as far as it got.

        Raises:
            PackError: no run was begun.
            EvidenceError: what it holds cannot be read.
        """
        if self.begun is None:
            raise PackError(
                f"{self.file.path}: holds no run: the scan ended before it began; delete it"
            )
        begun: dict[str, Any] = json.loads(zlib.decompress(self.begun.body))
        plan = self.forms.plan_from(canonical(begun["plan"]))
        carried = begun["carried"]
        return self.forms.put_together(
            self._acknowledged(
                plan,
                started=self.forms.codec.decode(datetime, begun["started"]),
                tool_version=str(begun["tool_version"]),
                carried=None
                if carried is None
                else self.forms.carried_from(canonical(carried), plan),
            )
        )

    def _acknowledged(
        self, plan: ScanPlan, *, started: datetime, tool_version: str, carried: Carried | None
    ) -> Acknowledged:
        observations: list[Observation] = []
        samples: list[ControlSample] = []
        place, checkpoint = -1, None
        codec = self.forms.codec
        for each in self._section():
            if each.kind is Kind.OBSERVATION:
                observations.append(codec.decode(Observation, json.loads(each.body)))
            elif each.kind is Kind.SAMPLE:
                samples.append(codec.decode(ControlSample, json.loads(each.body)))
            elif each.kind is Kind.CHECKPOINT:
                place, checkpoint = each.place, codec.decode(Checkpoint, json.loads(each.body))
        return Acknowledged(
            plan=plan,
            started=started,
            tool_version=tool_version,
            batches=self._told(place),
            observations=observations,
            samples=samples,
            checkpoint=checkpoint,
            carried=carried,
        )

    def _told(self, checkpoint: int) -> Iterator[tuple[OutcomeBatch, bool]]:
        """Give the batches, each with whether it came before the checkpoint at that place."""
        for each in self._section():
            if each.kind is Kind.BATCH:
                yield self.forms.batch_from(each.body), each.place < checkpoint

    def _section(self) -> Iterator[Frame]:
        """Give the frames of the last run, after its beginning."""
        if self.begun is not None:
            yield from self.file.frames(self.begun.place + len(self.begun.body))
