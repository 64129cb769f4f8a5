"""Text that strangers chose, made harmless to look at: what a report or a terminal may show.

Banners, certificates and host names are attackers' text. Escaping markup is not enough: a
right-to-left override reorders a line on paper, an escape sequence repaints a terminal, a NUL ends
a C string, and ten kilobytes of noise push the finding off the page. Whatever a person will look
at goes through here first; machine formats (`evidence.json`, SARIF, JSON lines) keep the exact
text and rely on JSON's own escapes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, TypeVar, cast

from portproof.model.evidence import (
    CertificateInfo,
    ChangeInfo,
    FactInfo,
    FindingInfo,
    IntervalInfo,
    OpenPortInfo,
)

Record = TypeVar("Record")

PROSE_LIMIT: Final = 2_000
"""Characters of one text that people of the audited entity wrote (a justification, a reason)."""
PEER_LIMIT: Final = 300
"""Characters of one text that a peer chose: enough to recognise a banner by."""
JUDGED_LIMIT: Final = 600
"""Characters of one sentence of a judgement, which may quote a peer."""
_LIMITS: Final[dict[type, int]] = {
    OpenPortInfo: PEER_LIMIT,
    CertificateInfo: PEER_LIMIT,
    FindingInfo: JUDGED_LIMIT,
    FactInfo: JUDGED_LIMIT,
    ChangeInfo: JUDGED_LIMIT,
    IntervalInfo: JUDGED_LIMIT,
}
_HARMFUL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories with no glyph of their own: controls, bidi and zero-width formats, lone
surrogates, private use, unassigned, line and paragraph separators (Unicode 15, chapter 4.5)."""


def visible(text: str, limit: int = PROSE_LIMIT) -> str:
    r"""Give the text as one line in which every character can be seen.

    A character without a glyph is written as its escape (`\x1b`, `\u202e`), a line break or tab
    as a space; beyond `limit` characters the rest is replaced by a note of how much was left out.
    """
    kept = text[:limit]
    shown = kept if kept.isascii() and kept.isprintable() else "".join(map(_shown, kept))
    left_out = len(text) - limit
    return f"{shown} … [{left_out:,} more characters]" if left_out > 0 else shown


def neutralised(record: Record) -> Record:
    """Give the same record (a dataclass) with every text in it made `visible`, at any depth.

    Fields of what a peer sent are cut at `PEER_LIMIT`, of judgements at `JUDGED_LIMIT`, all others at
    `PROSE_LIMIT`.
    """
    return cast("Record", _neutral(record, PROSE_LIMIT))


def _neutral(value: object, limit: int) -> object:
    if isinstance(value, str):
        return visible(value, limit)
    if isinstance(value, tuple):
        return tuple(_neutral(each, limit) for each in value)
    if isinstance(value, Mapping):
        # Sorted, as in the canonical file: a report must not tell whether the file was read back.
        return {_neutral(key, limit): _neutral(value[key], limit) for key in sorted(value)}
    if is_dataclass(value) and not isinstance(value, type):
        inner = _LIMITS.get(type(value), limit)
        kind = cast("type[Any]", type(value))
        return kind(
            **{each.name: _neutral(getattr(value, each.name), inner) for each in fields(value)}
        )
    return value


def _shown(character: str) -> str:
    if character in "\n\t":
        return " "
    if unicodedata.category(character) not in _HARMFUL:
        return character
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 - two hex digits hold it
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four do
