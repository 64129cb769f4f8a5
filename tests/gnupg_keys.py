"""OpenPGP keys and X.509 certificates made for one test, in a GnuPG folder and a process of its own.

Signatures are dated in 2025 by GnuPG's own `--faked-system-time`, so that a key can have expired
before or after it signed, whatever the day is on which the test runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from git_repos import run

MADE = "20250101T000000"
SIGNED = "20250201T000000"


@dataclass(frozen=True)
class SigningKey:
    """What git signs with: a program that knows one key."""

    name: str
    """As `approvers.yaml` has it, `openpgp:…` or `x509:…`."""
    program: Path
    form: str

    @property
    def settings(self) -> list[str]:
        given = (
            f"gpg.format={self.form}",
            f"gpg.{self.form}.program={self.program}",
            f"user.signingkey={self.name.partition(':')[2]}",
        )
        return [part for each in given for part in ("-c", each)]


@dataclass(frozen=True)
class Gnupg:
    """A folder of keys."""

    home: Path

    def key(self, name: str, *, expires: str = "0", signs: str = SIGNED) -> SigningKey:
        """Make a key that its commits are signed with at one instant."""
        uid = f"{name}@example.com"
        self.gpg("--quick-generate-key", uid, "ed25519", "sign", expires, at=MADE)
        return self.signer(uid, signs)

    def signer(self, uid: str, signs: str = SIGNED) -> SigningKey:
        listed = self.gpg("--with-colons", "--list-keys", uid)
        found = re.search(r"^fpr:::::::::([0-9A-F]{40}):", listed, re.MULTILINE)
        assert found
        program = _script(
            self.home / f"sign-{found[1]}",
            f'exec gpg --homedir {self.home} --batch --faked-system-time {signs}! "$@"',
        )
        return SigningKey(f"openpgp:{found[1]}", program, "openpgp")

    def revocation(self, key: SigningKey) -> str:
        """Give the revocation that GnuPG wrote when the key was made."""
        made = self.home / "openpgp-revocs.d" / f"{_digits(key)}.rev"
        return made.read_text().replace(":-----BEGIN", "-----BEGIN")

    def lengthen(self, key: SigningKey) -> None:
        """Let a key go on for ever here; what was exported before does not know of it."""
        self.gpg("--quick-set-expire", _digits(key), "0", at="20250102T000000")

    def export(self, *keys: SigningKey) -> str:
        return self.gpg("--armor", "--export", *map(_digits, keys)) + "\n"

    def gpg(self, *arguments: str, at: str = "") -> str:
        when = ["--faked-system-time", f"{at}!"] if at else []
        quiet = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        return run(["gpg", "--homedir", str(self.home), *quiet, *when, *arguments], self.home)


@contextmanager
def gnupg() -> Iterator[Gnupg]:
    """Give a folder of keys; its agent is ended, and the folder gone, afterwards."""
    # Not below pytest's folder: the agent's socket has a short path.
    with TemporaryDirectory(prefix="pp-gnupg-") as folder:
        try:
            yield Gnupg(Path(folder))
        finally:
            run(["gpgconf", "--homedir", folder, "--kill", "gpg-agent"], Path(folder))


def certificate(folder: Path, name: str) -> tuple[SigningKey, Path]:
    """Make a certificate, and what signs with it: openssl, as gpgsm would want an agent."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-out", str(cert)]
    command += ["-days", "30", "-subj", f"/CN={name}", "-addext", "keyUsage=digitalSignature"]
    run(command, folder)
    told = run(["openssl", "x509", "-in", str(cert), "-noout", "-fingerprint", "-sha256"], folder)
    sign = f"openssl cms -sign -binary -signer {cert} -inkey {key} -outform PEM -md sha256"
    program = _script(
        folder / f"sign-{name}",
        'echo "[GNUPG:] SIG_CREATED D" >&2',
        f'{sign} 2>/dev/null | sed "s/CMS-----/SIGNED MESSAGE-----/"',
    )
    return SigningKey(f"x509:{told.partition('=')[2].replace(':', '')}", program, "x509"), cert


def _digits(key: SigningKey) -> str:
    return key.name.partition(":")[2]


def _script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o700)
    return path
