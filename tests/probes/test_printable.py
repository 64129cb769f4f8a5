"""Attackers' bytes as one short line, in which no half of a secret is left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portproof.evidence.masking import mask_text
from portproof.probes.printable import LONGEST_TEXT, printable

CARD = "4111111111111111"


@given(st.binary(max_size=2_000))
def test_any_bytes_become_one_printable_line_within_the_limit(said: bytes) -> None:
    shown = printable(said)
    assert len(shown) <= LONGEST_TEXT
    assert shown.isprintable()


@given(before=st.integers(0, 400), separator=st.sampled_from(["", " ", "-"]))
def test_no_digits_of_a_card_survive_the_cut(before: int, separator: str) -> None:
    card = separator.join(CARD[at : at + 4] for at in range(0, 16, 4))
    shown, _ = mask_text(printable(("x " * before + card + " y" * 200).encode()))
    assert sum(character.isdigit() for character in shown) <= 12
    assert "4111" not in shown or "…" not in shown


def test_an_endless_word_keeps_its_beginning_only() -> None:
    assert printable(b"A" * 5_000) == "A" * 12 + "…"


def test_what_fits_is_kept_whole() -> None:
    assert printable(b"Server \x1b[31mred\x00 end") == "Server [31mred end"
