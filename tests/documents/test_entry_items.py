"""A file in pieces, and the file they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.documents.entry_items import pieces_of

BLOCK = """\
scope: shop
entries:   # all of them
  - id: a
    hosts: 192.0.2.1
  # about b
  - {id: b,
     hosts: 192.0.2.2}

assets: []
"""


def test_each_item_of_the_block_is_a_piece() -> None:
    found = pieces_of(BLOCK)
    assert [each.splitlines()[0] for each in found.items] == ["  - id: a", "  - {id: b,"]
    assert found.before.endswith("# all of them\n")
    assert found.after == "assets: []\n"


@pytest.mark.parametrize("text", ["entries: [{id: a}]\n", "entries:\n", "", "entries:\nx: 1\n"])
def test_a_file_without_such_a_block_is_one_piece(text: str) -> None:
    assert pieces_of(text).items == ()


@given(st.text(alphabet="entries:- \n#ab[]{}\"'", max_size=80))
def test_the_pieces_make_the_file_whatever_it_is(text: str) -> None:
    for whole in (text, f"entries:\n{text}"):
        found = pieces_of(whole)
        assert found.before + "".join(found.items) + found.after == whole
