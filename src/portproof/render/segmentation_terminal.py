"""The matrix for a terminal of 80 columns: states are words, and colour adds nothing to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from portproof.model.segmentation_result import Cell, CellState, Matrix
from portproof.render.neutral import PEER_LIMIT, visible
from portproof.render.segmentation_words import (
    DEFAULT_DENY,
    MARKS,
    NOT_A_PENETRATION_TEST,
    gap_lines,
    merged_paths,
    path_text,
    short_zone,
)
from portproof.render.wording import plural

_MOST_LINES: Final = 60
"""Paths and gaps listed of all cells together, about; the page and the JSON have them all."""
_LEAST_LISTED: Final = 2


def matrix_table(matrix: Matrix) -> Table:
    """Give one row for each cell: where from, where to, what is expected, and what was seen.

    A row for each cell instead of a column for each zone: ten zones do not fit side by side.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("from", overflow="fold", max_width=15)
    table.add_column("to", overflow="fold", max_width=15)
    table.add_column("expected", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("alive", justify="right", no_wrap=True)
    table.add_column("asked", justify="right", no_wrap=True)
    table.add_column("paths", justify="right", no_wrap=True)
    for cell in matrix.cells:
        asked = f"{cell.endpoints:,}"
        alive = f"{len(cell.alive)} of {len(cell.targets)}"
        style = "bold" if cell.state is CellState.EXCEPTIONS else ""
        # What nobody wrote is denied as well: a line below the table says so once.
        expected = f"list of {len(cell.rule.allowed)}" if cell.rule.allowed else "deny"
        words = (short_zone(cell.rule.source), short_zone(cell.rule.target), expected)
        table.add_row(
            *map(_plain, words),
            Text(MARKS[cell.state], style=style),
            Text(alive),
            Text(asked),
            Text(f"{cell.crossed:,}"),
        )
    return table


def segmentation_notes(matrix: Matrix) -> Iterable[Text]:
    """Give what stands below the table: counts, paths, gaps, who tests, and what this is not."""
    counts = ", ".join(f"{matrix.count(each)} {each}" for each in CellState if matrix.count(each))
    yield Text(f"{plural(len(matrix.cells), 'cell')}: {counts or 'none'}")
    window = f"{_moment(matrix.since)} to {_moment(matrix.until)}"
    yield Text(f"judged on the runs that finished from {window}")
    telling = [each for each in matrix.cells if each.paths or each.earlier or each.gaps]
    most = max(_LEAST_LISTED, _MOST_LINES // max(1, len(telling)))
    for cell in telling:
        yield from _cell_notes(cell, most)
    tester = matrix.policy.tester
    yield _plain(
        f"tester: {tester.name}; qualification: {tester.qualification}; "
        f"independent of: {tester.independent_of}"
    )
    if any(each.rule.location is None for each in matrix.cells):
        yield Text(DEFAULT_DENY)
    yield Text(NOT_A_PENETRATION_TEST)


def history_table(moments: Sequence[tuple[str, str, bool, Cell]]) -> Table:
    """Give one row for each moment: the run that made it, its vantage, inside or not, the cell."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("run", no_wrap=True)
    table.add_column("vantage", overflow="fold", max_width=14)
    table.add_column("state then", overflow="fold", max_width=13)
    table.add_column("alive", justify="right", no_wrap=True)
    table.add_column("asked", justify="right", no_wrap=True)
    table.add_column("paths", justify="right", no_wrap=True)
    for run_id, vantage, inside, cell in moments:
        table.add_row(
            Text(run_id),
            _plain(f"{vantage} (inside)" if inside else vantage),
            Text(MARKS[cell.state]),
            Text(f"{len(cell.alive)} of {len(cell.targets)}"),
            Text(f"{cell.endpoints:,}"),
            Text(f"{cell.crossed:,}"),
        )
    return table


def _cell_notes(cell: Cell, most: int) -> Iterable[Text]:
    name = f"{short_zone(cell.rule.source)} to {short_zone(cell.rule.target)}"
    paths = [
        f"{each.severity}: {path_text(each)}, run {each.run_id}"
        for each in merged_paths(cell.paths)
    ]
    yield from _listed(f"{name}: paths that the policy forbids", paths, most)
    gone = [f"{path_text(each)}, run {each.run_id}" for each in merged_paths(cell.earlier)]
    yield from _listed(f"{name}: seen earlier in the window, not by a later run", gone, most)
    yield from _listed(f"{name}: what a complete test lacks", gap_lines(cell.gaps), most)


def _listed(heading: str, lines: Sequence[str], most: int) -> Iterable[Text]:
    if not lines:
        return
    yield _plain(f"{heading}:")
    for line in lines[:most]:
        yield _plain(f"  {line}")
    if len(lines) > most:
        yield Text(f"  and {len(lines) - most:,} more lines; --format json has them all")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _plain(text: str) -> Text:
    return Text(visible(text, PEER_LIMIT))
