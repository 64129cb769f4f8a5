"""A character of a YAML value is found in the file, in whatever style the value is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.documents.reading import Reading
from portproof.documents.scalar_places import source_offset
from portproof.documents.shape import Shape


class _OneKey(Shape):
    when: str


STYLES = {
    "plain": "when: port == 22 && bad",
    "plain on two lines": "when: port == 22 &&\n  bad",
    "single quotes": "when: 'host == ''x'' && bad'",
    "double quotes": 'when: "host == \\"x\\" \\x26\\u0026 bad"',
    "double quotes on two lines": 'when: "host == \\\n  \\"x\\"\\t &&\n\n  bad"',
    "literal": "when: |\n  port == 22\n    && bad\n",
    "literal with a comment in its head": "when: |- # bad\n  port == 22 && bad\n",
    "folded": "when: >\n  port == 22\n  &&\n\n  bad\n",
    "folded with indentation of its own": "when: >2-\n     port\n  &&\n      bad\n",
}


@pytest.mark.parametrize("content", STYLES.values(), ids=STYLES)
def test_the_place_of_a_word_is_where_it_is_written(content: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(content, encoding="utf-8")
    reading = Reading(file)
    value = reading.shape(_OneKey).when
    reading.fault_inside(("when",), "here", value.index("bad"))
    (fault,) = reading.faults
    line = content.splitlines()[fault.line - 1]
    assert line[fault.column - 1 :].startswith("bad")


def test_the_end_of_a_value_is_behind_its_last_character() -> None:
    assert source_offset("a: |\n  port ==\n", 3, "port ==\n", 8) == len("a: |\n  port ==")


def test_the_beginning_of_a_block_is_its_first_character() -> None:
    assert source_offset("a: >-\n\n  port\n", 3, "\nport", 1) == len("a: >-\n\n  ")


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40), st.text(max_size=40))
def test_any_offset_gives_a_place_inside_of_the_file(
    content: str, start: int, inside: int, value: str
) -> None:
    begin = min(start, len(content))
    assert 0 <= source_offset(content, begin, value, inside) <= len(content)
