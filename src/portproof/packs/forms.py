"""How the parts of a run are written and read; the store's forms, handed in by bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portproof.evidence.canonical import Json
from portproof.model.batch import OutcomeBatch
from portproof.model.scan import RunRecord, ScanPlan


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
    evidence_of: Callable[[bytes], frozenset[str]]
    """The digests of the raw records that an outcome document cites."""
    batch_bytes: Callable[[OutcomeBatch], bytes]
    """Compressed with zlib."""
    batch_from: Callable[[bytes], OutcomeBatch]
