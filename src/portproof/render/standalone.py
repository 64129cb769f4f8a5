"""Pages of their own, in the style of the evidence report.

One file that asks for nothing else; like `report.html` it admits one style sheet by its digest, and
nothing may run. Other people's text is escaped, and what has no glyph is shown (`neutral`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from portproof.errors import RenderError
from portproof.render import wording
from portproof.render.neutral import visible

Filters = Mapping[str, Callable[..., Any]]


def draw_page(
    template: str,
    values: Mapping[str, Any],
    *,
    sheets: Sequence[str],
    filters: Filters,
    templates: Path,
) -> str:
    """Draw a page by a template of the folder `reports/` and style sheets of `reports/style/`.

    The template has `style` and `style_digest` beside the values.

    Raises:
        RenderError: the template or a style sheet is missing or broken.
    """
    try:
        style = _style(templates, sheets)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        page = _environment(templates, filters).get_template(template)
        return page.render(values, style=style, style_digest=digest)
    except OSError as error:
        raise RenderError(
            f"cannot read the report's style: {error.filename}: {error.strerror}"
        ) from error
    except TemplateError as error:
        place = (
            f"{getattr(error, 'name', None) or template}:{getattr(error, 'lineno', None) or '?'}"
        )
        raise RenderError(f"the report template is broken: {place}: {error.message}") from error


def _style(templates: Path, sheets: Sequence[str]) -> Markup:
    read = ((templates / "style" / each).read_text(encoding="utf-8") for each in sheets)
    # Shipped style sheets are ours: they alone enter the page unescaped.
    text = "\n".join(read)
    return Markup(f"\n{text}\n")  # noqa: S704


def _environment(templates: Path, filters: Filters) -> Environment:
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
        moment=wording.moment,
        plural=wording.plural,
        thousands=wording.thousands,
        **filters,
    )
    return environment


def _neutral(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
