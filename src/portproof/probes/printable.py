"""What a peer says, as text that is safe to keep and to print.

Banners are attackers' text: control characters could move a terminal's cursor or break a line of
a report in two, and a megabyte of product name would be one too.
"""

from __future__ import annotations

from typing import Final

LONGEST_TEXT: Final = 200
"""Characters kept of anything a peer says: names and versions are shorter, mischief is longer."""


def printable(said: bytes, *, limit: int = LONGEST_TEXT) -> str:
    """Give one line of at most `limit` characters; runs of anything unprintable become one space."""
    text = said[: limit * 4].decode("utf-8", errors="replace")
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:limit]
