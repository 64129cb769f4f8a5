"""How the parts of a run are written and read; the store's forms, handed in by bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from portproof.evidence.canonical import Json
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried
from portproof.model.scan import RunRecord, ScanPlan
from portproof.usecases.elsewhere import Acknowledged

T = TypeVar("T")


class Codec(Protocol):
    """Values of the model as JSON, and back."""

    def encode(self, kind: type[T], value: T) -> Json:
        """Give the JSON form of a value."""
        ...

    def decode(self, kind: type[T], value: Json) -> T:
        """Read a value back.

        Raises:
            EvidenceError: the JSON is not the form of such a value.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """Plans, outcomes and batches as documents and bytes, and back.

    Each reading function raises EvidenceError for bytes that are not what they must be.
    """

    plan_document: Callable[[ScanPlan], Json]
    plan_from: Callable[[bytes], ScanPlan]
    outcome_document: Callable[[RunRecord, str], Json]
    """Of a record, and of the digest of its plan's document."""
    outcome_from: Callable[[bytes, ScanPlan], RunRecord]
    carried_document: Callable[[Carried, ScanPlan], Json]
    """Of what the run of a plan takes over."""
    carried_from: Callable[[bytes, ScanPlan], Carried]
    evidence_of: Callable[[bytes], frozenset[str]]
    """The digests of the raw records that an outcome document cites."""
    batch_bytes: Callable[[OutcomeBatch], bytes]
    """Compressed with zlib."""
    batch_from: Callable[[bytes], OutcomeBatch]
    codec: Codec
    """For what is none of these: observations, control samples, checkpoints."""
    put_together: Callable[[Acknowledged], RunRecord]
    """The record of a run whose process died."""
