"""The small pictures of the result page: coverage as one bar, severities as another."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from portproof.model.evidence import CoverageInfo
from portproof.render import svg

_WIDTH: Final = 230.0
_HEIGHT: Final = 12.0


def coverage_bar(coverage: CoverageInfo) -> Markup:
    """Draw measured (solid), unmeasured (hatched) and missing (empty, dashed) of what was planned.

    A part of one endpoint in a million still gets a visible sliver: nothing may look complete
    that is not.
    """
    parts = (coverage.measured, sum(coverage.unmeasured.values()), coverage.missing)
    widths = _widths(parts, coverage.planned, _WIDTH - 2)
    marks, x = [], 1.0
    for kind, part in zip(("measured", "unmeasured", "missing"), widths, strict=True):
        if part:
            marks.append(_part(kind, x, part))
        x += part
    frame = svg.rectangle(
        0.5, 0.5, _WIDTH - 1, _HEIGHT - 1, fill="none", stroke=svg.MUTED, stroke_width=0.8
    )
    label = f"measured {parts[0]}, unmeasured {parts[1]}, missing {parts[2]} of {coverage.planned} planned"
    return svg.drawing(_WIDTH, _HEIGHT, label, *marks, frame)


def _part(kind: str, x: float, width: float) -> Markup:
    match kind:
        case "measured":
            return svg.rectangle(x, 1, width, _HEIGHT - 2, fill=svg.MEASURED)
        case "unmeasured":
            return svg.hatched(x, 1, width, _HEIGHT - 2)
        case _:
            return svg.rectangle(
                x,
                1,
                width,
                _HEIGHT - 2,
                fill=svg.WHITE,
                stroke=svg.INK,
                stroke_width=0.8,
                stroke_dasharray="2 2",
            )


def _widths(parts: tuple[int, ...], planned: int, room: float) -> tuple[float, ...]:
    whole = max(planned, sum(parts))
    if whole == 0:
        return tuple(0.0 for _ in parts)
    least = [3.0 if part else 0.0 for part in parts]
    free = room - sum(least)
    return tuple(floor + free * part / whole for floor, part in zip(least, parts, strict=True))
