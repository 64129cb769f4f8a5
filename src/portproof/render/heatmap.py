"""The heat map drawn: bands of columns and rows that fit a page, each a picture of its own.

Every cell carries a letter, so that it reads without colour; a deviation's fill is that of its
severity (darker is worse), and what was not measured is hatched, never blank.
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from portproof.render import svg
from portproof.render.exposure import Cell, ExposureMap, Mark, Row
from portproof.render.wording import plural

_CELL: Final = 20.0
_ROW: Final = 18.0
_HEAD: Final = 74.0
"""Height of the slanted column heads."""
_LABEL: Final = 198.0
_TAIL: Final = 46.0
"""Room right of the last column for the count of further ports, and for the slanted heads."""
_COLUMNS: Final = 21
"""Columns of one band: with the labels they fill the 665 px of an A4 column."""
_ROWS: Final = 30
_SOLID: Final = {
    Mark.APPROVED: svg.APPROVED,
    Mark.WAIVED: svg.WAIVED,
    Mark.OWN: svg.WHITE,
    Mark.FILTERED: svg.FAINT,
    Mark.CLOSED: svg.WHITE,
    Mark.MISSING: svg.WHITE,
}


def heat_map(exposure: ExposureMap) -> tuple[Markup, ...]:
    """Draw the map as one picture per band of columns and block of rows, in reading order."""
    return tuple(
        _band(exposure, left, exposure.rows[top : top + _ROWS])
        for left in range(0, len(exposure.columns), _COLUMNS)
        for top in range(0, len(exposure.rows), _ROWS)
    )


def legend(marks: tuple[Mark, ...] = tuple(Mark)) -> tuple[tuple[Markup, str], ...]:
    """Give each mark as a small picture with its meaning, for the legend below the map."""
    severity = {Mark.UNAPPROVED: "high", Mark.DEVIATING: "medium", Mark.MISSING: "medium"}
    return tuple(
        (
            svg.drawing(
                _CELL, _ROW, mark.meaning, _cell(0, 0, Cell(mark, severity.get(mark, "")), "")
            ),
            mark.meaning,
        )
        for mark in marks
    )


def _band(exposure: ExposureMap, left: int, rows: tuple[Row, ...]) -> Markup:
    columns = exposure.columns[left : left + _COLUMNS]
    services = exposure.services[left : left + _COLUMNS]
    width = _LABEL + _CELL * len(columns) + _TAIL
    heads = (
        _head(_LABEL + _CELL * index, f"{port}/{transport} {service}".rstrip())
        for index, ((transport, port), service) in enumerate(zip(columns, services, strict=True))
    )
    last = left + _COLUMNS >= len(exposure.columns)
    lines = (
        _line(row, left, len(columns), _HEAD + _ROW * index, last=last)
        for index, row in enumerate(rows)
    )
    size = f"{plural(len(rows), 'host')} by {plural(len(columns), 'port')}"
    label = f"Exposure heat map: {size}; the same facts stand in appendix B."
    return svg.drawing(width, _HEAD + _ROW * len(rows) + 2, label, *heads, *lines)


def _head(x: float, words: str) -> Markup:
    shown = svg.text(0, 0, svg.clipped(words, 16), font_size=8.8)
    return svg.group(
        shown, transform=f"translate({x + 11:g} {_HEAD - 5:g}) rotate(-52)", title=words
    )


def _line(row: Row, left: int, count: int, y: float, *, last: bool) -> Markup:
    name = svg.group(
        svg.text(0, y + 12.2, svg.clipped(row.label, 36), font_size=8.8, font_family=svg.MONO),
        title=row.label,
    )
    cells = (
        _cell(_LABEL + _CELL * index, y, cell, row.label)
        for index, cell in enumerate(row.cells[left : left + count])
    )
    more = svg.text(
        _LABEL + _CELL * count + 4, y + 12.2, f"+{row.others}", font_size=8.8, fill=svg.MUTED
    )
    return svg.group(name, *cells, *((more,) if last and row.others else ()))


def _cell(x: float, y: float, cell: Cell, host: str) -> Markup:
    box = (x + 0.75, y + 0.75, _CELL - 1.5, _ROW - 1.5)
    fill, ink = _look(cell)
    if cell.mark is Mark.UNKNOWN:
        back = svg.hatched(*box)
    elif cell.mark is Mark.NOT_ASKED:
        back = svg.line(x + 7, y + _ROW / 2, x + _CELL - 7, y + _ROW / 2, stroke=svg.RULE)
    else:
        back = svg.rectangle(*box, fill=fill, **_border(cell))
    letter = svg.text(
        x + _CELL / 2,
        y + 12.6,
        cell.mark.letter,
        font_size=9.6,
        fill=ink,
        text_anchor="middle",
        font_weight="bold",
    )
    words = f"{host}: {cell.mark.meaning}{', ' + cell.severity if cell.severity else ''}"
    return svg.group(back, *((letter,) if cell.mark.letter else ()), title=words)


def _look(cell: Cell) -> tuple[str, str]:
    if cell.mark in (Mark.UNAPPROVED, Mark.DEVIATING):
        # Open without an entry in a run that may conclude nothing has no severity: middle grey.
        return svg.SEVERITY_FILL.get(cell.severity, "#b9c1c9"), svg.text_on(cell.severity)
    faint = cell.mark in (Mark.CLOSED, Mark.FILTERED)
    return _SOLID.get(cell.mark, svg.WHITE), svg.MUTED if faint else svg.INK


def _border(cell: Cell) -> dict[str, str | float]:
    if cell.mark is Mark.MISSING:
        return {"stroke": svg.SEVERITY_FILL.get(cell.severity, svg.INK), "stroke-width": 2.4}
    if cell.mark is Mark.UNDECIDED:
        return {"stroke": svg.MUTED, "stroke-width": 0.8, "stroke-dasharray": "2 1.5"}
    return {"stroke": svg.RULE, "stroke-width": 0.6}
