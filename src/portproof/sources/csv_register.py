"""An asset register as CSV (RFC 4180), as spreadsheets and inventories write it.

The first row names the columns; each row below is one asset. Cells are text and nothing else: one
that begins with `=` is a formula to a spreadsheet, and four or five odd characters here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Final

from portproof.model.source import CsvOptions
from portproof.sources.files import read_text
from portproof.sources.gathering import Found, Gathering, line

MEANINGS: Final = (
    "id",
    "kind",
    "address",
    "name",
    "owner",
    "tags",
    "tier",
    "capability",
    "zone",
    "ports",
)
"""What a column may mean; by default a column means what its header says."""
_REQUIRED: Final = ("id",)
_SEPARATORS: Final = str.maketrans(";|\n", "   ")


def fill(gathering: Gathering, options: CsvOptions) -> None:
    """List the rows of the register; columns that mean nothing here are kept as attributes.

    Raises:
        SourceError: it cannot be read, a column is missing or named twice, or a row is malformed.
    """
    content = read_text(gathering, options.path, options.encoding)
    rows = csv.reader(StringIO(content, newline=""), delimiter=options.delimiter, strict=True)
    header: list[str] | None = None
    first: dict[str, int] = {}
    for number, cells in _numbered(gathering, rows):
        if header is None:
            header = [each.strip() for each in cells]
            _require_columns(gathering, header, options.columns)
            continue
        if len(cells) != len(header):
            problem = f"line {number}: {len(cells)} cells under {len(header)} columns"
            raise gathering.error(problem, "quote cells that hold the delimiter")
        found = _found(dict(zip(header, cells, strict=True)), options.columns)
        earlier = first.setdefault(found.id.strip(), number)
        if earlier != number and found.id.strip():
            gathering.skip(
                f"line {number}: id {found.id!r} stands in line {earlier} already; one asset"
            )
        gathering.add(found)
    if header is None:
        raise gathering.error("it is empty", "its first line names the columns")


def _numbered(gathering: Gathering, rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Give each row that is not empty, with the number of its last line."""
    number = 0
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as fault:
            problem = f"line {number + 1} or after: {fault}"
            raise gathering.error(problem, "close its quotes, and check the delimiter") from None
        if cells is None:
            return
        number = rows.line_num  # type: ignore[attr-defined] # csv.reader has it, Iterator has not
        if any(each.strip() for each in cells):
            yield number, cells


def _require_columns(gathering: Gathering, header: list[str], columns: Mapping[str, str]) -> None:
    told = ", ".join(map(line, header))
    twice = [each for each in header if each and header.count(each) > 1]
    if twice:
        raise gathering.error(f"the column {twice[0]!r} is there twice", "name each column once")
    hosts = [each for each in ("address", "name") if _column(each, columns) in header]
    wanted = [*_REQUIRED, *columns] if hosts else [*_REQUIRED, *columns, "address"]
    for meaning in wanted:
        column = _column(meaning, columns)
        if column not in header:
            raise gathering.error(
                f"there is no column {column!r} for the {meaning}; there are: {told}",
                "name it under 'columns', and check the delimiter",
            )


def _column(meaning: str, columns: Mapping[str, str]) -> str:
    return columns.get(meaning, meaning)


def _found(row: Mapping[str, str], columns: Mapping[str, str]) -> Found:
    def cell(meaning: str) -> str:
        return row.get(_column(meaning, columns), "").strip()

    hosts = f"{cell('address')} {cell('name')}".translate(_SEPARATORS).replace(",", " ").split()
    used = {_column(each, columns) for each in MEANINGS}
    return Found(
        id=cell("id"),
        kind=cell("kind") or "asset",
        hosts=hosts,
        owner=cell("owner"),
        tags=[cell("tags")],
        tier=cell("tier"),
        capability=cell("capability"),
        zone=cell("zone"),
        ports=cell("ports"),
        attributes={name: value.strip() for name, value in row.items() if name not in used},
    )
