"""`approvers.yaml`: who may approve which zones, until when, with which keys; and who is whom.

The list is signed as a whole (`approvers.yaml.sig`, OpenSSH's SSHSIG, namespace
`portproof-approvers`) by a key that the configuration names. Whoever could write an unsigned list
could make everybody an approver, so an unsigned one entitles nobody; its aliases still hold, as
they can only make more people the same.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from portproof.documents.reading import Reading
from portproof.documents.shape import From, Id, OneOrMore, Parsed, Shape, Until, Words, refuse
from portproof.documents.ssh_signatures import PRINCIPAL, PUBLIC_KEY, SshKeygen
from portproof.documents.text import LARGEST
from portproof.documents.wording import found
from portproof.errors import ApprovalError
from portproof.evidence.canonical import digest_of
from portproof.model.approval import OPENPGP, X509, ApprovalSettings, Approver, Approvers

NAMESPACE: Final = "portproof-approvers"
_SIGNER: Final = "approvers-list"
_DIGITS: Final = {OPENPGP: 40, X509: 64}
_FILES: Final = {OPENPGP: "keyring", X509: "certificates"}
"""The key that names the file in which the keys lie of which the list has fingerprints."""


def _principal(value: object) -> str:
    if not isinstance(value, str) or not PRINCIPAL.fullmatch(value):
        problem = f"expected an e-mail address or a role without spaces, found {found(value)}"
        raise refuse(problem)
    return value


def _key(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith((OPENPGP, X509)):
        return _fingerprint(text)
    matched = PUBLIC_KEY.fullmatch(text)
    if matched is None:
        raise refuse(
            "expected an OpenSSH public key, as in ~/.ssh/id_ed25519.pub, or a fingerprint: "
            f"{OPENPGP}<40 hex digits> or {X509}<64 hex digits, SHA-256>"
        )
    return f"{matched[1]} {matched[2]}"


def _fingerprint(text: str) -> str:
    """Give a fingerprint as GnuPG has it: people copy it with spaces or colons in it."""
    kind, _, written = text.partition(":")
    digits = re.sub(r"[ :]", "", written).upper()
    needed = _DIGITS[f"{kind}:"]
    if not re.fullmatch(f"[0-9A-F]{{{needed}}}", digits):
        raise refuse(f"expected {needed} hex digits after {kind}:, the whole fingerprint")
    return f"{kind}:{digits}"


_TEXT: Final = {"type": "string"}


class ApproverShape(Shape):
    """Somebody entitled to approve."""

    id: Annotated[str, Parsed(_principal, _TEXT)]
    """The name under which signatures are verified: an e-mail address or a role, without spaces."""
    aliases: OneOrMore[Words] | None = None
    """Other names of the same person: in commits, in the baseline."""
    keys: OneOrMore[Annotated[str, Parsed(_key, _TEXT)]] | None = None
    """OpenSSH public keys; for signed commits also the fingerprints `openpgp:<40 hex digits>` and
    `x509:<SHA-256, 64 hex digits>`. Without one, approvals stay self-declared."""
    zones: OneOrMore[Id] | None = None
    """The target zones that he or she may approve entries towards; left out: all."""
    begins: From | None = None
    """A bare date is 00:00 UTC of that day."""
    ends: Until | None = None
    """A bare date counts to the end of that day, UTC."""


class ApproversShape(Shape):
    """Who may approve, and who is whom."""

    model_config = ConfigDict(title="portproof approvers")

    schema_: Literal["portproof.approvers/1"] = Field("portproof.approvers/1", alias="schema")
    approvals: Literal["verified", "any"] = "any"
    """`verified`: an approval that nothing but a name speaks for is a deviation; `any`: it is
    flagged in the report."""
    ticket_pattern: Words | None = None
    """A regular expression that finds a change reference in a ticket field or a commit message."""
    keyring: Words | None = None
    """Path of a file with the OpenPGP public keys (`gpg --export`) that fingerprints stand for."""
    certificates: Words | None = None
    """Path of a file with the X.509 certificates (PEM) that fingerprints stand for."""
    approvers: list[ApproverShape]
    people: dict[str, OneOrMore[Words]] | None = None
    """Other names of people who approve nothing: `web-team@example.com: [Web team, webteam]`."""


class ApprovalsShape(Shape):
    """The section `approvals` of `portproof.yaml`: how it is verified who approved what."""

    approvers: Words
    """Path of the list of approvers; paths are relative to this file."""
    list_key: Words | None = None
    """Path of the public key that must have signed the list."""
    folder: Words | None = None
    """Where detached approvals lie; left out: approvals beside the baseline."""


def approvals_of(shape: ApprovalsShape | None, folder: Path) -> ApprovalSettings | None:
    """Give the section with its paths resolved against the folder of the configuration."""
    if shape is None:
        return None
    return ApprovalSettings(
        approvers=folder / shape.approvers,
        list_key=None if shape.list_key is None else folder / shape.list_key,
        folder=None if shape.folder is None else folder / shape.folder,
    )


def load_approvers(path: Path, *, key: Path | None) -> Approvers:
    """Read the list, and verify its signature by the key; without one it counts as unsigned.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    reading.unique("approvers", "id", "approver")
    document = reading.shape(ApproversShape)
    _check_names(reading, document)
    _check_keys(reading, document)
    _check_pattern(reading, document)
    files = _key_files(reading, document)
    reading.finish()
    return Approvers(
        approvers=tuple(map(_approver, document.approvers)),
        aliases={
            other: person for person, names in (document.people or {}).items() for other in names
        },
        verified_only=document.approvals == "verified",
        ticket_pattern=document.ticket_pattern or "",
        file=str(path),
        digest=reading.digest,
        unsigned=_why_unsigned(path, key, reading.digest),
        keyring=files[OPENPGP],
        certificates=files[X509],
    )


