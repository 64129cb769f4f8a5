from __future__ import annotations

import pytest

from portproof.documents.baseline_shape import BaselineShape
from portproof.documents.wording import did_you_mean, found, keys_at


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "the truth value true"),
        (22, "the number 22"),
        (1.5, "the number 1.5"),
        ("yes", "the text 'yes'"),
        ("a\nb", "the text 'a\\nb'"),
        ("x" * 50, f"the text '{'x' * 40}'..."),
        ([], "a list"),
        ({}, "a mapping"),
    ],
)
def test_a_value_is_named_as_its_writer_would(value: object, words: str) -> None:
    assert found(value) == words


def test_keys_are_found_through_lists_and_optional_parts() -> None:
    assert keys_at(BaselineShape, ("reviewed",)) == ["on", "by"]
    assert keys_at(BaselineShape, ("entries", 3, "mitigation")) == ["measure", "checked_by"]
    assert "schema" in keys_at(BaselineShape, ())


def test_a_few_names_are_listed_and_many_are_not() -> None:
    assert did_you_mean("moon", ["office", "cde"]) == "; known: cde, office"
    assert did_you_mean("moon", map(str, range(100))) == ""
    assert did_you_mean("x" * 10_000, ["x"]) == "; known: x"
