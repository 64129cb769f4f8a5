"""What GnuPG tells of a signature: read as it is meant, and nothing but refused otherwise."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.documents.gnupg import LARGEST_KEYRING, Keyring, PublicKey, read_keyring
from portproof.errors import ApprovalError

DIGITS = "8781DA772E06EF094E79F1CE29B92BCFEC7D55FB"
KEY = PublicKey(name=f"openpgp:{DIGITS}", primary=f"openpgp:{DIGITS}", revoked=False, expires=None)
KEYRING = Keyring(program="gpg", file=Path("keys.asc"), box=b"", keys={DIGITS: KEY})
GOOD = f"[GNUPG:] GOODSIG 29B92BCFEC7D55FB head\n[GNUPG:] VALIDSIG {DIGITS} 2025-02-01 {{}} 0 4 0 22 {{}} 00 {DIGITS}\n"


def status(at: str = "1738368000", digest: str = "8") -> str:
    return GOOD.format(at, digest)


def test_who_signed_when_and_over_what_is_read() -> None:
    found = KEYRING.read_status(status())
    assert (found.key, found.at, found.refused) == (KEY, datetime(2025, 2, 1, tzinfo=UTC), "")


@pytest.mark.parametrize(("digest", "name"), [("1", "MD5"), ("2", "SHA-1"), ("3", "RIPEMD-160")])
def test_a_digest_that_can_be_forged_is_refused(digest: str, name: str) -> None:
    assert f"over a {name} digest" in KEYRING.read_status(status(digest=digest)).refused


def test_a_signature_that_has_ended_is_refused() -> None:
    ended = status().replace("GOODSIG", "EXPSIG")
    assert KEYRING.read_status(ended).refused == "its signature has an end, which has come"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("", "it cannot be read"),
        (status() * 2, "it is not one signature"),
        (status().replace("GOODSIG", "BADSIG"), "it is not over this content"),
        (status().partition("\n")[0], "it is not over this content"),
        ("[GNUPG:] ERRSIG 29B9 22 8 00 1738368000 9 -\n", "it is by no key that keys.asc holds"),
        (status().replace(DIGITS, "F" * 40), "it is by no key that keys.asc holds"),
        (status().replace(" 22 8 00", ""), "it is not over this content"),
    ],
)
def test_what_is_no_good_signature_says_why(told: str, why: str) -> None:
    with pytest.raises(ApprovalError, match=why):
        KEYRING.read_status(told)


@given(st.lists(st.sampled_from([*status().split(), "\n", "[GNUPG:] ", " ", "-1", "EXPSIG"])))
def test_whatever_is_told_ends_in_a_signature_or_a_refusal(words: list[str]) -> None:
    with suppress(ApprovalError):
        KEYRING.read_status(" ".join(words))


def test_a_keyring_without_end_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "keys.asc").open("wb") as file:
        file.truncate(LARGEST_KEYRING + 1)
    with pytest.raises(ApprovalError, match="is larger than 4 MiB"):
        read_keyring("gpg", tmp_path / "keys.asc")
