"""The public key of a vantage: one line of OpenSSH's form, and what it says of a signature.

`ssh-ed25519 AAAA... comment` is what `portproof keys new` and `ssh-keygen -t ed25519` print, and what
`vantages.yaml` holds. Ed25519 (RFC 8032) alone: one algorithm, no parameters that could be chosen
badly. The blob is that of RFC 8709 §4, the fingerprint the one that `ssh-keygen -l` prints.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from typing import Final

ALGORITHM: Final = "ssh-ed25519"
SIGNATURE_BYTES: Final = 64
_KEY_BYTES: Final = 32
_LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class VantageKey:
    """One public key, by its 32 bytes."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and the base64 of the blob's digest, without padding."""
        digest = hashlib.sha256(self.blob()).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def line(self, comment: str = "") -> str:
        """Give the line that `vantages.yaml` takes under `key`."""
        text = f"{ALGORITHM} {base64.b64encode(self.blob()).decode()}"
        return f"{text} {comment}" if comment else text

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature over the message was made with the private half of this key."""
        # Every scan reads its vantage's key line, and hardly any checks a signature.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def blob(self) -> bytes:
        """Give the key as SSH writes it (RFC 8709 §4)."""
        parts = (ALGORITHM.encode(), self.raw)
        return b"".join(_LENGTH.pack(len(each)) + each for each in parts)


def vantage_key(line: str) -> VantageKey:
    """Read a public key from its line; a comment after it says nothing.

    Raises:
        ValueError: it is no Ed25519 public key; the message says what was expected.
    """
    kind, _, rest = line.strip().partition(" ")
    if kind != ALGORITHM:
        raise ValueError(
            f"expected a line '{ALGORITHM} AAAA...', as `portproof keys new` prints it"
        )
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except binascii.Error:
        raise ValueError("the key is no base64: copy the whole line") from None
    key = VantageKey(blob[-_KEY_BYTES:])
    # Writing it again is the strictest reading: every length, and nothing left over.
    if key.blob() != blob:
        raise ValueError("the key is cut off or damaged: copy the whole line")
    return key
