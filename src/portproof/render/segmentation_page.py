"""`segmentation.html` and `segmentation.pdf`: the matrix as a report of its own (`standalone`, `pdf`).

One template for both. Every cell that somebody tested leads to its block further down: runs,
targets, paths, gaps. On paper long lists are cut, because the attached JSON holds all of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from portproof.model.segmentation_record import KeptMatrix
from portproof.model.segmentation_result import Cell, CellState, Matrix
from portproof.render.evidence_json import write_whole
from portproof.render.pdf import to_pdf
from portproof.render.segmentation_json import instant, segmentation_json
from portproof.render.segmentation_words import (
    DEFAULT_DENY,
    MARKS,
    NOT_A_PENETRATION_TEST,
    expected_text,
    gap_lines,
    merged_paths,
    path_text,
    ports_text,
    short_zone,
)
from portproof.render.standalone import Filters, draw_page

PAGE_NAME: Final = "segmentation.html"
JSON_NAME: Final = "segmentation.json"
PDF_NAME: Final = "segmentation.pdf"
_TEMPLATE: Final = "segmentation.html.j2"
_UNTESTED: Final = frozenset({CellState.NOT_EVALUATED})
_WIDE: Final = 6
"""Target zones beyond which a cell of the matrix says its state only: twelve with counts fit nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What the first page says beside the matrix."""

    entity: str
    classification: str
    operator: str
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """Where the report is read."""

    name: str
    """`screen` or `paper`."""
    most: int
    """Rows of one list of a cell; the JSON has them all, and the report says so."""


SCREEN: Final = Medium(name="screen", most=500)
PAPER: Final = Medium(name="paper", most=12)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A matrix, the record that it was read from, and what stands on its cover."""

    matrix: Matrix
    kept: KeptMatrix | None
    """None: it was judged just now, and is no record."""
    cover: Cover


def write_report(drawn: Drawn, *, templates: Path, out: Path, forms: Collection[str]) -> list[Path]:
    """Write the report into the folder `out`, in some of the forms json, html, pdf; gives the files.

    The JSON is written whatever the forms are: the others name its digest.

    Raises:
        RenderError: a file cannot be written, the template is broken, or the PDF needs a library
            that is not there.
    """
    machine = segmentation_json(drawn.matrix, drawn.kept).encode()
    digest = hashlib.sha256(machine).hexdigest()
    written = {JSON_NAME: machine}
    if "html" in forms:
        written[PAGE_NAME] = draw(drawn, SCREEN, templates=templates, digest=digest).encode()
    if "pdf" in forms:
        page = draw(drawn, PAPER, templates=templates, digest=digest)
        written[PDF_NAME] = to_pdf(
            page,
            evidence=machine,
            report_id=digest,
            issued=drawn.cover.issued_at,
            name=JSON_NAME,
        )
    for name, content in written.items():
        write_whole(out / name, content)
    return [out / name for name in written]


def draw(drawn: Drawn, medium: Medium, *, templates: Path, digest: str) -> str:
    """Draw the report for a medium; `digest` is the SHA-256 of the JSON beside it.

    Raises:
        RenderError: the template or a style sheet is missing or broken.
    """
    matrix = drawn.matrix
    values = {
        "matrix": matrix,
        "kept": drawn.kept,
        "cover": drawn.cover,
        "medium": medium.name,
        "json_name": JSON_NAME,
        "json_digest": digest,
        "states": tuple(CellState),
        "last": {(each.source, each.target): each for each in matrix.last},
        "not_a_test": NOT_A_PENETRATION_TEST,
        "default_deny": DEFAULT_DENY,
        "most": medium.most,
        "wide": len(matrix.targets) > _WIDE,
        "tested": tuple(each for each in matrix.cells if each.state not in _UNTESTED),
        "untested": tuple(each for each in matrix.cells if each.state in _UNTESTED),
    }
    filters: Filters = {
        "expected": expected_text,
        "gaps": gap_lines,
        "merged": merged_paths,
        "zone": short_zone,
        "instant": instant,
        "path": path_text,
        "ports": lambda ports: ports_text(str(ports)),
        "mark": _mark,
    }
    sheets = ["common.css", f"{medium.name}.css", "segmentation.css"]
    if medium is PAPER:
        sheets.append("segmentation-paper.css")
    return draw_page(_TEMPLATE, values, sheets=sheets, filters=filters, templates=templates)


def _mark(cell: Cell) -> str:
    return MARKS[cell.state]
