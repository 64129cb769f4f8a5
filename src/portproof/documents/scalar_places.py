"""Where a character of a YAML value stands in its file, however the value is written.

A value may be folded, indented as a block, or quoted with escapes, so that its characters are not
those of the file side by side. What every style keeps is the order of the characters that are no
white space; so a character is found by counting those before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

_SPACE: Final = frozenset(" \t\r\n\x85\u2028\u2029")
"""What folding may put in or take away (YAML 1.2 §5.4 and §5.5)."""
_SPACE_ESCAPES: Final = frozenset("tnrNLP \t\r\n\x85\u2028\u2029")
"""What after a backslash stands for white space, or for nothing at the end of a line (§5.7)."""
_DIGITS: Final = {"x": 2, "u": 4, "U": 8}


def source_offset(content: str, start: int, value: str, inside: int) -> int:
    """Give the offset in the file of the character at `inside` of a value.

    `start` is where the value begins in the file, with its quote or its block indicator. What
    stands at the end of the value, or in its white space, is shown after the character before it.
    """
    before = sum(each not in _SPACE for each in value[:inside])
    at_mark = inside < len(value) and value[inside] not in _SPACE
    if at_mark:
        return next((begin for begin, _ in islice(_marks(content, start), before, None)), start)
    if not before:
        return next((begin for begin, _ in _marks(content, start)), start)
    return next((end for _, end in islice(_marks(content, start), before - 1, None)), start)


def _marks(content: str, start: int) -> Iterator[tuple[int, int]]:
    """Give where each character that is no white space begins and ends in the file."""
    match content[start : start + 1]:
        case "|" | ">":
            header = content.find("\n", start)
            return _bare(content, len(content) if header < 0 else header)
        case "'":
            return _single_quoted(content, start + 1)
        case '"':
            return _double_quoted(content, start + 1)
        case _:
            return _bare(content, start)


def _bare(content: str, start: int) -> Iterator[tuple[int, int]]:
    for place in range(start, len(content)):
        if content[place] not in _SPACE:
            yield place, place + 1


def _single_quoted(content: str, place: int) -> Iterator[tuple[int, int]]:
    while place < len(content):
        size = 2 if content.startswith("''", place) else 1
        if content[place] == "'" and size == 1:
            return
        if content[place] not in _SPACE:
            yield place, place + size
        place += size


def _double_quoted(content: str, place: int) -> Iterator[tuple[int, int]]:
    while place < len(content) and content[place] != '"':
        size, is_space = 1, content[place] in _SPACE
        if content[place] == "\\":
            escape = content[place + 1 : place + 2]
            digits = _DIGITS.get(escape, 0)
            size, is_space = 2 + digits, escape in _SPACE_ESCAPES
            if digits:
                is_space = chr(int(content[place + 2 : place + size], 16)) in _SPACE
        if not is_space:
            yield place, place + size
        place += size
