"""One file as text: read once, hashed, and every offset in it a line and a column.

A file that cannot be text (missing, too big, not UTF-8) is a fault like any other, so that a
caller has one kind of error to show.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import stat
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from portproof.errors import DocumentError, Fault

LARGEST: Final = 8 * 1024 * 1024
"""Bytes; some 50 000 baseline entries. Beyond it something else was named by mistake."""

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Text:
    """The text of one file; `digest` is the SHA-256 of its bytes, lower-case hex."""

    file: str
    content: str
    digest: str
    _starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._starts.append(0)
        self._starts.extend(end.end() for end in _LINE_END.finditer(self.content))

    def place(self, offset: int) -> tuple[int, int]:
        """Give the line and column, 1-based, of an offset; one beyond the end is the end."""
        inside = max(0, min(offset, len(self.content)))
        line = bisect_right(self._starts, inside)
        return line, inside - self._starts[line - 1] + 1

    def fault(self, offset: int, problem: str) -> Fault:
        """Make a fault at an offset of the text; the problem is one printable line.

        It may quote the file, and that may hold line ends or sequences that steer a terminal.
        """
        line, column = self.place(offset)
        return Fault(self.file, line, column, printable(problem))


def read_text(path: Path) -> Text:
    """Read a file as UTF-8 text; a byte order mark at its start is left out.

    Raises:
        DocumentError: it is missing, unreadable, no regular file, too big, or not UTF-8.
    """
    raw = _read_bytes(path)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problem = "the file is UTF-16 text; save it as UTF-8"
        raise DocumentError([Fault(str(path), 1, 1, problem)])
    try:
        content = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = Text(str(path), raw[: error.start].decode("utf-8"), "")
        problem = f"byte 0x{raw[error.start]:02x} is not UTF-8 text; save the file as UTF-8"
        raise DocumentError([before.fault(len(before.content), problem)]) from None
    return Text(str(path), content.removeprefix("\ufeff"), hashlib.sha256(raw).hexdigest())


def printable(problem: str) -> str:
    """Give a problem as one line that steers nothing: what has no glyph is written as its escape."""
    return "".join(map(_visible, problem))


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _read_bytes(path: Path) -> bytes:
    try:
        # Before it is opened: opening a device can do something.
        _require_file(path, path.stat())
        # A pipe that took its place since then would wait for a writer for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            before = os.fstat(file.fileno())
            _require_file(path, before)
            raw = file.read(LARGEST + 1)
            after = os.fstat(file.fileno())
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise DocumentError([Fault(str(path), 0, 0, problem)]) from error
    if len(raw) > LARGEST:
        problem = f"is larger than {LARGEST // 1024 // 1024} MiB; is it the right file?"
        raise DocumentError([Fault(str(path), 0, 0, problem)])
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        problem = "was written to while it was read; try again once it is whole"
        raise DocumentError([Fault(str(path), 0, 0, problem)])
    return raw


def _require_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise DocumentError([Fault(str(path), 0, 0, "is not a regular file")])
