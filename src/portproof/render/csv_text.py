"""Comma-separated values that a spreadsheet opens without running them (RFC 4180).

A cell that begins with `=`, `+`, `-`, `@` or a tab is a formula to a spreadsheet, and a banner may
begin so. Such a cell is given a leading apostrophe, which spreadsheets take for "this is text"; what
has no glyph is written as its escape, as in every table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from portproof.render.neutral import visible

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Write rows under a head; lists are joined by spaces, None and what is missing are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _cell(" ".join(map(str, value)))
    text = str(value)
    return visible(f"'{text}" if text.startswith(_FORMULA) else text)
