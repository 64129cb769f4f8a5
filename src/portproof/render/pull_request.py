"""Markdown for a pull request: strangers' text made harmless, long lists folded, the size bounded.

Markdown has no quoting that a banner could not leave: a backtick ends a code span, a newline a table,
`@name` calls a person, a URL becomes a link. So strangers' text stands in a `<code>` element (in
which GitHub and GitLab make neither mentions nor references), and each of its characters but
letters, digits and spaces is a numeric character reference, which Markdown never reads as markup
(CommonMark 0.31 §6.2 and §2.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from portproof.render.neutral import visible

LARGEST: Final = 60_000
"""Characters of a comment: GitHub refuses more than 65,536."""
_FOLDED_FROM: Final = 15
"""Rows from which on a table is folded."""
_CELL: Final = 200
"""Characters of one cell."""
_TAIL: Final = 400
"""Characters kept free for the sentence that says what was left out."""


def code(text: str) -> str:
    """Give any text as inline code, whatever is in it; nothing for no text."""
    if not text:
        return ""
    shown = visible(text, _CELL)
    inner = "".join(
        each if each == " " or (each.isascii() and each.isalnum()) else f"&#{ord(each)};"
        for each in shown
    )
    return f"<code>{inner}</code>"


@dataclass(slots=True)
class Comment:
    """Markdown that grows to `LARGEST` characters and counts what it had to leave out."""

    _parts: list[str] = field(default_factory=list)
    _size: int = 0
    _left_out: dict[str, int] = field(default_factory=dict)

    def say(self, text: str, *, about: str = "lines") -> None:
        """Add a paragraph of our own words; strangers' text in it went through `code`."""
        if not self._fits(len(text) + 2):
            self._left_out[about] = self._left_out.get(about, 0) + 1
            return
        self._add(f"{text}\n\n")

    def table(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table, folded when it is long; cells are our own words or went through `code`.

        Rows that no longer fit are counted under the title.
        """
        if not rows:
            return
        begin, end = _frame(title, len(rows))
        head = f"{begin}| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n"
        if not self._fits(len(head) + len(end)):
            self._left_out[title] = len(rows)
            return
        self._add(head)
        for position, row in enumerate(rows):
            line = f"| {' | '.join(row)} |\n"
            if not self._fits(len(line) + len(end)):
                self._left_out[title] = len(rows) - position
                break
            self._add(line)
        self._add(end)

    def text(self, whole: str) -> str:
        """Give all of it; `whole` says where everything stands, in case something was left out."""
        return "".join(self._parts) + "".join(self._tail(whole))

    def _tail(self, whole: str) -> Iterator[str]:
        if self._left_out:
            told = ", ".join(f"{count:,} of {title}" for title, count in self._left_out.items())
            yield f"**Left out for room:** {told}. {whole}\n"

    def _fits(self, size: int) -> bool:
        return self._size + size <= LARGEST - _TAIL

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)


def _frame(title: str, rows: int) -> tuple[str, str]:
    """Give what stands before and after a table."""
    if rows < _FOLDED_FROM:
        return f"**{title}** ({rows:,})\n\n", "\n"
    return (
        f"<details><summary><b>{title}</b> ({rows:,})</summary>\n\n",
        "\n</details>\n\n",
    )
