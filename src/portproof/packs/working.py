"""The working file of a run that becomes a pack: what was acknowledged, until it is sealed.

::

    run.pack.unfinished   frame frame frame ...      each: kind, length, CRC-32, bytes
      BEGUN  BATCH SAMPLE RAW OBSERVATION BATCH CHECKPOINT ...    one section: a run
      BEGUN  ...                                                  one that goes on with that run

Frames are written one after the other, past every buffer of ours: once `append` returns, a
`kill -9` loses nothing of them. What a crash of the whole machine tears is found by its checksum;
all that stands behind the first torn frame is dropped. How a run begins is one frame, with its plan
and what it took over: it has begun as a whole or not at all. Raw records serve every section.
Whoever has the file open holds its lock, which the operating system frees.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO, Final

from portproof.errors import PackError

SUFFIX: Final = ".unfinished"
_FIRST: Final = b"portproof.unfinished/1\n"
"""What every working file begins with; another version has another line."""
_HEAD: Final = struct.Struct("<BII")
_LARGEST: Final = 1 << 30
"""No frame is near that: what says so is torn."""


class Kind(IntEnum):
    """What a frame holds."""

    BEGUN = 1
    BATCH = 2
    OBSERVATION = 3
    SAMPLE = 4
    CHECKPOINT = 5
    RAW = 6


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, and where its bytes begin in the file."""

    place: int
    kind: Kind
    body: bytes


def working_path(pack: Path) -> Path:
    """Give the path of the working file of a pack: beside it, so that people see it."""
    return pack.with_name(f"{pack.name}{SUFFIX}")


class WorkingFile:
    """A working file that is open and locked; close it, or remove it."""

    def __init__(self, path: Path, *, begin: bool) -> None:
        """Make the file if it has to `begin`, else open the one that is there.

        Raises:
            PackError: it cannot be opened, is there already or is not, or another scan has it.
        """
        self.path = path
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if begin else 0)
        try:
            self._file: IO[bytes] = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        except OSError as failure:
            raise PackError(f"{path}: {_why(failure)}") from failure
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            self._file.close()
            raise PackError(f"{path}: another scan is writing it") from failure
        self._end = len(_FIRST)
        try:
            self._make() if begin else self._find_end()
        except (OSError, PackError) as failure:
            self._file.close()
            why = _why(failure) if isinstance(failure, OSError) else failure
            raise PackError(f"{path}: {why}") from failure

    def _make(self) -> None:
        _write(self._file, _FIRST)

    def _find_end(self) -> None:
        """Find where the sound frames end, and drop what is torn behind them.

        Raises:
            PackError: it is no working file.
        """
        first = self.read(0, len(_FIRST))
        if first != _FIRST[: len(first)]:
            raise PackError("is no working file of a scan, or one of another version of portproof")
        self._end += sum(len(each.body) + _HEAD.size for each in self.frames())
        self._file.truncate(self._end)
        self._file.seek(0)
        _write(self._file, _FIRST)

    def close(self) -> None:
        """Let go of the file; it stays for whoever goes on with its run."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file: what it held is in a pack, or nothing was begun."""
        self.path.unlink(missing_ok=True)
        self._file.close()

    def append(self, *frames: tuple[Kind, bytes]) -> list[int]:
        """Add frames at the end; gives where their bytes begin.

        Raises:
            PackError: the disk does not take them; then none of them is in the file.
        """
        places, data = [], bytearray()
        for kind, body in frames:
            data += _HEAD.pack(kind, len(body), _sum(kind, body))
            places.append(self._end + len(data))
            data += body
        try:
            self._file.seek(self._end)
            _write(self._file, bytes(data))
        except OSError as failure:
            with suppress(OSError):  # a torn frame is found by its checksum anyway
                self._file.truncate(self._end)
            raise PackError(f"the run cannot be kept: {_why(failure)}") from failure
        self._end += len(data)
        return places

    def frames(self, since: int = len(_FIRST)) -> Iterator[Frame]:
        """Give the frames from a place on, in order, as far as they are sound."""
        size = os.fstat(self._file.fileno()).st_size
        at = since
        while at + _HEAD.size <= size:
            kind, length, checksum = _HEAD.unpack(self.read(at, _HEAD.size))
            at += _HEAD.size
            if length > min(_LARGEST, size - at) or kind not in Kind.__members__.values():
                return
            body = self.read(at, length)
            if _sum(kind, body) != checksum:
                return
            yield Frame(at, Kind(kind), body)
            at += length

    def read(self, place: int, size: int) -> bytes:
        """Give bytes of the file."""
        return os.pread(self._file.fileno(), size, place)


def _sum(kind: int, body: bytes) -> int:
    return zlib.crc32(body, kind)


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all of it: an unbuffered file may take a part only."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _why(failure: OSError) -> str:
    if failure.errno == errno.ELOOP:
        return "is a link, which is not followed"
    return failure.strerror or str(failure)
