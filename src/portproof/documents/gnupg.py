"""OpenPGP and X.509 signatures, judged by GnuPG (gpg, gpgsm) with the customer's keys alone.

Keys are known by fingerprints that stand in the signed `approvers.yaml`; the keys themselves lie in
a file beside it. GnuPG reads that file once; every signature is then looked at in a folder of its own
with a copy of what it read: never the user's keyring, no agent, no network. Nobody's trust counts
but the list's: no web of trust, no certificate authority.

GnuPG's answer depends on the day (a key that has expired since speaks as it did when it signed), and
of a key that is both revoked and expired it tells only the latter. So of its answer only the
arithmetic is taken (who signed, when: GnuPG's doc/DETAILS, VALIDSIG), and what is known of the key
from its listing (doc/DETAILS, "Format of the colon listings").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from portproof.documents.bounded import run_bounded
from portproof.errors import ApprovalError
from portproof.model.approval import OPENPGP, X509

LARGEST_KEYRING: Final = 4 * 1024 * 1024
"""Bytes; some thousand keys."""
_BOX: Final = "pubring.kbx"
_CONFIGURATION: Final = {
    "gpg": (
        *("batch", "no-tty", "no-autostart", "no-auto-key-retrieve", "no-auto-key-locate"),
        *("disable-dirmngr", "trust-model always"),
    ),
    "gpgsm": ("batch", "no-autostart", "disable-crl-checks", "disable-dirmngr"),
}
_PREFIX: Final = {"gpg": OPENPGP, "gpgsm": X509}
_BROKEN_DIGESTS: Final = {"1": "MD5", "2": "SHA-1", "3": "RIPEMD-160"}
"""RFC 9580 §9.5; collisions can be had for the first two, and the third is no safer."""
_FIELDS: Final = 10
"""Of a VALIDSIG line, less the class of the signature and what follows it."""
_VERDICTS: Final = frozenset({"GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What the keyring says of a key, a subkey or a certificate."""

    name: str
    """As a list of approvers has it, `openpgp:…`: of a subkey its own."""
    primary: str
    """The same of the primary key; of a certificate its own."""
    revoked: bool
    expires: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySigned:
    """A signature whose arithmetic holds."""

    key: PublicKey
    at: datetime
    """When, as the signer's machine said."""
    expired: bool
    """Whether the signature itself was given an end that has come."""
    broken_digest: str
    """The name of the digest it was made over, where that is no longer safe; else empty."""

    @property
    def refused(self) -> str:
        """Why the key may not speak for it; empty when it may."""
        key = self.key
        if key.revoked:
            return f"the key {key.primary} is revoked"
        if key.expires is not None and self.at >= key.expires:
            end = f"{key.expires:%Y-%m-%dT%H:%M:%SZ}"
            return f"the key {key.primary} had expired {end}, before it signed"
        if self.expired:
            return "its signature has an end, which has come"
        if self.broken_digest:
            return f"its signature is over a {self.broken_digest} digest, which can be forged"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Public keys or certificates, as GnuPG has read them from one file."""

    program: str
    """`gpg` or `gpgsm`."""
    file: Path
    box: bytes
    """GnuPG's own form of them."""
    keys: Mapping[str, PublicKey]
    """By the fingerprint that GnuPG names when one of them signed (X.509: SHA-1)."""

    @contextmanager
    def home(self) -> Iterator[Path]:
        """Lay out a folder from which GnuPG takes these keys, and nothing else."""
        with _home(self.program) as folder:
            (folder / _BOX).write_bytes(self.box)
            yield folder

    def read_status(self, told: str) -> KeySigned:
        """Read what GnuPG told of one signature on its status lines.

        Raises:
            ApprovalError: the signature does not hold, or is by no key of these.
        """
        lines = [each.split() for each in told.split("\n") if each.startswith("[GNUPG:] ")]
        told_of = [each[1] for each in lines if len(each) > 1 and each[1] in _VERDICTS]
        valid = [each[2:] for each in lines if each[1:2] == ["VALIDSIG"] and len(each) > _FIELDS]
        if len(told_of) != 1:
            raise ApprovalError("it is not one signature" if told_of else "it cannot be read")
        if told_of[0] == "ERRSIG":
            raise ApprovalError(f"it is by no key that {self.file.name} holds")
        if told_of[0] == "BADSIG" or len(valid) != 1:
            raise ApprovalError("it is not over this content")
        fingerprint, _, at, _, _, _, _, digest, *_ = valid[0]
        key = self.keys.get(fingerprint)
        if key is None:
            raise ApprovalError(f"it is by no key that {self.file.name} holds")
        return KeySigned(
            key=key,
            at=_instant(at) or datetime.fromtimestamp(0, UTC),
            expired=told_of[0] == "EXPSIG",
            broken_digest=_BROKEN_DIGESTS.get(digest, ""),
        )


