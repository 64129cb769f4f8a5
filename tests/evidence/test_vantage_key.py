from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.evidence.vantage_key import VantageKey, vantage_key

KEY = VantageKey(bytes(range(32)))


def test_a_line_is_read_back_whatever_comment_it_carries() -> None:
    assert vantage_key(KEY.line()) == KEY
    assert vantage_key(KEY.line("vantage outside, made 2026-11-21")) == KEY


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-rsa AAAAB3NzaC1yc2E=",
        "ssh-ed25519",
        "ssh-ed25519 not*base64",
        KEY.line()[:-5],
        KEY.line().replace("AAAAC3", "AAAAC4"),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
    ],
)
def test_what_is_no_whole_ed25519_key_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"expected a line|no base64|cut off or damaged"):
        vantage_key(line)


@given(st.text())
def test_no_text_makes_it_fail_in_another_way(text: str) -> None:
    try:
        key = vantage_key(text)
    except ValueError:
        return
    assert len(key.raw) == 32


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.binary(max_size=80))
def test_no_signature_holds_that_the_key_has_not_made(
    raw: bytes, message: bytes, signature: bytes
) -> None:
    assert not VantageKey(raw).has_signed(b"run" + message, signature)
