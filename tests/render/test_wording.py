from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.observation import LocalFault
from portproof.render import wording


def test_a_share_carries_numerator_and_denominator() -> None:
    assert wording.share(458_825, 524_376) == "458,825 of 524,376 (87.49 %)"


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (131_069, 131_070, "131,069 of 131,070 (99.99 %)"),
        (7, 7, "7 of 7 (100 %)"),
        (0, 7, "0 of 7 (0 %)"),
        (1, 1_000_000, "1 of 1,000,000 (< 0.01 %)"),
        (0, 0, "0 of 0"),
    ],
)
def test_a_share_is_cut_down_and_never_rounded_up(part: int, whole: int, words: str) -> None:
    assert wording.share(part, whole) == words


@given(st.integers(1, 10**12), st.integers(1, 10**6))
def test_only_all_of_it_is_a_hundred_percent(whole: int, lost: int) -> None:
    assert "(100 %)" not in wording.share(max(0, whole - lost), whole)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 ms"),
        (412, "412 ms"),
        (3_499, "3.4 s"),
        (125_000, "2 min 5 s"),
        (3_725_000, "1 h 2 min"),
    ],
)
def test_a_duration_is_told_in_the_two_units_that_matter(milliseconds: int, words: str) -> None:
    assert wording.duration(milliseconds) == words


def test_a_count_that_could_not_be_made_is_unknown_and_not_nought() -> None:
    assert wording.thousands(None) == "unknown"
    assert wording.microseconds(None) == "–"  # noqa: RUF001
    assert wording.microseconds(1_204) == "1.204 ms"


def test_every_local_fault_is_told_in_words_and_an_unknown_one_as_it_stands() -> None:
    assert all(wording.fault(each) != each.value for each in LocalFault)
    assert wording.fault("new-fault") == "new-fault"


def test_a_digest_is_shortened_to_both_its_ends() -> None:
    assert wording.short("0123456789abcdef" * 4) == "01234567…89abcdef"
    assert wording.short("0123") == "0123"


def test_an_instant_is_told_with_its_zone_and_anything_else_as_it_stands() -> None:
    assert wording.moment("2026-11-20T22:14:03Z") == "2026-11-20 22:14:03 UTC"
    assert wording.moment("2026-11-20T22:14:03+02:00") == "2026-11-20T22:14:03+02:00"
    assert wording.moment("") == ""


@given(st.text())
def test_an_anchor_never_leaves_its_attribute(text: str) -> None:
    assert wording.anchor(text).replace("-", "").replace(".", "").replace("_", "").isalnum() or text
    assert not set(wording.anchor(text)) & set(" \"'<>#&")
