r"""Detached approvals: `approvals/<name>.json` and its signature `<name>.json.sig`.

The JSON (RFC 8785, so that its bytes are one thing everywhere) lists the entries with the digests of
their canonical content, the approver and the instant. The signature is OpenSSH's, namespace
`portproof-baseline`; a stranger verifies it without portproof::

    ssh-keygen -Y verify -f allowed_signers -I APPROVER -n portproof-baseline \
        -s NAME.json.sig < NAME.json

What the file says is believed only as far as the signature goes: a file that cannot be read, or
whose signature is not by the approver it names, approves nothing and says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from portproof.documents.shape import Shape
from portproof.documents.ssh_signatures import SshKeygen
from portproof.errors import ApprovalError
from portproof.evidence.canonical import canonical, digest_of
from portproof.model.approval import Claim, Means

NAMESPACE: Final = "portproof-baseline"
FOLDER: Final = "approvals"
SCHEMA: Final = "portproof.approval/1"
LARGEST: Final = 4 * 1024 * 1024
MOST_FILES: Final = 5_000
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class ApprovedShape(Shape):
    """One entry that the signature covers."""

    id: str
    digest: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class ApprovalFileShape(Shape):
    """What is signed."""

    schema_: Literal["portproof.approval/1"] = Field(alias="schema")
    scope: str
    approver: str
    at: str
    emergency: bool
    entries: list[ApprovedShape]


_ADAPTER: Final = TypeAdapter(ApprovalFileShape)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedApproval:
    """One file, read: a claim for each entry whose content it names."""

    claim: Claim
    digests: Mapping[str, str]
    """By entry id."""


def approval_bytes(
    scope: str, approver: str, at: datetime, digests: Mapping[str, str], *, emergency: bool
) -> bytes:
    """Give what an approver signs: canonical JSON; `at` is kept to the second, UTC."""
    return canonical(
        {
            "schema": SCHEMA,
            "scope": scope,
            "approver": approver,
            "at": at.astimezone(UTC).strftime(_TIME),
            "emergency": emergency,
            "entries": [{"id": name, "digest": digests[name]} for name in sorted(digests)],
        }
    )


def approval_name(content: bytes, digests: Mapping[str, str]) -> str:
    """Give the file's name: the entry and its digest, or how many and the digest of all."""
    if len(digests) == 1:
        ((name, digest),) = digests.items()
        # The instant is part of the bytes: a second approver of the same content has his own file.
        return f"{name}.{digest[:12]}.{digest_of(content)[:8]}.json"
    return f"{len(digests)}-entries.{digest_of(content)[:20]}.json"


def read_approvals(folder: Path, signers: str, scope: str) -> tuple[SignedApproval, ...]:
    """Read every approval of a folder; one that does not hold carries the reason.

    Raises:
        ApprovalError: a file cannot be read, there are too many, or ssh-keygen is missing.
    """
    if not folder.is_dir():
        return ()
    files = sorted(folder.glob("*.json"))
    if len(files) > MOST_FILES:
        raise ApprovalError(f"{folder}: {len(files):,} files; at most {MOST_FILES:,} are read")
    held = (_approval(each, signers, scope) for each in files)
    return tuple(each for each in held if each is not None)


def _approval(path: Path, signers: str, scope: str) -> SignedApproval | None:
    """Read one file; None when it is nothing that names entries.

    Raises:
        ApprovalError: it cannot be read: what it approves is not known, and must not be left unsaid.
    """
    beside = path.with_name(f"{path.name}.sig")
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        content = path.read_bytes()
        shape = _ADAPTER.validate_json(content)
        at = datetime.strptime(shape.at, _TIME).replace(tzinfo=UTC)
        signature = beside.read_bytes() if beside.is_file() else b""
    except OSError as failure:
        raise ApprovalError(f"{path.name} cannot be read: {failure.strerror}") from failure
    except (ValidationError, ValueError):
        return None
    refused, key = _why_refused(shape, scope, content), ""
    if not refused and not signature:
        refused = f"{beside.name} is missing"
    if not refused:
        try:
            key = SshKeygen().verify(
                content, signature, signers, principal=shape.approver, namespace=NAMESPACE
            )
        except ApprovalError as problem:
            refused = f"the signature {beside.name} is not verified: {problem}"
    claim = Claim(
        approver=shape.approver,
        key=key,
        means=Means.SIGNATURE,
        at=at,
        emergency=shape.emergency,
        reference=path.name,
        refused=refused,
    )
    return SignedApproval(claim=claim, digests={each.id: each.digest for each in shape.entries})


def _why_refused(shape: ApprovalFileShape, scope: str, content: bytes) -> str:
    if shape.scope != scope:
        return f"it is of the scope '{shape.scope}', not '{scope}'"
    plain = json.loads(content)
    return "" if canonical(plain) == content else "its bytes are not canonical JSON (RFC 8785)"
