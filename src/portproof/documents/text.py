"""One file as text: read once, hashed, and every offset in it a line and a column.

A file that cannot be text (missing, too big, not UTF-8) is a fault like any other, so that a
caller has one kind of error to show.
"""

from __future__ import annotations

import hashlib
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
        # A pipe without a writer would wait for ever, and a device never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DocumentError([Fault(str(path), 0, 0, "is not a regular file")])
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise DocumentError([Fault(str(path), 0, 0, problem)]) from error
    if len(raw) > LARGEST:
        problem = f"is larger than {LARGEST // 1024 // 1024} MiB; is it the right file?"
        raise DocumentError([Fault(str(path), 0, 0, problem)])
    return raw