def _approver(shape: ApproverShape) -> Approver:
    return Approver(
        id=shape.id,
        aliases=tuple(shape.aliases or ()),
        keys=tuple(shape.keys or ()),
        zones=None if shape.zones is None else tuple(shape.zones),
        begins=shape.begins,
        ends=shape.ends,
    )


def _check_names(reading: Reading, document: ApproversShape) -> None:
    """Record a fault for each name that would be two people's."""
    owners: dict[str, str] = {}
    for position, each in enumerate(document.approvers):
        if each.begins and each.ends and each.ends <= each.begins:
            reading.fault(("approvers", position, "ends"), "ends before it begins")
        for name in (each.id, *(each.aliases or ())):
            if owners.setdefault(name.casefold(), each.id) != each.id:
                problem = f"'{name}' is a name of {owners[name.casefold()]} already"
                reading.fault(("approvers", position, "aliases"), problem)
    for person, names in (document.people or {}).items():
        for name in names:
            if owners.setdefault(name.casefold(), person) != person:
                problem = f"'{name}' is a name of {owners[name.casefold()]} already"
                reading.fault(("people", person), problem)


def _check_keys(reading: Reading, document: ApproversShape) -> None:
    """Record a fault for each key that two people have: it could not tell who signed."""
    owners: dict[str, str] = {}
    for position, each in enumerate(document.approvers):
        for place, key in enumerate(each.keys or ()):
            if owners.setdefault(key, each.id) != each.id:
                problem = f"this key is {owners[key]}'s already; each has a key of his or her own"
                reading.fault(("approvers", position, "keys", place), problem)


def _key_files(reading: Reading, document: ApproversShape) -> dict[str, Path | None]:
    """Give the files that hold the keys; a fault where fingerprints have no file, or it is not there."""
    folder = Path(reading.file).parent
    named = {OPENPGP: document.keyring, X509: document.certificates}
    found = {kind: folder / name if name else None for kind, name in named.items()}
    for kind, file in found.items():
        if file is not None and not file.is_file():
            reading.fault((_FILES[kind],), f"{file} is no file")
    for position, each in enumerate(document.approvers):
        for place, key in enumerate(each.keys or ()):
            needed = next((_FILES[kind] for kind in found if key.startswith(kind)), "")
            if needed and not reading.wrote((), needed):
                problem = f"needs the key '{needed}' in this file: where the public key lies"
                reading.fault(("approvers", position, "keys", place), problem)
    return found


def _check_pattern(reading: Reading, document: ApproversShape) -> None:
    try:
        re.compile(document.ticket_pattern or "")
    except (re.error, OverflowError, RecursionError) as error:
        reading.fault(("ticket_pattern",), f"is no regular expression: {error}")


def _why_unsigned(path: Path, key: Path | None, read: str) -> str:
    """Say why the signature over the bytes that were `read` is not verified; empty when it is."""
    if key is None:
        return f"no key is configured that must have signed {path.name} (approvals: list_key)"
    beside = path.with_name(f"{path.name}.sig")
    if not beside.is_file():
        how = f"ssh-keygen -Y sign -n {NAMESPACE} -f KEY {path.name}"
        return f"{path.name} is not signed; its owner runs: {how}"
    if beside.stat().st_size > LARGEST:
        return f"{beside.name} is too large to be a signature"
    try:
        _verify_list(path, beside, key, read)
    except ApprovalError as refused:
        return str(refused)
    except OSError as failure:
        return f"{beside.name} cannot be read: {failure.strerror}"
    return ""


def _verify_list(path: Path, beside: Path, key: Path, read: str) -> None:
    """Verify that the bytes of the list that were `read` (SHA-256) are signed by the key.

    Raises:
        ApprovalError: they are not, or are not those of the file now.
        OSError: a file cannot be read.
    """
    content = path.read_bytes()
    if digest_of(content) != read:
        raise ApprovalError(f"{path.name} was written to while it was read")
    ssh = SshKeygen()
    try:
        signers = f"{_SIGNER} {ssh.public_key(key)}\n"
        ssh.verify(content, beside.read_bytes(), signers, principal=_SIGNER, namespace=NAMESPACE)
    except ApprovalError as refused:
        problem = f"the signature {beside.name} is not by the configured key: {refused}"
        raise ApprovalError(problem) from None
