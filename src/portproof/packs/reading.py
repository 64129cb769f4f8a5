"""Reading a pack that somebody handed us: hostile until proved otherwise.

    structure and sizes ─► signature ─► digests ─► contents

First the zip's directory alone: the names that a pack has and no others, no links, nothing twice,
sizes and their sum bounded, no member that unpacks to hundreds of times its size. What is read is
counted against the declared size as it comes, so that a directory that lies gains nothing. Nothing
is ever written to a path that a pack names.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from portproof.errors import EvidenceError, PackError
from portproof.evidence.canonical import canonical, digest_of
from portproof.evidence.pack import (
    BATCHES,
    CONTENTS,
    MANIFEST,
    MEMBERS,
    MOST_BYTES,
    OUTCOME,
    PLAN,
    RAW,
    SIGNATURE,
    Manifest,
    Member,
    read_manifest,
    signed_bytes,
)
from portproof.evidence.vantage_key import vantage_key
from portproof.model.batch import OutcomeBatch
from portproof.model.scan import RunRecord
from portproof.packs.forms import Forms
from portproof.packs.spool import LENGTH
from portproof.usecases.elsewhere import Origin, PackedRun

_MIB: Final = 1 << 20
MOST_RATIO: Final = 400
"""JSON of a large run packs 40 to 1; deflate's most is 1032 to 1."""
_UNSUSPICIOUS: Final = _MIB
"""Members up to this size may have any ratio: a bomb of a megabyte hurts nobody."""
_LARGEST_BATCH: Final = 64 * _MIB
_CHUNK: Final = _MIB
_UNREADABLE: Final = (
    EvidenceError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading documents may come to whose author had the key, and wrote nonsense."""
_LATE_MS: Final = 5_000
"""How much later than the run's end a probe of it may have left: a clock's slack."""

# APPNOTE.TXT §4.3.16 and §4.3.15: the end record, with a comment of 65 535 bytes at most.
_END: Final = b"PK\x05\x06"
_END_WITHIN: Final = 65_535 + 22 + 20
_LARGE_END: Final = b"PK\x06\x07"
_LARGE_END_BYTES: Final = 20
_MOST_DIRECTORY: Final = 65_536
_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1


@contextmanager
def open_pack(path: Path, forms: Forms) -> Iterator[Pack]:
    """Open a pack for as long as the block lasts.

    Raises:
        PackError: there is none, or its structure is not that of a pack.
    """
    try:
        file = path.open("rb")
    except OSError as failure:
        raise PackError(f"{path}: cannot be read: {failure.strerror or failure}") from failure
    with file:
        with _told(path):
            _require_few(file)
            archive = zipfile.ZipFile(file)
            _require_sound(archive)
            pack = Pack(path, archive, forms)
        with archive:
            yield pack


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of every fault of a pack which file has it."""
    try:
        yield
    except PackError as fault:
        raise PackError(f"{path}: {fault}") from fault
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as fault:
        raise PackError(f"{path}: is no pack, or a damaged one: {fault}") from fault


class Pack:
    """A pack whose structure is sound; a `usecases.elsewhere.SealedPack`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, forms: Forms) -> None:
        self.path = path
        self._archive = archive
        self._forms = forms
        self._signed = self._read(MANIFEST)
        self.manifest: Manifest = read_manifest(self._signed)
        self.digest: str = digest_of(self._signed)

    def origin(self, key: str, at: datetime) -> Origin:
        """Check the signature with a public key's line; gives what the log shall keep of it.

        Raises:
            PackError: the key is none, or did not sign this manifest.
        """
        with _told(self.path):
            return self._origin(key, at)

    def _origin(self, key: str, at: datetime) -> Origin:
        text = self._read(SIGNATURE)
        try:
            public, signature = vantage_key(key), bytes.fromhex(text.decode("ascii"))
        except ValueError as fault:
            raise PackError(f"{SIGNATURE}: cannot be checked: {fault}") from fault
        if not public.has_signed(signed_bytes(self._signed), signature):
            raise PackError(
                f"it is not signed with the key of vantage {self.manifest.vantage} "
                f"({public.fingerprint}), or was changed since; nothing of it is believed"
            )
        return Origin(
            manifest=self._signed, signature=signature.hex(), key=public.fingerprint, at=at
        )

    def run(self) -> PackedRun:
        """Check each member against the manifest, and read the run.

        Raises:
            PackError: a member is not what the manifest says, or cannot be read.
        """
        with _told(self.path):
            for name in CONTENTS:
                self._require_listed(name)
            return self._run()

    def _run(self) -> PackedRun:
        try:
            plan_bytes, outcome_bytes = self._read(PLAN), self._read(OUTCOME)
            plan = self._forms.plan_from(plan_bytes)
            record = self._forms.outcome_from(outcome_bytes, plan)
            self._require_same_bytes(record, plan_bytes, outcome_bytes)
            cited = self._forms.evidence_of(outcome_bytes)
        except _UNREADABLE as fault:
            raise PackError(f"its run cannot be read: {fault}") from fault
        return PackedRun(
            record=record,
            raw=tuple(_raw_lines(self._read(RAW), cited)),
            batches=self._batches(record),
        )

    def _require_listed(self, name: str) -> None:
        """Compare a member with what the manifest says of it, without keeping its bytes."""
        hashed, size = hashlib.sha256(), 0
        for chunk in self._chunks(name):
            hashed.update(chunk)
            size += len(chunk)
        if Member(hashed.hexdigest(), size) != self.manifest.members[name]:
            raise PackError(f"{name} is not what the manifest says: it was changed")

    def _require_same_bytes(self, record: RunRecord, plan: bytes, outcome: bytes) -> None:
        """Refuse documents that the store would write in another way: their digests would differ."""
        if canonical(self._forms.plan_document(record.plan)) != plan:
            raise PackError(f"{PLAN} is not in the form that this portproof writes")
        written = canonical(self._forms.outcome_document(record, digest_of(plan)))
        if written != outcome:
            raise PackError(
                f"{OUTCOME} is of another plan, or not in the form that is written here"
            )

    def _batches(self, record: RunRecord) -> Iterator[OutcomeBatch]:
        """Read the batches one after the other.

        Raises:
            PackError: one is damaged, or tells of a time after the run.
        """
        with _told(self.path), self._archive.open(BATCHES) as member:
            while head := _exactly(member, LENGTH.size):
                (length,) = LENGTH.unpack(head)
                body = _exactly(member, length) if length <= _LARGEST_BATCH else b""
                _require_small(body)
                try:
                    batch = self._forms.batch_from(body)
                except EvidenceError as fault:
                    raise PackError(f"{BATCHES}: {fault}") from fault
                if len(batch) and int(batch.sent_ms.max()) > record.duration_ms + _LATE_MS:
                    raise PackError(f"{BATCHES}: a probe left after the run had ended")
                yield batch

    def _read(self, name: str) -> bytes:
        return b"".join(self._chunks(name))

    def _chunks(self, name: str) -> Iterator[bytes]:
        with self._archive.open(name) as member:
            left = self._archive.getinfo(name).file_size
            while chunk := member.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise PackError(f"{name} is larger than it says")
                yield chunk


def _require_few(file: IO[bytes]) -> None:
    """Look at the end record of the zip, before a directory of millions is read into memory.

    Raises:
        PackError: it lists more than a pack has, or is of the kind for archives above 4 GiB.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_WITHIN))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise PackError("is no pack: it is no zip file")
    if at >= _LARGE_END_BYTES and tail.startswith(_LARGE_END, at - _LARGE_END_BYTES):
        raise PackError("is no pack: it is a zip file of the kind for more than 4 GiB")
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if entries > len(MEMBERS) or directory > _MOST_DIRECTORY:
        raise PackError(f"is no pack: it holds {entries} members, and a pack has {len(MEMBERS)}")


