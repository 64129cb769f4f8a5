from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.errors import PackError
from portproof.evidence.canonical import canonical
from portproof.evidence.pack import CONTENTS, Manifest, Member, read_manifest

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MANIFEST = Manifest(
    run="20261121T115500Z-0001",
    vantage="outside",
    zone="internet",
    authorisation="a" * 64,
    tool_version="0.1.0",
    status="complete",
    started=NOON,
    finished=NOON,
    sealed=NOON,
    clock_source="chrony",
    clock_synchronised=None,
    clock_stepped_ms=-3,
    key="SHA256:abc",
    members={name: Member("b" * 64, 7) for name in CONTENTS},
)


def altered(**changes: Any) -> bytes:
    document = json.loads(canonical(MANIFEST.document()))
    return canonical(document | changes)


def test_a_manifest_is_read_back() -> None:
    assert read_manifest(canonical(MANIFEST.document())) == MANIFEST


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no canonical JSON"),
        (b"[" * 100_000, "no canonical JSON"),
        (b"[]", "one canonical form"),
        (json.dumps(json.loads(altered())).encode(), "one canonical form"),
        (altered().replace(b'"zone":', b'"zone":"cde","zone":'), "one canonical form"),
        (altered(schema="portproof.pack/2"), "this portproof reads 'portproof.pack/1'"),
        (altered(more=1), "missing or unknown: more"),
        (altered(run=7), "expected text, found 7"),
        (altered(started="2026-11-21T12:00:00Z"), "no time in UTC with microseconds"),
        (altered(started="noon"), "cannot be read"),
        (altered(clock_stepped_ms=True), "expected a whole number"),
        (altered(clock_synchronised="yes"), "true, false or null"),
        (altered(members={}), "it lists"),
        (altered(members=[]), "cannot be read"),
        (
            altered(members={name: {"sha256": "b" * 63, "size": 1} for name in CONTENTS}),
            "is no SHA-256",
        ),
        (
            altered(members={name: {"sha256": "b" * 64, "size": -1} for name in CONTENTS}),
            "a size is not -1",
        ),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_reason(data: bytes, why: str) -> None:
    with pytest.raises(PackError, match=why):
        read_manifest(data)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(data: bytes) -> None:
    with pytest.raises(PackError):
        read_manifest(data)
