"""Drawing: escaped SVG elements, the palette, and the marks that every figure shares.

SVG is put together from elements, never from strings: each text is made visible and escaped here.
Numbers are printed with at most two decimals, so that the same document gives the same bytes. Only
presentation attributes are used: the HTML report's content security policy admits one style sheet
by its digest and no inline style, and WeasyPrint applies no page CSS inside SVG.

Colour never carries meaning alone. Each mark has a letter or a hatch of its own, and severities get
darker as they get worse, so that a greyscale print still reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup, escape

from portproof.render.neutral import PEER_LIMIT, visible

INK: Final = "#1c2733"
MUTED: Final = "#5d6b7a"
RULE: Final = "#c9d1d9"
FAINT: Final = "#eef1f4"
WHITE: Final = "#ffffff"
ACCENT: Final = "#1f3f66"
APPROVED: Final = "#cfe0ee"
MEASURED: Final = "#3f6a93"
WAIVED: Final = "#e9e2f2"

SEVERITY_FILL: Final = {
    "critical": "#64101d",
    "high": "#a92e26",
    "medium": "#d98c2b",
    "low": "#e9c76f",
    "info": "#e3e8ed",
}
"""Fill by severity; the lightness falls steadily from info to critical."""
_LIGHT_TEXT: Final = frozenset({"critical", "high"})

FONT: Final = "DejaVu Sans, Verdana, Liberation Sans, Arial, sans-serif"
MONO: Final = "DejaVu Sans Mono, Menlo, Liberation Mono, Consolas, monospace"


def element(tag: str, attributes: dict[str, str | float], *children: Markup) -> Markup:
    """Make one element; attribute values are escaped, and numbers printed with at most two decimals."""
    written = Markup("").join(
        Markup(' {}="{}"').format(name, _number(value)) for name, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(tag, written, Markup("").join(children))


def drawing(width: float, height: float, label: str, *children: Markup) -> Markup:
    """Make a whole picture with its text alternative; measures are CSS pixels."""
    attributes: dict[str, str | float] = {
        "width": width,
        "height": height,
        "viewBox": f"0 0 {_number(width)} {_number(height)}",
        "role": "img",
        "aria-label": visible(label, PEER_LIMIT),
        "font-family": FONT,
    }
    return element("svg", attributes, *children)


def rectangle(x: float, y: float, width: float, height: float, /, **look: str | float) -> Markup:
    """Draw a rectangle; `look` are presentation attributes with `_` for `-`."""
    return element("rect", {"x": x, "y": y, "width": width, "height": height, **_hyphened(look)})


def line(x1: float, y1: float, x2: float, y2: float, /, **look: str | float) -> Markup:
    """Draw a straight line."""
    return element("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, **_hyphened(look)})


def text(x: float, y: float, words: str, /, **look: str | float) -> Markup:
    """Write words with their base line at y."""
    return element(
        "text",
        {"x": x, "y": y, "fill": INK, "font-size": 8, **_hyphened(look)},
        escape(visible(words, PEER_LIMIT)),
    )


def group(*children: Markup, transform: str = "", title: str = "") -> Markup:
    """Put marks together; `title` shows when a pointer rests on them."""
    attributes: dict[str, str | float] = {"transform": transform} if transform else {}
    described = (element("title", {}, escape(visible(title, PEER_LIMIT))),) if title else ()
    return element("g", attributes, *described, *children)


def hatched(x: float, y: float, width: float, height: float, step: float = 4) -> Markup:
    """Fill a box with grey diagonal lines: the mark of what was not measured.

    Plain lines instead of an SVG pattern: a pattern needs an id, and ids would clash between the
    figures of one page.
    """
    path = []
    offset = step / 2
    while offset < width + height:
        start_x, start_y = (offset, 0.0) if offset <= width else (width, offset - width)
        end_x, end_y = (0.0, offset) if offset <= height else (offset - height, height)
        path.append(
            f"M{_number(x + start_x)} {_number(y + start_y)}L{_number(x + end_x)} {_number(y + end_y)}"
        )
        offset += step
    back = rectangle(x, y, width, height, fill="#f3f4f5")
    strokes = element(
        "path", {"d": "".join(path), "stroke": "#8b949d", "stroke-width": 0.8, "fill": "none"}
    )
    return group(back, strokes)


def text_on(severity: str) -> str:
    """Give the text colour that can be read on the fill of a severity."""
    return WHITE if severity in _LIGHT_TEXT else INK


def clipped(words: str, characters: int) -> str:
    """Shorten words to that many characters by leaving out their middle, where names differ least."""
    if len(words) <= characters:
        return words
    tail = (characters - 1) // 2
    return f"{words[: characters - 1 - tail]}…{words[len(words) - tail :]}"


def _hyphened(look: Mapping[str, str | float]) -> dict[str, str | float]:
    return {name.replace("_", "-"): value for name, value in look.items()}


def _number(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".")
