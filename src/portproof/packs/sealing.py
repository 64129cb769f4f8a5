"""The file itself: a zip with sorted names and fixed times, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from portproof.errors import PackError
from portproof.evidence.canonical import canonical
from portproof.evidence.pack import (
    BATCHES,
    MANIFEST,
    SIGNATURE,
    Manifest,
    Member,
    signed_bytes,
)
from portproof.packs.keys import SigningKey

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first instant that a zip file can name
_MODE: Final = 0o100600 << 16
_UNIX: Final = 3
_LEVEL: Final = 6


def member_of(data: bytes) -> Member:
    """Give what a manifest says of these bytes."""
    return Member(hashlib.sha256(data).hexdigest(), len(data))


def require_new(path: Path) -> None:
    """Let a path through at which a pack can be written, before hours are spent on what it holds.

    Raises:
        PackError: something is there already, or the folder is missing or not writable.
    """
    if path.exists() or path.is_symlink():
        raise PackError(f"{path}: is there already; a pack is never overwritten")
    if not path.parent.is_dir():
        raise PackError(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PackError(f"{path}: cannot be written: permission denied")


def seal(
    path: Path,
    manifest: Manifest,
    key: SigningKey,
    parts: Mapping[str, bytes],
    batches: Iterable[bytes],
) -> None:
    """Sign the manifest and write the pack; `batches` are the bytes of that member, in pieces.

    Whoever calls holds the lock of the pack's working file: what another that died left behind of
    this is nobody's.

    Raises:
        PackError: it cannot be written; then there is no such file.
    """
    signed = canonical(manifest.document())
    signature = key.sign(signed_bytes(signed)).encode()
    small = {**parts, MANIFEST: signed, SIGNATURE: signature}
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with unfinished.open("xb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name in sorted((*small, BATCHES)):
                    if name == BATCHES:
                        _stream(archive, batches, manifest.members[BATCHES].size)
                    else:
                        archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), small[name])
            file.flush()
            os.fsync(file.fileno())
        require_new(path)
        unfinished.rename(path)
    except OSError as failure:
        unfinished.unlink(missing_ok=True)
        raise PackError(f"{path}: cannot be written: {failure.strerror or failure}") from failure
    except BaseException:
        # Also after a second Ctrl-C: half a pack is nobody's run.
        unfinished.unlink(missing_ok=True)
        raise


def _stream(archive: zipfile.ZipFile, batches: Iterable[bytes], size: int) -> None:
    """Write the batches as they are: they are compressed already, and may be large."""
    entry = _entry(BATCHES, zipfile.ZIP_STORED)
    entry.file_size = size  # so that zipfile knows whether it takes zip64
    with archive.open(entry, "w") as member:
        for each in batches:
            member.write(each)


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = compression
    entry.create_system = _UNIX
    entry.external_attr = _MODE
    entry._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 - public from 3.13 on
    return entry
