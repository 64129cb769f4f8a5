"""Lists of targets as `-iL` takes them: plain text, no YAML.

Targets are separated by spaces, tabs or line ends, `#` begins a comment, and each is written as on
the command line: an address, a network, octet ranges, a name, with its own ports if need be.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from portproof.errors import DocumentError, Fault, SettingsError, SpecificationError
from portproof.model.targetspec import TargetSpec, parse_target

STANDARD_INPUT: Final = "-"
_SHOWN_INPUT: Final = "standard input"
_WORD: Final = re.compile(r"[^ \t\r\f\v]+")


def load_target_list(name: str) -> tuple[TargetSpec, ...]:
    """Read the targets of a file, or of standard input for `-`, in their order.

    Raises:
        SettingsError: it cannot be read, or lists nothing: an empty list is a mistake upstream
            (a query that failed), never an empty and so clean scan.
        DocumentError: with every fault of the list, each with line and column.
    """
    shown = _SHOWN_INPUT if name == STANDARD_INPUT else name
    faults: list[Fault] = []
    targets = []
    for line, column, word in _words(_content(name, shown), shown):
        try:
            targets.append(parse_target(word))
        except SpecificationError as fault:
            faults.append(Fault(shown, line, column + fault.position, fault.problem))
    if faults:
        raise DocumentError(faults)
    if not targets:
        raise SettingsError(f"{shown}: lists no target")
    return tuple(targets)


def _content(name: str, shown: str) -> bytes:
    try:
        if name == STANDARD_INPUT:
            return sys.stdin.buffer.read()
        return Path(name).read_bytes()
    except OSError as failure:
        raise SettingsError(f"{shown}: cannot be read: {failure.strerror or failure}") from None


def _words(content: bytes, shown: str) -> Iterator[tuple[int, int, str]]:
    """Give each target's text with its line and column, both counted from 1.

    Raises:
        DocumentError: the bytes are not UTF-8.
    """
    try:
        # A byte-order mark, which Windows editors write, is no part of the first target.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        column = fault.start - content.rfind(b"\n", 0, fault.start)
        raise DocumentError([Fault(shown, line, column, "this is not UTF-8 text")]) from None
    for number, line_text in enumerate(text.split("\n"), 1):
        for word in _WORD.finditer(line_text.partition("#")[0]):
            yield number, word.start() + 1, word[0]
