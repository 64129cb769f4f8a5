"""A leaf is a small canonical record that says of itself where it belongs."""

from __future__ import annotations

import hashlib

import pytest

from portproof.evidence.leaf import Leaf, LeafKind

REFUSAL = Leaf(
    seq=7,
    kind=LeafKind.REFUSAL,
    at="2026-11-21T08:00:00.000000Z",
    body={"code": "expired", "subject": "AUTH-1"},
)


def test_its_bytes_are_canonical_json_with_schema_and_position() -> None:
    assert REFUSAL.canonical() == (
        b'{"at":"2026-11-21T08:00:00.000000Z","body":{"code":"expired","subject":"AUTH-1"},'
        b'"kind":"refusal","schema":"portproof.leaf/1","seq":7}'
    )


def test_its_hash_is_that_of_the_rfc_with_the_leaf_prefix() -> None:
    assert REFUSAL.hash() == hashlib.sha256(b"\x00" + REFUSAL.canonical()).digest()


def test_a_body_without_canonical_form_is_refused() -> None:
    leaf = Leaf(seq=0, kind=LeafKind.REFUSAL, at="", body={"rate": 0.5})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        leaf.canonical()