def read_keyring(program: str, file: Path) -> Keyring:
    """Read a file of public keys (`gpg --export`) or certificates (PEM) with `gpg` or `gpgsm`.

    Raises:
        ApprovalError: the program is not installed, or the file holds no key.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_KEYRING + 1)
    except OSError as failure:
        raise ApprovalError(f"{file} cannot be read: {failure.strerror}") from failure
    if len(content) > LARGEST_KEYRING:
        raise ApprovalError(f"{file} is larger than {LARGEST_KEYRING // 2**20} MiB")
    with _home(program) as folder:
        environment = {"GNUPGHOME": str(folder)}
        # Its exit code tells of more than what matters here: a secret key that it left alone, say.
        run_bounded([program, "--import"], given=content, environment=environment)
        listed = run_bounded([program, "--with-colons", "--list-keys"], environment=environment)
        keys = _keys(listed.out.decode(errors="replace").split("\n"), _PREFIX[program])
        if not keys:
            what = "certificate" if program == "gpgsm" else "OpenPGP public key"
            raise ApprovalError(f"{file} holds no {what} that {program} can read")
        return Keyring(program=program, file=file, box=(folder / _BOX).read_bytes(), keys=keys)


@contextmanager
def _home(program: str) -> Iterator[Path]:
    with TemporaryDirectory(prefix="portproof-") as name:
        folder = Path(name)
        text = "\n".join((*_CONFIGURATION[program], ""))
        (folder / f"{program}.conf").write_text(text, encoding="ascii")
        yield folder


def _keys(lines: Sequence[str], prefix: str) -> dict[str, PublicKey]:
    """Read a listing: each key's line is followed by that of its fingerprint, or of several."""
    found: dict[str, PublicKey] = {}
    known: PublicKey | None = None
    primary: PublicKey | None = None
    fingerprint = ""
    for line in lines:
        kind, *held = line.split(":")
        if kind in {"pub", "sub", "crt"}:
            primary = None if kind != "sub" else primary
            known = _listed(held)
        elif kind == "fpr" and known is not None:
            fingerprint = held[8]
            known, primary = _named(known, primary, prefix + fingerprint)
            found[fingerprint] = known
        elif kind == "fp2" and known is not None:  # gpgsm: the SHA-256 follows the SHA-1
            found[fingerprint] = replace(known, name=prefix + held[8], primary=prefix + held[8])
    return found


def _listed(held: Sequence[str]) -> PublicKey:
    return PublicKey(name="", primary="", revoked=held[0] == "r", expires=_instant(held[5]))


def _named(key: PublicKey, primary: PublicKey | None, name: str) -> tuple[PublicKey, PublicKey]:
    """Give a key its name, and what holds for its primary key; gives the primary one as well."""
    if primary is None:
        named = replace(key, name=name, primary=name)
        return named, named
    ends = [each for each in (key.expires, primary.expires) if each is not None]
    revoked = key.revoked or primary.revoked
    held = PublicKey(
        name=name, primary=primary.name, revoked=revoked, expires=min(ends, default=None)
    )
    return held, primary


def _instant(text: str) -> datetime | None:
    """Read a time as GnuPG writes it: seconds since 1970, or `20261121T163815`; None for none."""
    if re.fullmatch(r"[0-9]{1,11}", text):
        return datetime.fromtimestamp(int(text), UTC) if int(text) else None
    if re.fullmatch(r"[0-9]{8}T[0-9]{6}", text):
        return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return None
