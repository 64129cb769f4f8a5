r"""Reviews of the register: `reviews/<name>.json` and its signature `<name>.json.sig`.

The JSON (RFC 8785) lists the entries that were reviewed with the digests of their canonical content,
those that were left out and why, and what was unused. The signature is OpenSSH's, namespace
`portproof-review`; a stranger verifies it without portproof::

    ssh-keygen -Y verify -f allowed_signers -I REVIEWER -n portproof-review \
        -s NAME.json.sig < NAME.json

A record whose signature is missing, or is not over its bytes, is told and counts for nothing. One
that is signed by a key which is in no list of approvers is self-declared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from portproof.documents.shape import Chosen, Shape
from portproof.documents.ssh_signatures import SshKeygen, allowed_signers
from portproof.documents.text import printable
from portproof.errors import ApprovalError
from portproof.evidence.canonical import canonical, digest_of
from portproof.model.approval import Approvers
from portproof.model.review import EditorsKnownBy, ReviewRecord, SignedReview

NAMESPACE: Final = "portproof-review"
FOLDER: Final = "reviews"
SCHEMA: Final = "portproof.review/1"
LARGEST: Final = 4 * 1024 * 1024
MOST_FILES: Final = 1_000
"""Two a year are asked for (PCI DSS v4.0.1 §1.2.7)."""
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"

_Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class ReviewedShape(Shape):
    """One entry that was reviewed."""

    id: str
    digest: _Digest


class LeftOutShape(Shape):
    """One approved entry that was not, and why."""

    id: str
    because: str


class ReviewFileShape(Shape):
    """What is signed."""

    schema_: Literal["portproof.review/1"] = Field(alias="schema")
    scope: str
    reviewer: str
    at: str
    baseline: _Digest
    commit: str
    editors: Chosen[EditorsKnownBy]
    entries: list[ReviewedShape]
    left_out: list[LeftOutShape]
    unused: list[str]
    note: str


_ADAPTER: Final = TypeAdapter(ReviewFileShape)


@dataclass(frozen=True, slots=True)
class Reviews:
    """The reviews of one scope in a folder, newest first, and what could not be read as one."""

    signed: tuple[SignedReview, ...] = ()
    problems: tuple[str, ...] = ()
    """One sentence for each file that counts for nothing."""


def review_bytes(record: ReviewRecord) -> bytes:
    """Give what a reviewer signs: canonical JSON."""
    return canonical(
        {
            "schema": SCHEMA,
            "scope": record.scope,
            "reviewer": record.reviewer,
            "at": record.at.astimezone(UTC).strftime(_TIME),
            "baseline": record.baseline,
            "commit": record.commit,
            "editors": record.editors.value,
            "entries": [
                {"id": name, "digest": record.entries[name]} for name in sorted(record.entries)
            ],
            "left_out": [
                {"id": name, "because": record.left_out[name]} for name in sorted(record.left_out)
            ],
            "unused": tuple(sorted(record.unused)),
            "note": record.note,
        }
    )


def review_name(record: ReviewRecord, content: bytes) -> str:
    """Give the file's name: files in the order of their names are in the order of their times."""
    return f"{record.at.astimezone(UTC):%Y%m%dT%H%M%SZ}.{digest_of(content)[:12]}.json"


def read_reviews(folder: Path, approvers: Approvers, scope: str) -> Reviews:
    """Read every review of a scope in a folder, each with how far its signature goes.

    Raises:
        ApprovalError: the folder holds too many files.
    """
    if not folder.is_dir():
        return Reviews()
    files = sorted(folder.glob("*.json"), reverse=True)
    if len(files) > MOST_FILES:
        raise ApprovalError(f"{folder}: {len(files):,} files; at most {MOST_FILES:,} are read")
    signers = allowed_signers(approvers.approvers) if approvers.trusted else ""
    signed: list[SignedReview] = []
    problems: list[str] = []
    for path in files:
        try:
            review = _read(path, approvers, signers)
        except ApprovalError as problem:
            problems.append(f"{path}: {printable(str(problem))}; it counts for nothing")
            continue
        if review.record.scope == scope:
            signed.append(review)
        else:
            problems.append(f"{path}: is of another scope than {scope!r}; it counts for nothing")
    signed.sort(key=lambda each: each.record.at, reverse=True)
    return Reviews(tuple(signed), tuple(problems))


def _read(path: Path, approvers: Approvers, signers: str) -> SignedReview:
    """Read one review.

    Raises:
        ApprovalError: it is none, or its signature is not over its bytes.
    """
    content, signature = _contents(path)
    record = _record(content)
    key = _signing_key(content, signature)
    refused = ""
    if not approvers.trusted:
        refused = approvers.unsigned or "no list of approvers is configured"
    else:
        try:
            SshKeygen().verify(
                content, signature, signers, principal=record.reviewer, namespace=NAMESPACE
            )
        except ApprovalError:
            refused = f"the key {key} is none of {record.reviewer} in the list of approvers"
    return SignedReview(record=record, reference=path.name, key=key, refused=refused)


def _signing_key(content: bytes, signature: bytes) -> str:
    """Give the fingerprint of the key that signed, whoever it belongs to.

    Raises:
        ApprovalError: the signature is not over these bytes, or not one over a review.
    """
    try:
        return SshKeygen().signed_by(content, signature, NAMESPACE)
    except ApprovalError as problem:
        raise ApprovalError(f"its signature is not verified: {problem}") from None


def _contents(path: Path) -> tuple[bytes, bytes]:
    beside = path.with_name(f"{path.name}.sig")
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise ApprovalError("is no regular file, or larger than a review can be")
        if not beside.is_file():
            raise ApprovalError(f"its signature {beside.name} is missing")
        return path.read_bytes(), beside.read_bytes()
    except OSError as failure:
        raise ApprovalError(f"cannot be read: {failure.strerror or failure}") from failure


def _record(content: bytes) -> ReviewRecord:
    """Read what is signed.

    Raises:
        ApprovalError: it is no review, or its bytes are not canonical.
    """
    try:
        shape = _ADAPTER.validate_json(content)
        at = datetime.strptime(shape.at, _TIME).replace(tzinfo=UTC)
        if canonical(json.loads(content)) != content:
            raise ApprovalError("its bytes are not canonical JSON (RFC 8785)")
    except (ValidationError, ValueError) as fault:
        raise ApprovalError(f"is no review of schema {SCHEMA}: {_first(fault)}") from None
    return ReviewRecord(
        scope=shape.scope,
        reviewer=shape.reviewer,
        at=at,
        baseline=shape.baseline,
        commit=shape.commit,
        editors=shape.editors,
        entries={each.id: each.digest for each in shape.entries},
        left_out={each.id: each.because for each in shape.left_out},
        unused=tuple(shape.unused),
        note=shape.note,
    )


def _first(fault: ValidationError | ValueError) -> str:
    if isinstance(fault, ValidationError):
        error = fault.errors(include_url=False)[0]
        return f"{'.'.join(map(str, error['loc'])) or 'document'}: {error['msg']}"
    return str(fault)
