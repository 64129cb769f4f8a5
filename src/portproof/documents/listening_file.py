"""Listening sockets as a host tells them: `ss -tulpnH`, or osquery's `listening_ports` as JSON.

Which of the two it is, the first character tells. Everything is bounded by the size of a document,
and what is not understood is named with its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from portproof.documents.text import Text, read_text
from portproof.errors import DocumentError, Fault
from portproof.model.listening import (
    SS_COLUMNS,
    SS_HEADING,
    SS_LOCAL,
    osquery_listener,
    ss_listener,
    ss_words,
)
from portproof.model.reconcile import Listener, Listening


def read_listening(path: Path) -> Listening:
    """Read the listening sockets of one host.

    Raises:
        DocumentError: the file cannot be read, or is neither of the two; with every fault.
    """
    text = read_text(path)
    if text.content.lstrip()[:1] in ("[", "{"):
        return _osquery(text)
    return _Ss(text).read()


# ---------------------------------------------------------------- ss


class _Ss:
    """The lines of `ss -tulpnH`; a header line is let through."""

    def __init__(self, text: Text) -> None:
        self._file = text.file
        self._lines = text.content.splitlines()
        self._faults: list[Fault] = []
        self._odd: list[str] = []

    def read(self) -> Listening:
        held = [
            each
            for number, line in enumerate(self._lines, 1)
            if line.strip() and (each := self._line(number, line)) is not None
        ]
        if not held and not self._faults and not self._odd:
            problem = "lists no socket: write it with `ss -tulpnH`"
            self._faults.append(Fault(self._file, 1, 1, problem))
        if self._faults:
            raise DocumentError(self._faults)
        return Listening(file=self._file, listeners=tuple(held), not_understood=tuple(self._odd))

    def _line(self, number: int, line: str) -> Listener | None:
        words = ss_words(line)
        if words[0] == SS_HEADING:
            return None
        if words[0] not in ("tcp", "udp"):
            self._other(number, line, words)
            return None
        try:
            return ss_listener(words)
        except ValueError as fault:
            local = words[SS_LOCAL] if len(words) >= SS_COLUMNS else line
            self._fault(number, local, str(fault), inside=max(0, line.find(local)))
            return None

    def _other(self, number: int, line: str, words: list[str]) -> None:
        if words[0] in ("LISTEN", "UNCONN", "State"):
            self._fault(number, line, "has no Netid column: write it with `ss -tulpnH`")
        elif len(words) >= SS_COLUMNS:
            self._odd.append(f"{self._file}:{number}: {line.strip()[:200]}")
        else:
            self._fault(number, line, "is no line of `ss -tulpnH`")

    def _fault(self, number: int, shown: str, problem: str, *, inside: int = 0) -> None:
        self._faults.append(
            Fault(self._file, number, inside + 1, f"{shown.strip()[:60]!a} {problem}")
        )


# ---------------------------------------------------------------- osquery


def _osquery(text: Text) -> Listening:
    """Read the rows of `select * from listening_ports`, with the program where `name` is joined."""
    try:
        rows = json.loads(text.content)
    except (ValueError, RecursionError) as error:
        problem = f"is no JSON: {error}"
        raise DocumentError([text.fault(getattr(error, "pos", 0), problem)]) from None
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        problem = (
            "is no list of rows: write it with `osqueryi --json 'select * from listening_ports'`"
        )
        raise DocumentError([text.fault(0, problem)])
    faults: list[Fault] = []
    odd: list[str] = []
    held = list(_rows(text, rows, faults, odd))
    if faults:
        raise DocumentError(faults)
    return Listening(file=text.file, listeners=tuple(held), not_understood=tuple(odd))


def _rows(
    text: Text, rows: list[dict[str, Any]], faults: list[Fault], odd: list[str]
) -> Iterator[Listener]:
    for number, row in enumerate(rows, 1):
        try:
            held = osquery_listener(row)
        except ValueError as fault:
            faults.append(Fault(text.file, 0, 0, f"row {number}: {fault}"))
            continue
        if held is not None:
            yield held
        elif str(row.get("port", "0")) not in ("", "0"):
            # Unix sockets and raw ones are rows too, and no ports.
            odd.append(f"{text.file}: row {number}: protocol {str(row.get('protocol', ''))!a}")
