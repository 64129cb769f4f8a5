"""The private key of a vantage: an Ed25519 key in OpenSSH's own file format, without a passphrase.

`ssh-keygen -t ed25519` makes such files too. Like ssh, we refuse one that others may read: whoever
has it can write runs in the vantage's name.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from portproof.errors import PackError
from portproof.evidence.vantage_key import VantageKey

_LARGEST: Final = 65_536
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that can sign, and its public half."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> VantageKey:
        """What `vantages.yaml` holds of it."""
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VantageKey(raw)

    def sign(self, message: bytes) -> str:
        """Sign a message; gives the 64 bytes of the signature as lower-case hex."""
        return self.private.sign(message).hex()


def new_key(path: Path) -> SigningKey:
    """Make a key and write it to a new file that its owner alone can read.

    Raises:
        PackError: the file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError:
        raise PackError(f"{path}: is there already; a key is never overwritten") from None
    except OSError as failure:
        raise PackError(f"{path}: cannot be written: {failure.strerror or failure}") from failure
    return SigningKey(key)


def load_key(path: Path) -> SigningKey:
    """Read a private key.

    Raises:
        PackError: there is none, others may read it, or it is no Ed25519 key without a passphrase.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LARGEST)
    except OSError as failure:
        raise PackError(f"{path}: cannot be read: {failure.strerror or failure}") from failure
    if stat.S_IMODE(mode) & _OTHERS:
        raise PackError(f"{path}: others may read it (mode {stat.S_IMODE(mode):04o}); chmod 600 it")
    try:
        key = load_ssh_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise PackError(
            f"{path}: is no Ed25519 private key without a passphrase; "
            "`portproof keys new --out FILE` makes one"
        )
    return SigningKey(key)
