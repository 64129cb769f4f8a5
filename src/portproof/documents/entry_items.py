"""The entries of a file as pieces of text, so that what did not change is not read again.

Reading a large baseline takes seconds, and its history has hundreds of versions of which each
changes a few lines. Where a file lists its entries as a block, each item is a piece; what stands
before and after them (assets, templates, zones) is the rest. Equal rest and equal piece mean an
equal entry. Whoever relies on the pieces checks that each of them is one entry: a quoted text may
hold lines that look like the begin of another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(r"entries:[ \t]*(#.*)?")


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file in pieces; joined in order they are the file."""

    before: str
    items: tuple[str, ...]
    after: str

    def only(self, items: tuple[str, ...]) -> str:
        """Give the file with some of its items alone."""
        listed = "".join(items)
        # `entries:` with nothing below it would be another kind of document.
        before = self.before if items else re.sub(r"entries:.*\n\Z", "entries: []\n", self.before)
        return before + listed + self.after


def pieces_of(text: str) -> Pieces:
    """Split a file at the items of its block of entries; no items where there is no such block."""
    lines = text.splitlines(keepends=True)
    head = next((at for at, line in enumerate(lines) if _HEAD.fullmatch(line.rstrip("\r\n"))), None)
    whole = Pieces(text, (), "")
    if head is None or head + 1 >= len(lines):
        return whole
    dash = re.match(r" *(?=-[ \r\n])", lines[head + 1])
    if dash is None:
        return whole
    begins, end = [], len(lines)
    for at in range(head + 1, len(lines)):
        line = lines[at]
        indent = len(line) - len(line.lstrip(" "))
        if not line.strip() or line.lstrip().startswith("#") or indent > len(dash[0]):
            continue
        if indent < len(dash[0]) or line[indent] != "-":
            end = at
            break
        begins.append(at)
    ends = [*begins[1:], end]
    items = tuple("".join(lines[one:other]) for one, other in zip(begins, ends, strict=True))
    return Pieces("".join(lines[: begins[0]]), items, "".join(lines[end:]))
