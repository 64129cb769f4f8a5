"""`segmentation.html`: the matrix as a page of its own (`standalone`).

Every cell leads to its block further down: runs, targets, paths, gaps.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Final

from portproof.model.segmentation_result import Cell, CellState, Matrix
from portproof.render.evidence_json import write_whole
from portproof.render.segmentation_json import instant, segmentation_json
from portproof.render.segmentation_words import (
    DEFAULT_DENY,
    MARKS,
    NOT_A_PENETRATION_TEST,
    expected_text,
    gap_text,
    path_text,
    ports_text,
)
from portproof.render.standalone import Filters, draw_page

PAGE_NAME: Final = "segmentation.html"
JSON_NAME: Final = "segmentation.json"
_TEMPLATE: Final = "segmentation.html.j2"
_SHEETS: Final = ("common.css", "screen.css", "segmentation.css")
_MOST_LISTED: Final = 500
"""Rows of one table of the page; the JSON has them all, and the page says so."""


def write_page(
    matrix: Matrix,
    *,
    imprint_of: tuple[str, str, str],
    issued_at: datetime,
    templates: Path,
    out: Path,
) -> list[Path]:
    """Write the page and the JSON into the folder `out`; gives the files.

    `imprint_of` are the names of the entity, the classification and the operator.

    Raises:
        RenderError: a file cannot be written, or the template is missing or broken.
    """
    machine = segmentation_json(matrix).encode()
    digest = hashlib.sha256(machine).hexdigest()
    page = draw(
        matrix, imprint_of=imprint_of, issued_at=issued_at, templates=templates, digest=digest
    )
    write_whole(out / JSON_NAME, machine)
    write_whole(out / PAGE_NAME, page.encode())
    return [out / JSON_NAME, out / PAGE_NAME]


def draw(
    matrix: Matrix,
    *,
    imprint_of: tuple[str, str, str],
    issued_at: datetime,
    templates: Path,
    digest: str,
) -> str:
    """Draw the page; `digest` is the SHA-256 of the JSON beside it.

    Raises:
        RenderError: the template or a style sheet is missing or broken.
    """
    entity, classification, operator = imprint_of
    values = {
        "matrix": matrix,
        "entity": entity,
        "classification": classification,
        "operator": operator,
        "issued_at": instant(issued_at),
        "json_name": JSON_NAME,
        "json_digest": digest,
        "states": tuple(CellState),
        "last": {(each.source, each.target): each for each in matrix.last},
        "not_a_test": NOT_A_PENETRATION_TEST,
        "default_deny": DEFAULT_DENY,
        "most": _MOST_LISTED,
    }
    filters: Filters = {
        "expected": expected_text,
        "gap": gap_text,
        "instant": instant,
        "path": path_text,
        "ports": lambda ports: ports_text(str(ports)),
        "word": _word,
    }
    return draw_page(_TEMPLATE, values, sheets=_SHEETS, filters=filters, templates=templates)


def _word(cell: Cell) -> str:
    return MARKS[cell.state]
