"""Leaves: what the append-only log consists of.

Every record that matters later (a run that began or ended, a finding's event, a refusal) is one
leaf: a small canonical JSON object. Large records are not copied into it; it carries their
SHA-256, and whoever has the record can check it::

    {"at":"2026-11-21T08:00:00.000000Z","body":{...},"kind":"run-begun",
     "schema":"portproof.leaf/1","seq":0}

The position (`seq`) is part of the bytes, so that a leaf says of itself where it belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from portproof.evidence.canonical import Json, canonical
from portproof.evidence.merkle import leaf_hash

SCHEMA: Final = "portproof.leaf/1"


class LeafKind(StrEnum):
    """What a leaf records; kinds are added and never renamed."""

    RUN_BEGUN = "run-begun"
    RUN_ENDED = "run-ended"
    RUN_INTERRUPTED = "run-interrupted"
    """Its process ended before it did; written by the next one to hold the store's lock."""
    EVALUATED = "evaluated"
    """A run was judged: the digest over all judgements, and how many deviate."""
    FINDING_EVENT = "finding-event"
    REFUSAL = "refusal"
    SOURCE_FETCHED = "source-fetched"
    """A target source was asked: what became of it, and the digest of what it listed."""
    SEGMENTATION_JUDGED = "segmentation-judged"
    """A segmentation matrix was judged: its digest, and how many cells are supported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One record of the log."""

    seq: int
    """Its position, from 0 without gaps."""
    kind: LeafKind
    at: str
    """When what it records happened, RFC 3339 in UTC; the order of the log is `seq`, not this."""
    body: Mapping[str, Json]

    def canonical(self) -> bytes:
        """Give the bytes that are hashed and stored.

        Raises:
            TypeError: the body holds a type without canonical form.
            EvidenceError: the body holds a number or text without canonical form.
        """
        return canonical(
            {
                "schema": SCHEMA,
                "seq": self.seq,
                "kind": self.kind,
                "at": self.at,
                "body": self.body,
            }
        )

    def hash(self) -> bytes:
        """Give the leaf hash of RFC 9162 §2.1.1.

        Raises:
            TypeError: as `canonical`.
            EvidenceError: as `canonical`.
        """
        return leaf_hash(self.canonical())