def _require_sound(archive: zipfile.ZipFile) -> None:
    """Judge the directory of the zip, before anything is unpacked.

    Raises:
        PackError: the first thing that no pack has.
    """
    entries = archive.infolist()
    names = [each.filename for each in entries]
    for entry in entries:
        # The name as it stands in the file: zipfile cuts one off at a NUL.
        if entry.orig_filename not in MEMBERS:
            raise PackError(f"holds {entry.orig_filename!r}, which no pack has")
        if names.count(entry.filename) > 1:
            raise PackError(f"holds {entry.filename} twice")
        _require_plain(entry)
        _require_bounded(entry)
    if missing := sorted(set(MEMBERS) - set(names)):
        raise PackError(f"lacks {', '.join(missing)}: it is no pack, or was cut off")


def _require_plain(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise PackError(f"holds {entry.filename} as a link or device, not as a file")
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _COMPRESSIONS:
        raise PackError(f"holds {entry.filename} encrypted, or packed in a way that no pack is")


def _require_bounded(entry: zipfile.ZipInfo) -> None:
    size, most = entry.file_size, MOST_BYTES[entry.filename]
    if size > most:
        raise PackError(f"{entry.filename} would unpack to {size:,} bytes, above {most:,}")
    if size > _UNSUSPICIOUS and size > MOST_RATIO * max(1, entry.compress_size):
        raise PackError(
            f"{entry.filename} would unpack to {size:,} bytes from {entry.compress_size:,}: "
            f"above {MOST_RATIO} to 1, so it is no pack but a bomb"
        )


def _raw_lines(data: bytes, cited: frozenset[str]) -> Iterator[bytes]:
    """Give the raw records, each of which the outcome has to cite.

    Raises:
        PackError: one is not canonical, is cited by nothing, or is missing.
    """
    left = set(cited)
    for number, line in enumerate(data.splitlines(), 1):
        name = digest_of(line)
        if name not in left:
            raise PackError(f"{RAW}:{number}: nothing in the run cites it, or it is there twice")
        left.remove(name)
        try:
            same = canonical(json.loads(line)) == line
        except (ValueError, TypeError, EvidenceError, RecursionError) as fault:
            raise PackError(f"{RAW}:{number}: is no canonical JSON: {fault}") from fault
        if not same:
            raise PackError(f"{RAW}:{number}: is not in its one canonical form")
        yield line
    if left:
        raise PackError(f"{RAW}: evidence {min(left)} is cited, and not there")


def _exactly(member: IO[bytes], size: int) -> bytes:
    """Read so many bytes; none at all at the end.

    Raises:
        PackError: the member ends in the middle of them.
    """
    data = member.read(size)
    if len(data) not in (0, size):
        raise PackError(f"{BATCHES}: ends in the middle of a batch")
    return data


def _require_small(body: bytes) -> None:
    """Refuse a batch that unpacks beyond its bound, whatever it says.

    Raises:
        PackError: it does, or is empty.
    """
    if not body:
        raise PackError(f"{BATCHES}: a batch is empty or too large")
    unpacker = zlib.decompressobj()
    size = len(unpacker.decompress(body, _LARGEST_BATCH))
    if unpacker.unconsumed_tail or size >= _LARGEST_BATCH:
        raise PackError(f"{BATCHES}: a batch would unpack to more than {_LARGEST_BATCH:,} bytes")
