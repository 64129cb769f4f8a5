"""A pack: one run in one file, from a vantage without a database. The parts that need no I/O.

::

    run.pack (zip) ─┬─ manifest.json   what is in here, by digest; where, when, under which authority
                    ├─ manifest.sig    Ed25519 over the manifest, by the vantage's key (128 hex digits)
                    ├─ plan.json       the plan, as the store keeps it
                    ├─ outcome.json    the run's record, as the store keeps it
                    ├─ raw.jsonl       raw records, canonical JSON, one a line, by digest
                    └─ batches.bin     outcomes with their instants, as a scan's journal keeps them

The manifest is canonical JSON, so a pack has one digest: that of the manifest, which holds the
digests of all the rest. What is signed is `_CONTEXT` and the manifest: a signature made for another
purpose is none here. Nothing of a pack is believed before the signature and the digests hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from portproof.errors import EvidenceError, PackError
from portproof.evidence.canonical import Json, canonical

SCHEMA: Final = "portproof.pack/1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
PLAN: Final = "plan.json"
OUTCOME: Final = "outcome.json"
RAW: Final = "raw.jsonl"
BATCHES: Final = "batches.bin"

CONTENTS: Final = (BATCHES, OUTCOME, PLAN, RAW)
"""What the manifest lists, in the order in which it stands in the file."""
MEMBERS: Final = tuple(sorted((MANIFEST, SIGNATURE, *CONTENTS)))

_MIB: Final = 1 << 20
MOST_BYTES: Final[Mapping[str, int]] = {
    MANIFEST: _MIB,
    SIGNATURE: 128,
    PLAN: 256 * _MIB,
    OUTCOME: 512 * _MIB,
    RAW: 512 * _MIB,
    BATCHES: 1536 * _MIB,
}
"""What each member may hold, in bytes; together less than a zip file's 4 GiB."""
MOST_ENDPOINTS: Final = 100_000_000
"""Endpoints that a run in a pack may have, so that its batches stay within their bound."""

_CONTEXT: Final = b"portproof-pack\x00"
_DIGEST_DIGITS: Final = 2 * hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Member:
    """What the manifest says of one member: SHA-256 in lower-case hex, and bytes uncompressed."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a pack says of itself."""

    run: str
    vantage: str
    """Id of the vantage that made it, whose key has signed."""
    zone: str
    authorisation: str
    """SHA-256 of the authorisation's document at the vantage."""
    tool_version: str
    status: str
    started: datetime
    finished: datetime
    sealed: datetime
    """When the pack was written, by the vantage's wall clock."""
    clock_source: str
    clock_synchronised: bool | None
    """None where the vantage could not tell."""
    clock_stepped_ms: int
    """How far the wall clock moved against the monotonic one during the run; negative: back."""
    key: str
    """Fingerprint of the key that signed."""
    members: Mapping[str, Member]

    def document(self) -> Json:
        """Give it as what is signed, once it is canonical."""
        times = {name: _text(getattr(self, name)) for name in _TIMES}
        members = {
            name: {"sha256": each.sha256, "size": each.size} for name, each in self.members.items()
        }
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {"schema": SCHEMA, **plain, **times, "members": members}


_TIMES: Final = ("started", "finished", "sealed")
_TEXTS: Final = (
    "run",
    "vantage",
    "zone",
    "authorisation",
    "tool_version",
    "status",
    "clock_source",
    "key",
)
_PLAIN: Final = (*_TEXTS, "clock_synchronised", "clock_stepped_ms")


def signed_bytes(manifest: bytes) -> bytes:
    """Give what the signature of a pack covers."""
    return _CONTEXT + manifest


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest from its bytes.

    Raises:
        PackError: it is none, of another schema, or not in the one form that it has.
    """
    document = _document(data)
    expected = {"schema", "members", *_PLAIN, *_TIMES}
    if document.get("schema") != SCHEMA:
        raise PackError(
            f"{MANIFEST}: its schema is {document.get('schema')!r}, this portproof reads {SCHEMA!r}"
        )
    if document.keys() != expected:
        wrong = ", ".join(sorted(map(str, document.keys() ^ expected)))
        raise PackError(f"{MANIFEST}: missing or unknown: {wrong}")
    try:
        return _manifest(document)
    except (ValueError, TypeError, LookupError, AttributeError) as fault:
        raise PackError(f"{MANIFEST}: cannot be read: {fault}") from fault


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
        same = canonical(document) == data
    except (ValueError, TypeError, EvidenceError, RecursionError) as fault:
        raise PackError(f"{MANIFEST}: is no canonical JSON: {fault}") from fault
    if not same or not isinstance(document, dict):
        # Two readers could see two things in it: a repeated key, another spelling of a number.
        raise PackError(f"{MANIFEST}: is not in its one canonical form")
    return document


def _manifest(document: dict[str, Any]) -> Manifest:
    members = {
        name: Member(_digest(each["sha256"]), _size(each["size"]))
        for name, each in document["members"].items()
    }
    if members.keys() != set(CONTENTS):
        raise ValueError(f"it lists {', '.join(sorted(members))}, not {', '.join(CONTENTS)}")
    synchronised = document["clock_synchronised"]
    if synchronised is not None and not isinstance(synchronised, bool):
        raise ValueError("clock_synchronised is true, false or null")
    named: dict[str, Any] = {name: _string(document[name]) for name in _TEXTS}
    named |= {name: _instant(document[name]) for name in _TIMES}
    return Manifest(
        **named,
        clock_synchronised=synchronised,
        clock_stepped_ms=_whole(document["clock_stepped_ms"]),
        members=members,
    )


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r}")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a whole number, found {value!r}")
    return value


def _size(value: object) -> int:
    if _whole(value) < 0:
        raise ValueError(f"a size is not {value}")
    return _whole(value)


def _digest(value: object) -> str:
    text = _string(value)
    if len(text) != _DIGEST_DIGITS or text.strip("0123456789abcdef"):
        raise ValueError(f"{text!r} is no SHA-256")
    return text


def _instant(value: object) -> datetime:
    text = _string(value)
    at = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    if _text(at) != text:
        raise ValueError(f"{text!r} is no time in UTC with microseconds")
    return at


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
