"""Who signed a commit: git hands the signature to ssh-keygen, gpg or gpgsm, with the approvers' keys.

git itself finds the signature and the bytes it is over (`git verify-commit`); which program it asks,
and which keys that program knows, is said here on the command line, so that neither the repository's
configuration nor the user's keys have a say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from portproof.documents.git_repository import Repository
from portproof.documents.gnupg import Keyring, read_keyring
from portproof.documents.ssh_signatures import allowed_signers
from portproof.errors import ApprovalError
from portproof.model.approval import Approvers, Signature

_ARMOR: Final = re.compile(rb"^gpgsig(?:-sha256)? -----BEGIN ([A-Z ]+)-----$", re.MULTILINE)
_SSH_GOOD: Final = re.compile(
    r'^Good "git" signature for (\S+) with \S+ key (SHA256:\S+)$', re.MULTILINE
)
_STRANGER: Final = "its signature is not by a key of the approvers list"


@dataclass(frozen=True, slots=True)
class _GnupgFormat:
    """A kind of signature that a program of GnuPG judges."""

    name: str
    """As people call it, and as git's settings do in lower case."""
    program: str
    where: str
    """The key of `approvers.yaml` that names the file of public keys."""


_OPENPGP: Final = _GnupgFormat("OpenPGP", "gpg", "keyring")
_X509: Final = _GnupgFormat("X.509", "gpgsm", "certificates")
_GNUPG: Final = {
    b"PGP SIGNATURE": _OPENPGP,
    b"PGP MESSAGE": _OPENPGP,
    b"SIGNED MESSAGE": _X509,
}


class CommitSignatures:
    """Verifies signatures of a repository's commits; see `contracts.SignatureCheck`."""

    def __init__(self, repository: Repository, approvers: Approvers) -> None:
        """Take the keys of the list; a list that is not trusted has none."""
        self._repository = repository
        self._approvers = approvers
        trusted = approvers.approvers if approvers.trusted else ()
        self._signers = allowed_signers(trusted)
        self._owners = {key: each.id for each in trusted for key in each.keys}
        self._known: dict[str, Signature] = {}
        self._keyrings: dict[str, Keyring | str] = {}
        """By program: what was read, or why it could not be."""

    def of_commit(self, commit: str) -> Signature:
        """Say by whose key a commit is signed, or why that is not known.

        Raises:
            ApprovalError: git fails.
        """
        if commit not in self._known:
            self._known[commit] = self._verified(commit)
        return self._known[commit]

    def _verified(self, commit: str) -> Signature:
        kind = _ARMOR.search(self._repository.headers(commit))
        if kind is None:
            return Signature(refused="it is not signed")
        if kind[1] == b"SSH SIGNATURE":
            return self._by_ssh(commit)
        form = _GNUPG.get(kind[1])
        if form is None:
            what = kind[1].decode().lower()
            return Signature(refused=f"its signature ({what}) is of no kind that is verified")
        return self._by_gnupg(commit, form)

    def _by_ssh(self, commit: str) -> Signature:
        with TemporaryDirectory(prefix="portproof-") as folder:
            allowed = Path(folder) / "allowed_signers"
            allowed.write_text(self._signers, encoding="utf-8")
            setting = f"gpg.ssh.allowedSignersFile={allowed}"
            done = self._repository.verify(commit, setting, "gpg.ssh.program=ssh-keygen")
        good = _SSH_GOOD.findall(done.err)
        if done.code or len(good) != 1:
            return Signature(refused=_STRANGER)
        return Signature(principal=good[0][0], key=good[0][1])

    def _by_gnupg(self, commit: str, form: _GnupgFormat) -> Signature:
        keyring = self._keyring(form)
        if isinstance(keyring, str):
            told = f"its signature ({form.name}) is not verified: {keyring}"
            return Signature(refused=told)
        setting = f"gpg.{form.name.lower().replace('.', '')}.program={form.program}"
        with keyring.home() as home:
            done = self._repository.verify(commit, setting, home=home)
        try:
            signed = keyring.read_status(done.err)
        except ApprovalError as problem:
            return Signature(refused=f"its signature ({form.name}) is not verified: {problem}")
        if signed.refused:
            return Signature(refused=signed.refused)
        owner = self._owners.get(signed.key.primary) or self._owners.get(signed.key.name)
        if owner is None:
            return Signature(refused=f"{_STRANGER}, but by {signed.key.primary}")
        return Signature(principal=owner, key=signed.key.primary)

    def _keyring(self, form: _GnupgFormat) -> Keyring | str:
        if form.program not in self._keyrings:
            self._keyrings[form.program] = self._read(form)
        return self._keyrings[form.program]

    def _read(self, form: _GnupgFormat) -> Keyring | str:
        held = self._approvers
        if not held.trusted:
            return held.unsigned or "no list of approvers is configured"
        file = held.keyring if form is _OPENPGP else held.certificates
        if file is None:
            return f"{Path(held.file).name} names no file of keys for it ({form.where})"
        try:
            return read_keyring(form.program, file)
        except ApprovalError as problem:
            return str(problem)
