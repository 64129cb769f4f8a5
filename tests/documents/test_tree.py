from __future__ import annotations

import pytest

from portproof.documents.text import Text
from portproof.documents.tree import DEEPEST, Mapping, Sequence, parse_tree, plain
from portproof.errors import DocumentError


def value_of(text: str) -> object:
    node, faults = parse_tree(Text("a.yaml", text, ""))
    assert not faults
    return plain(node)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("443", 443),
        ("-1", -1),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("'443'", "443"),
        ("text", "text"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(written: str, read: object) -> None:
    assert value_of(f"key: {written}") == {"key": read}


@pytest.mark.parametrize(
    "written",
    [
        "22:22",
        "022",
        "0o26",
        "0x16",
        "1_000",
        "+22",
        "yes",
        "no",
        "on",
        "2026-11-30",
        "1.2.5",
        "9" * 30,
    ],
)
def test_what_yaml_readers_disagree_about_stays_text(written: str) -> None:
    assert value_of(f"key: {written}") == {"key": written}


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_a_key_without_a_value_counts_as_not_written(nothing: str) -> None:
    assert value_of(f"key: {nothing}\nother: 1") == {"other": 1}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert value_of("443: a\ntrue: b\non: c") == {"443": "a", "true": "b", "on": "c"}


def test_the_first_of_two_equal_keys_counts_and_the_second_is_a_fault() -> None:
    node, faults = parse_tree(Text("a.yaml", "a: 1\nb: 2\na: {deep: [1]}\nc: 3", ""))
    assert plain(node) == {"a": 1, "b": 2, "c": 3}
    assert [str(fault) for fault in faults] == [
        "a.yaml:3:1: duplicate key 'a'; it stands in line 1 already"
    ]


def test_a_key_that_is_a_list_is_a_fault() -> None:
    _, faults = parse_tree(Text("a.yaml", "? [1, 2]\n: 3\n", ""))
    assert "a key is a word" in faults[0].problem


def test_nesting_is_limited_and_needs_no_stack() -> None:
    with pytest.raises(DocumentError, match=f"deeper than {DEEPEST} levels"):
        parse_tree(Text("a.yaml", "[" * 100_000, ""))


def test_aliases_cannot_multiply() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    _, faults = parse_tree(Text("a.yaml", bomb, ""))
    told = [fault.problem.partition(":")[0] for fault in faults if "aliases" in fault.problem]
    assert told == ["aliases (*a) are not supported", "aliases (*b) are not supported"]


def test_every_value_knows_where_its_text_begins() -> None:
    content = "a: plain\nb: 'quoted'\nc: \"esc\\u0041ped\"\nd: [x, 7]\n"
    node, _ = parse_tree(Text("a.yaml", content, ""))
    assert isinstance(node, Mapping)
    exact = {key: getattr(child, "exact", None) for key, child in node.pairs.items()}
    assert exact == {"a": 3, "b": 13, "c": None, "d": None}
    listed = node.pairs["d"]
    assert isinstance(listed, Sequence)
    assert [content[item.offset] for item in listed.items] == ["x", "7"]


@pytest.mark.parametrize("empty", ["", "   \n", "# only a comment\n", "---\n...\n", "null\n"])
def test_a_file_without_content_is_a_fault(empty: str) -> None:
    with pytest.raises(DocumentError, match=r"nothing|no content"):
        parse_tree(Text("a.yaml", empty, ""))


@pytest.mark.parametrize("start", ["", "# comment\n", "a: 1\n...\n", "\ufeff", "\u2028"])
def test_a_directive_cannot_change_what_is_read(start: str) -> None:
    with pytest.raises(DocumentError, match="directives"):
        parse_tree(Text("a.yaml", f"{start}%YAML 1.1\n---\na: 022\n", ""))


def test_a_percent_sign_inside_a_text_is_no_directive() -> None:
    assert value_of("a: 100%\nb: '%d'") == {"a": "100%", "b": "%d"}
