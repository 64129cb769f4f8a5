from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from evidence_samples import typical
from portproof.model.evidence import IntervalInfo
from portproof.render.timeline import Span, timeline, timeline_legend


def interval(
    first: str, last: str, *, endpoint: str = "192.0.2.10:22/tcp", state: str = "open"
) -> IntervalInfo:
    return IntervalInfo(endpoint=endpoint, state=state, first_seen=first, last_seen=last, runs=3)


def test_each_endpoint_has_one_row_with_all_its_states() -> None:
    (picture,), hidden = timeline(typical().timeline, max_endpoints=99)
    assert hidden == 0
    assert picture.count("203.0.113.7:8443/tcp</text>") == 1
    assert picture.count("203.0.113.7:8443/tcp open:") == 2


def test_rows_beyond_the_limit_are_counted() -> None:
    _, hidden = timeline(typical().timeline, max_endpoints=2)
    assert hidden == 3


def test_a_state_seen_once_is_still_a_mark() -> None:
    (picture,), _ = timeline(
        [interval("2026-11-20T22:14:03Z", "2026-11-20T22:14:03Z")], max_endpoints=9
    )
    assert 'width="3"' in picture


def test_the_instants_of_one_run_are_not_drawn_as_a_history() -> None:
    seen = [
        interval(at, at, endpoint=f"192.0.2.10:{port}/tcp")
        for port, at in ((22, "2026-11-20T22:14:03Z"), (80, "2026-11-20T22:14:04Z"))
    ]
    (picture,), _ = timeline(seen, max_endpoints=9)
    marks = [float(x) for x in re.findall(r'<rect x="([\d.]+)"', picture)]
    assert len(marks) == 2
    assert abs(marks[0] - marks[1]) < 1


def test_times_that_are_none_draw_nothing() -> None:
    bad = [
        interval("yesterday", "2026-11-20T22:14:03Z"),
        interval("2026-11-20T22:14:03", "2026-11-20T22:14:03"),
    ]
    turned = interval("2026-11-20T22:14:03Z", "2026-11-19T22:14:03Z")
    assert timeline([*bad, turned], max_endpoints=9) == ((), 0)


def test_a_hostile_endpoint_is_escaped() -> None:
    moment = "2026-11-20T22:14:03Z"
    (picture,), _ = timeline([interval(moment, moment, endpoint="<script>\x1b")], max_endpoints=9)
    assert "<script" not in picture
    assert "\x1b" not in picture


instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(instants, instants)
def test_any_span_of_time_can_be_drawn(one: datetime, other: datetime) -> None:
    first, last = sorted((one, other))
    pictures, _ = timeline([interval(first.isoformat(), last.isoformat())], max_endpoints=9)
    assert len(pictures) == 1
    assert pictures[0].count("<line") < 40


def test_a_place_on_the_axis_is_proportional_to_time() -> None:
    span = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
    middle = (span.x(span.begin) + span.x(span.end)) / 2
    assert span.x(datetime(2026, 1, 2, tzinfo=UTC)) == middle


def test_the_legend_names_every_port_state() -> None:
    assert [state for _, state in timeline_legend()] == [
        "open",
        "closed",
        "filtered",
        "open|filtered",
    ]
