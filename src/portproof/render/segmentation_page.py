"""`segmentation.html`: the matrix as a page of its own, in the style of the evidence report.

One file that asks for nothing else; like `report.html` it admits one style sheet by its digest, and
nothing may run. Every cell leads to its block further down: runs, targets, paths, gaps.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from portproof.errors import RenderError
from portproof.model.segmentation_result import Cell, CellState, Matrix
from portproof.render import wording
from portproof.render.evidence_json import write_whole
from portproof.render.neutral import visible
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
    try:
        style = _style(templates)
        return (
            _environment(templates)
            .get_template(_TEMPLATE)
            .render(
                matrix=matrix,
                entity=entity,
                classification=classification,
                operator=operator,
                issued_at=instant(issued_at),
                json_name=JSON_NAME,
                json_digest=digest,
                style=style,
                style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
                states=tuple(CellState),
                last={(each.source, each.target): each for each in matrix.last},
                not_a_test=NOT_A_PENETRATION_TEST,
                default_deny=DEFAULT_DENY,
                most=_MOST_LISTED,
            )
        )
    except OSError as error:
        raise RenderError(
            f"cannot read the report's style: {error.filename}: {error.strerror}"
        ) from error
    except TemplateError as error:
        place = (
            f"{getattr(error, 'name', None) or _TEMPLATE}:{getattr(error, 'lineno', None) or '?'}"
        )
        raise RenderError(f"the report template is broken: {place}: {error.message}") from error


def _style(templates: Path) -> Markup:
    sheets = ((templates / "style" / each).read_text(encoding="utf-8") for each in _SHEETS)
    # Shipped style sheets are ours: they alone enter the page unescaped.
    text = "\n".join(sheets)
    return Markup(f"\n{text}\n")  # noqa: S704


def _environment(templates: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Names of zones, roles and services are other people's text: see `render.neutral`.
        finalize=_neutral,
    )
    environment.filters.update(
        anchor=wording.anchor,
        duration=wording.duration,
        expected=expected_text,
        gap=gap_text,
        instant=instant,
        moment=wording.moment,
        path=path_text,
        plural=wording.plural,
        ports=lambda ports: ports_text(str(ports)),
        thousands=wording.thousands,
        word=_word,
    )
    return environment


def _neutral(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _word(cell: Cell) -> str:
    return MARKS[cell.state]
