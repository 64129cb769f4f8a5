"""Comma-separated values that a spreadsheet opens without running them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.render.csv_text import to_csv


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_head_and_a_line_for_each_row() -> None:
    text = to_csv(("a", "b"), [{"a": "x, y", "b": 2, "c": "left out"}, {"a": None}])
    assert text == 'a,b\r\n"x, y",2\r\n,\r\n'


def test_lists_and_truth_are_words() -> None:
    assert read(to_csv(("a", "b"), [{"a": ["x", "y"], "b": True}]))[1] == ["x y", "yes"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@cmd", "\tx"])
def test_a_formula_is_text(text: str) -> None:
    assert read(to_csv(("a",), [{"a": text}]))[1][0].startswith("'")


@given(st.text())
def test_any_text_is_one_cell_of_one_line(text: str) -> None:
    assert len(read(to_csv(("a", "b"), [{"a": text, "b": "end"}]))[1:]) == 1
    assert read(to_csv(("a", "b"), [{"a": text, "b": "end"}]))[1][1] == "end"
