"""What a peer says, as text that is safe to keep and to print.

Banners are attackers' text: control characters could move a terminal's cursor or break a line of
a report in two, and a megabyte of product name would be one too.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST_TEXT: Final = 200
"""Characters kept of anything a peer says: names and versions are shorter, mischief is longer."""

_HALVED: Final = re.compile(r"(?:\d+[ -]?)+\Z|[\w+/=.~-]+\Z")
_HARMLESS: Final = 12
"""Characters of one endless word that are kept: fewer than a card number has digits."""


def printable(said: bytes, *, limit: int = LONGEST_TEXT) -> str:
    """Give one line of at most `limit` characters; runs of anything unprintable become one space.

    What is too long ends before the word or number that the cut would halve, and with `…`: half a
    secret is one that nothing recognises any more.
    """
    text = said[: limit * 4].decode("utf-8", errors="replace")
    shown = text
    if not text.isprintable():
        shown = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(shown.split())
    if len(line) <= limit and len(said) <= limit * 4:
        return line
    cut = line[: limit - 1]
    return (_HALVED.sub("", cut) or cut[:_HARMLESS]) + "…"
