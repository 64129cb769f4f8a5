"""The serialised tree of an expression is read without a protobuf library."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cel_expr_python import cel
from hypothesis import given
from hypothesis import strategies as st

from portproof.expressions.checked import Checked, Text, read_checked

TYPES = cel.Type
ENVIRONMENT = cel.NewEnv(
    variables={
        "port": TYPES.INT,
        "host": TYPES.STRING,
        "tags": TYPES.List(TYPES.STRING),
        "attributes": TYPES.Map(TYPES.STRING, TYPES.STRING),
    }
)


def read(text: str) -> Checked:
    return read_checked(ENVIRONMENT.compile(text).serialize())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("true", set()),
        ("port == 22", {"port"}),
        ('{"a": host}["a"] == "x" || [port][0] == 1', {"host", "port"}),
        ("has(attributes.auth) ? port > 1 : false", {"attributes", "port"}),
        ('host.matches("x") && "x" in tags', {"host", "tags"}),
    ],
)
def test_it_names_what_is_read(text: str, names: set[str]) -> None:
    assert read(text).names == names


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("port == 1", 0),
        ('tags.exists(t, t == "x")', 1),
        ("tags.map(t, t).filter(t, true).size() == 1", 1),
        ("tags.all(t, tags.all(u, t == u))", 2),
        ("{'a': tags.exists(t, tags.exists(u, t == u))}['a']", 2),
    ],
)
def test_loops_count_where_they_stand_in_each_other_and_not_side_by_side(
    text: str, depth: int
) -> None:
    assert read(text).nesting == depth


def test_constant_arguments_are_told_with_their_places() -> None:
    (call,) = read("host.matches('^a')").calls
    assert (call.function, call.texts) == ("matches", (None, Text("^a", 13)))


def test_joins_of_texts_and_lists_are_counted() -> None:
    assert read("host + 'a' + 'b' == 'c' && port + 1 == 2").joins == 2


@given(st.binary(max_size=80))
def test_other_bytes_are_refused_or_read_and_never_more(serialised: bytes) -> None:
    with suppress(ValueError):
        assert read_checked(serialised).nesting == 0
