"""Texts as Jira's two products want them: wiki markup (API v2), and the Atlassian Document Format (v3).

In wiki markup a stranger's text could draw anything: headings, macros, links, mentions. Every
character that has a meaning there is written as a numeric entity, which Jira's renderer shows as the
character itself. ADF keeps text and format apart, so that nothing has to be escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

Line: TypeAlias = tuple[str, str]
"""A name, which may be empty, and a text."""

# Text formatting notation of Jira's wiki renderer: marks, macros, links, tables, mentions, emoticons.
_MARKUP: Final = re.compile(r"[^\w\s.,;'\"/=%$§€]|_")


def wiki(lines: Iterable[Line]) -> str:
    """Give lines in wiki markup, one paragraph each, their names in bold.

    A text without a name must not begin with a stranger's words: `h1.` there is more than letters.
    """
    return "\n\n".join(_wiki_line(name, text) for name, text in lines)


def document(lines: Sequence[Line]) -> dict[str, Any]:
    """Give lines as an ADF document, one paragraph each, their names in bold."""
    return {"type": "doc", "version": 1, "content": [_paragraph(*each) for each in lines]}


def texts_in(body: object) -> str:
    """Give all text that a comment's body holds, whichever of the two it is written in."""
    match body:
        case str():
            return body
        case list():
            return " ".join(map(texts_in, body))
        case dict():
            own = body.get("text")
            return f"{own if isinstance(own, str) else ''} {texts_in(body.get('content'))}"
        case _:
            return ""


def escaped(text: str) -> str:
    """Give a text in which nothing means anything to the wiki renderer."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


def _wiki_line(name: str, text: str) -> str:
    return f"*{escaped(name)}:* {escaped(text)}" if name else escaped(text)


def _paragraph(name: str, text: str) -> dict[str, Any]:
    bold = {"type": "text", "text": f"{name}: ", "marks": [{"type": "strong"}]}
    plain = {"type": "text", "text": text}
    # A text node must not be empty.
    return {"type": "paragraph", "content": [*([bold] if name else []), *([plain] if text else [])]}
