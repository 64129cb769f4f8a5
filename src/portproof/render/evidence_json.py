"""`evidence.json`, written and read: the source of truth that every other format is drawn from.

It is written in canonical form (RFC 8785), so that its SHA-256 says the same to everyone who has
the same document. Reading is strict: a missing, unknown or mistyped field is an error with its
place, because a report that silently ignores a field would claim less, or more, than was measured.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter, ValidationError

from portproof.errors import EvidenceError, RenderError
from portproof.evidence.canonical import canonical
from portproof.model.evidence import SCHEMA, EvidenceDocument

FILE_NAME: Final = "evidence.json"

Place: TypeAlias = tuple[str | int, ...]
"""A path into the document: keys and indexes, from the root."""


def evidence_bytes(document: EvidenceDocument) -> bytes:
    """Give the document in canonical JSON: what is written, attached to the PDF, and digested.

    Raises:
        EvidenceError: a text is not Unicode, or a number too large for JSON.
    """
    return canonical(asdict(document))


def evidence_digest(document: EvidenceDocument) -> str:
    """Give the SHA-256 of the canonical document, lower-case hex."""
    return hashlib.sha256(evidence_bytes(document)).hexdigest()


def write_evidence(document: EvidenceDocument, path: Path) -> str:
    """Write the document, whole or not at all; gives the SHA-256 of the file, lower-case hex.

    Raises:
        RenderError: the file cannot be written.
        EvidenceError: a text is not Unicode, or a number too large for JSON.
    """
    content = evidence_bytes(document)
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Raises:
        RenderError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise RenderError(f"cannot write {path}: {error.strerror or error}") from error


def read_evidence(path: Path) -> EvidenceDocument:
    """Read a document back.

    Raises:
        EvidenceError: it cannot be read, is not JSON, is of another schema version, or a field is
            missing, unknown or of the wrong type (named by its path, `$.report.id`).
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"cannot read {path}: {error.strerror or error}") from error
    plain = _parsed(path, content)
    _check_version(path, plain)
    try:
        document = _adapter().validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise EvidenceError(f"{path}: {_json_path(first['loc'])}: {first['msg']}") from error
    unknown = _unknown_field(plain, asdict(document))
    if unknown is not None:
        raise EvidenceError(
            f"{path}: {_json_path(unknown)}: this version of portproof knows no such field"
        )
    return document


@cache
def _adapter() -> TypeAdapter[EvidenceDocument]:
    # Built on first use: it takes tens of milliseconds that `--help` need not pay.
    return TypeAdapter(EvidenceDocument)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content.decode(), object_pairs_hook=_without_duplicates)
    except UnicodeDecodeError as error:
        raise EvidenceError(f"{path}: not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise EvidenceError(
            f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}"
        ) from error
    except RecursionError as error:
        raise EvidenceError(f"{path}: nested too deeply to be an evidence document") from error
    except ValueError as error:
        raise EvidenceError(f"{path}: {error}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 8259 §4 leaves duplicates open; two readers could then see two different documents.
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return members


def _check_version(path: Path, plain: Any) -> None:
    version = plain.get("schema") if isinstance(plain, dict) else None
    if version is None:
        raise EvidenceError(
            f"{path}: not an evidence document: it has no $.schema (expected {SCHEMA!r})"
        )
    if version != SCHEMA:
        raise EvidenceError(
            f"{path}: $.schema is {version!r}, this version of portproof reads {SCHEMA!r}"
        )


def _unknown_field(given: Any, kept: Any, place: Place = ()) -> Place | None:
    """Find the first field of the file that the types did not keep; None when all were kept."""
    if isinstance(given, dict):
        members = list(given.items())
    elif isinstance(given, list):
        members = list(enumerate(given))
    else:
        return None
    for step, value in members:
        here = (*place, step)
        if isinstance(given, dict) and step not in kept:
            return here
        found = _unknown_field(value, kept[step], here)
        if found is not None:
            return found
    return None


def _json_path(place: Place) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
