"""The state timeline drawn: one row per endpoint, one bar per stretch of time in one state.

A bar reaches from the first to the last measurement that showed the state. Between two bars
nothing is claimed, and nothing is drawn but a dotted line; a state seen once is a tick.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup

from portproof.model.evidence import IntervalInfo
from portproof.render import svg

_LABEL: Final = 198.0
_WIDTH: Final = 410.0
_RIGHT: Final = 56.0
_ROW: Final = 18.0
_HEAD: Final = 26.0
_ROWS: Final = 32
_TICK_EVERY_PX: Final = 96.0
_LEAST_BAR: Final = 3.0
_LEAST_SPAN: Final = timedelta(minutes=1)
"""Times that lie closer together are those of one run: drawn apart they would look like a history."""
_STEPS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600)
) + tuple(timedelta(days=days) for days in (1, 2, 7, 14, 28, 91, 182, 364, 728, 3640))


@dataclass(frozen=True, slots=True)
class Span:
    """The time a drawing covers, in UTC; never empty."""

    begin: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Give the horizontal place of an instant."""
        return _LABEL + _WIDTH * ((at - self.begin) / (self.end - self.begin))


def timeline(
    intervals: Sequence[IntervalInfo], *, max_endpoints: int
) -> tuple[tuple[Markup, ...], int]:
    """Draw the intervals; gives the pictures (a page's height each) and how many endpoints are left out.

    Intervals whose times are no RFC 3339 instants are left to the table of the document.
    """
    rows: dict[str, list[tuple[IntervalInfo, datetime, datetime]]] = {}
    for each in intervals:
        begin, end = _instant(each.first_seen), _instant(each.last_seen)
        if begin is not None and end is not None and begin <= end:
            rows.setdefault(each.endpoint, []).append((each, begin, end))
    if not rows:
        return (), 0
    span = _span([(begin, end) for row in rows.values() for _, begin, end in row])
    shown = list(rows.items())[:max_endpoints]
    pictures = tuple(
        _picture(shown[top : top + _ROWS], span) for top in range(0, len(shown), _ROWS)
    )
    return pictures, len(rows) - len(shown)


def timeline_legend() -> tuple[tuple[Markup, str], ...]:
    """Give each state as a small picture with its name."""
    return tuple(
        (svg.drawing(26, _ROW, state, _bar(state, 1, 24, 0)), state)
        for state in ("open", "closed", "filtered", "open|filtered")
    )


def _picture(
    rows: Sequence[tuple[str, list[tuple[IntervalInfo, datetime, datetime]]]], span: Span
) -> Markup:
    height = _HEAD + _ROW * len(rows) + 4
    lines = (
        _row(endpoint, row, span, _HEAD + _ROW * index)
        for index, (endpoint, row) in enumerate(rows)
    )
    label = f"State timeline of {len(rows)} endpoints from {span.begin:%Y-%m-%d} to {span.end:%Y-%m-%d}."
    return svg.drawing(_LABEL + _WIDTH + _RIGHT, height, label, *_axis(span, height), *lines)


def _axis(span: Span, height: float) -> Iterable[Markup]:
    longest = span.end - span.begin
    step = next((each for each in _STEPS if longest / each * _TICK_EVERY_PX <= _WIDTH), longest)
    form = "%Y-%m-%d" if step >= timedelta(days=1) else "%H:%M:%S"
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    tick = epoch + step * -(-(span.begin - epoch) // step)
    yield svg.text(0, 10, f"UTC, {span.begin:%Y-%m-%d}", fill=svg.MUTED, font_size=8.8)
    yield svg.text(_LABEL + _WIDTH + 6, 10, "runs", fill=svg.MUTED, font_size=8.8)
    while tick <= span.end:
        x = span.x(tick)
        yield svg.line(x, 15, x, height, stroke=svg.RULE, stroke_width=0.6)
        if (
            x < _LABEL + _WIDTH - _TICK_EVERY_PX / 3
        ):  # else it would run into the heading of the counts
            yield svg.text(
                x, 10, tick.strftime(form), fill=svg.MUTED, font_size=8.8, text_anchor="middle"
            )
        tick += step


def _row(
    endpoint: str, intervals: list[tuple[IntervalInfo, datetime, datetime]], span: Span, y: float
) -> Markup:
    middle = y + _ROW / 2
    name = svg.text(0, middle + 3, svg.clipped(endpoint, 36), font_size=8.8, font_family=svg.MONO)
    rest = svg.line(
        _LABEL,
        middle,
        _LABEL + _WIDTH,
        middle,
        stroke=svg.RULE,
        stroke_width=0.8,
        stroke_dasharray="1 3",
    )
    bars = (_placed(each, span.x(begin), span.x(end), y) for each, begin, end in intervals)
    runs = svg.text(
        _LABEL + _WIDTH + 6,
        middle + 3,
        f"{sum(each.runs for each, _, _ in intervals):,}",
        font_size=8.8,
    )
    return svg.group(name, rest, *bars, runs)


def _placed(interval: IntervalInfo, left: float, right: float, y: float) -> Markup:
    words = f"{interval.endpoint} {interval.state}: {interval.first_seen} to {interval.last_seen}, {interval.runs} runs"
    width = max(right - left, _LEAST_BAR)
    left = min(left, _LABEL + _WIDTH - width)
    return svg.group(_bar(interval.state, left, width, y), title=words)


def _bar(state: str, x: float, width: float, y: float) -> Markup:
    top, height = y + 3.5, _ROW - 7
    match state:
        case "open":
            return svg.rectangle(x, top, width, height, fill=svg.ACCENT)
        case "closed":
            return svg.rectangle(
                x, top, width, height, fill=svg.WHITE, stroke=svg.MUTED, stroke_width=0.9
            )
        case "filtered":
            return svg.rectangle(x, top, width, height, fill="#b8c2cc")
        case _:
            # Silence over UDP decides nothing: dashed, as in the heat map.
            return svg.rectangle(
                x,
                top,
                width,
                height,
                fill=svg.WHITE,
                stroke=svg.MUTED,
                stroke_width=0.9,
                stroke_dasharray="2 1.5",
            )


def _span(stretches: Iterable[tuple[datetime, datetime]]) -> Span:
    begins, ends = zip(*stretches, strict=True)
    begin, end = min(begins), max(ends)
    if end - begin < _LEAST_SPAN:
        return Span(begin - timedelta(hours=12), end + timedelta(hours=12))
    return Span(begin, end)


def _instant(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo is not None else None
