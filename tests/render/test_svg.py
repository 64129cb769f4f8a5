from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from evidence_parts import coverage
from portproof.render import svg
from portproof.render.bars import coverage_bar

anything = st.text(st.characters(exclude_categories=()))


@given(anything.filter(bool))
def test_any_words_give_well_formed_markup_without_new_elements(words: str) -> None:
    picture = svg.drawing(10, 10, words, svg.group(svg.text(0, 0, words), title=words))
    assert [each.tag for each in ET.fromstring(picture).iter()] == ["svg", "g", "title", "text"]


@given(st.text(min_size=0, max_size=200), st.integers(4, 60))
def test_clipped_words_keep_both_ends_and_fit(words: str, room: int) -> None:
    short = svg.clipped(words, room)
    assert len(short) <= room
    assert short == words or (words.startswith(short[:1]) and words.endswith(short[-1:]))


def test_severities_get_darker_as_they_get_worse() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[index : index + 2], 16) for index in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    values = [
        lightness(svg.SEVERITY_FILL[name]) for name in ("critical", "high", "medium", "low", "info")
    ]
    assert values == sorted(values)
    assert all(later - earlier > 20 for earlier, later in pairwise(values))


def test_one_unmeasured_endpoint_in_a_million_is_still_visible() -> None:
    picture = coverage_bar(coverage("tcp", 1_000_000, no_route=1))
    assert "<path" in picture
    assert "unmeasured 1, missing 0 of 1000000 planned" in picture


def test_full_coverage_shows_no_hatch_and_no_coverage_no_fill() -> None:
    assert "<path" not in coverage_bar(coverage("tcp", 10))
    assert svg.MEASURED not in coverage_bar(coverage("tcp", 10, no_route=10))
    assert svg.MEASURED not in coverage_bar(coverage("udp", 0))


def test_missing_probes_look_unlike_measured_and_unmeasured_ones() -> None:
    assert "stroke-dasharray" in coverage_bar(coverage("tcp", 10, missing=3))
