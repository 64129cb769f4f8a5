"""Canonical JSON: RFC 8785, restricted to what evidence needs."""

from __future__ import annotations

import hashlib
import json
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.errors import EvidenceError
from portproof.evidence.canonical import HIGHEST_INTEGER, canonical, digest, digest_of

SAFE_INTEGERS = st.integers(-HIGHEST_INTEGER, HIGHEST_INTEGER)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | SAFE_INTEGERS | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=30,
)
ASCII_VALUES = st.recursive(
    st.none() | st.booleans() | SAFE_INTEGERS | st.text(st.characters(max_codepoint=0x7F)),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=0x7F)), inner)
    ),
    max_leaves=30,
)

SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def written_by_hand(value: Any) -> str:
    """RFC 8785 §3.2 once more, without the json module and without UTF-16 encoders."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        escaped = (SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value)
        return '"' + "".join(escaped) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(written_by_hand, value)) + "]"
    members = sorted(value.items(), key=lambda member: code_units(member[0]))
    return "{" + ",".join(f"{written_by_hand(k)}:{written_by_hand(v)}" for k, v in members) + "}"


def code_units(text: str) -> list[int]:
    units: list[int] = []
    for character in text:
        point = ord(character)
        if point > 0xFFFF:
            units += [0xD800 + ((point - 0x10000) >> 10), 0xDC00 + ((point - 0x10000) & 0x3FF)]
        else:
            units.append(point)
    return units


@given(VALUES)
def test_it_agrees_with_an_independent_writing_of_the_rules(value: Any) -> None:
    assert canonical(value) == written_by_hand(value).encode()


@given(VALUES)
def test_reading_it_gives_the_value_back(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(ASCII_VALUES)
def test_for_ascii_it_is_sorted_compact_json(value: Any) -> None:
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(value) == expected.encode()


@given(st.dictionaries(TEXT, SAFE_INTEGERS))
def test_the_order_in_which_keys_were_added_does_not_matter(members: dict[str, int]) -> None:
    assert canonical(members) == canonical(dict(reversed(members.items())))


def test_keys_are_in_the_order_of_the_rfcs_own_example() -> None:
    # RFC 8785 §3.2.3: the emoji (a surrogate pair) sorts before U+FB33.
    example = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical(example)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_text_is_escaped_as_in_the_rfcs_own_example() -> None:
    # RFC 8785 §3.2.2: input "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/".
    written = canonical('\u20ac$\u000f\nA\'B"\\\\"/')
    assert written == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


def test_enumerations_of_text_and_numbers_are_written_as_their_value() -> None:
    word = StrEnum("word", {"OPEN": "open"})
    number = IntEnum("number", {"ONE": 1})
    assert canonical({"a": word.OPEN, "b": number.ONE, "c": True}) == b'{"a":"open","b":1,"c":true}'


def test_a_tuple_is_an_array() -> None:
    assert canonical((1, ("a",))) == b'[1,["a"]]'


@pytest.mark.parametrize("value", [1.0, b"bytes", {1, 2}, object(), [1.5], {"a": 0.5}])
def test_a_type_without_canonical_form_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="no canonical JSON form"):
        canonical(value)


@pytest.mark.parametrize("key", [1, None, True, ("a",)])
def test_a_key_that_is_no_text_is_a_type_error(key: Any) -> None:
    with pytest.raises(TypeError, match="is not text"):
        canonical({key: 1})


@pytest.mark.parametrize("number", [HIGHEST_INTEGER + 1, -HIGHEST_INTEGER - 1, 2**64])
def test_a_number_that_json_readers_would_round_is_refused(number: int) -> None:
    with pytest.raises(EvidenceError, match="write it as text"):
        canonical([number])


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", {"\ud800": 1}, {"a": ["\udc00"]}])
def test_a_lone_surrogate_is_refused(value: Any) -> None:
    with pytest.raises(EvidenceError, match="lone surrogate"):
        canonical(value)


def test_the_digest_is_the_sha_256_of_the_canonical_bytes() -> None:
    assert digest({"b": 1, "a": "x"}) == hashlib.sha256(b'{"a":"x","b":1}').hexdigest()
    assert digest_of(b"") == hashlib.sha256(b"").hexdigest()
