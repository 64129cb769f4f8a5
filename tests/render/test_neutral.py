from __future__ import annotations

import unicodedata
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evidence_parts import open_port
from evidence_samples import hostile, typical
from portproof.render.neutral import PEER_LIMIT, neutralised, visible

anything = st.text(st.characters(exclude_categories=()))


def test_plain_text_stays_as_it_is() -> None:
    banner = "220 mail.example.com ESMTP: Grüße 你好"
    assert visible(banner) == banner


def test_an_escape_sequence_can_be_seen_and_does_nothing() -> None:
    assert visible("\x1b[31mred\x00") == "\\x1b[31mred\\x00"


def test_a_right_to_left_override_cannot_turn_a_name_around() -> None:
    assert visible("exe\u202egnp") == "exe\\u202egnp"


def test_line_breaks_become_spaces_and_the_carriage_return_is_shown() -> None:
    assert visible("220 ready\r\n250 ok\t!") == "220 ready\\x0d 250 ok !"


def test_what_is_cut_says_how_much() -> None:
    assert visible("A" * 10_240, 300) == "A" * 300 + " … [9,940 more characters]"


@given(anything)
def test_whatever_is_shown_is_one_line_of_visible_characters(text: str) -> None:
    harmful = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not {unicodedata.category(each) for each in visible(text)} & harmful


@given(st.text(st.characters(categories=("L", "N", "P"))))
def test_visible_text_is_never_changed(text: str) -> None:
    assert visible(text, len(text)) == text


def test_every_text_of_a_document_is_made_visible_at_any_depth() -> None:
    assert "\x1b" in repr(hostile()).encode().decode("unicode_escape")
    assert "\\x1b" not in repr(neutralised(hostile())).replace("\\\\x1b", "")


def test_a_banner_is_cut_shorter_than_a_justification() -> None:
    port = open_port("192.0.2.10:21/tcp", 21, product="A" * 5_000)
    assert len(neutralised(port).product) < PEER_LIMIT + 40
    register = typical().register[0]
    assert neutralised(replace(register, justification="A" * 1_500)).justification == "A" * 1_500


def test_the_order_of_keys_does_not_depend_on_who_built_the_document() -> None:
    summary = typical().summary
    turned = replace(summary, by_verdict=dict(reversed(summary.by_verdict.items())))
    assert list(neutralised(turned).by_verdict) == list(neutralised(summary).by_verdict)
