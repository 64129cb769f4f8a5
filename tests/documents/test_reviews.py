"""Review files: what is signed, and what counts for nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import factories as make
from git_repos import Person, person, trusted
from portproof.documents.reviews import (
    NAMESPACE,
    Reviews,
    read_reviews,
    review_bytes,
    review_name,
)
from portproof.documents.ssh_signatures import SshKeygen
from portproof.evidence.canonical import canonical
from portproof.model.approval import Approvers
from portproof.model.review import EditorsKnownBy, ReviewRecord

RECORD = ReviewRecord(
    scope="shop",
    reviewer="audit@example.com",
    at=make.NOON,
    baseline="b" * 64,
    commit="c" * 40,
    editors=EditorsKnownBy.GIT,
    entries={"web": "1" * 64, "api": "2" * 64},
    left_out={"mail": "audit@example.com wrote it"},
    unused=("web",),
    note="half a year \u2028 later",
)


@pytest.fixture
def audit(tmp_path: Path) -> Person:
    return person(tmp_path, "audit")


def kept(folder: Path, record: ReviewRecord, key: Path) -> Path:
    content = review_bytes(record)
    path = folder / review_name(record, content)
    path.write_bytes(content)
    path.with_name(f"{path.name}.sig").write_bytes(SshKeygen().sign(content, key, NAMESPACE))
    return path


def read(folder: Path, approvers: Approvers) -> Reviews:
    return read_reviews(folder, approvers, "shop")


def test_a_review_reads_back_as_it_was_signed(tmp_path: Path, audit: Person) -> None:
    path = kept(tmp_path, RECORD, audit.key)
    (signed,) = read(tmp_path, trusted(audit.approver())).signed
    assert signed.record == RECORD
    assert (signed.reference, signed.refused) == (path.name, "")
    assert signed.key.startswith("SHA256:")
    assert path.name.startswith("20261121T120000Z.")


def test_reviews_are_given_newest_first(tmp_path: Path, audit: Person) -> None:
    for year in (2025, 2026, 2024):
        kept(tmp_path, replace(RECORD, at=make.NOON.replace(year=year)), audit.key)
    years = [each.record.at.year for each in read(tmp_path, Approvers()).signed]
    assert years == [2026, 2025, 2024]


def test_a_key_that_is_not_the_reviewers_leaves_the_review_self_declared(
    tmp_path: Path, audit: Person
) -> None:
    other = person(tmp_path, "other")
    kept(tmp_path, RECORD, other.key)
    (stranger,) = read(tmp_path, trusted(audit.approver())).signed
    assert "is none of audit@example.com in the list of approvers" in stranger.refused
    (unlisted,) = read(tmp_path, Approvers()).signed
    assert unlisted.refused == "no list of approvers is configured"


def test_an_altered_unsigned_or_foreign_file_counts_for_nothing_and_is_told(
    tmp_path: Path, audit: Person
) -> None:
    altered = kept(tmp_path, RECORD, audit.key)
    plain = json.loads(altered.read_bytes())
    altered.write_bytes(canonical(plain | {"note": "all is well"}))
    unsigned = kept(tmp_path, replace(RECORD, note="unsigned"), audit.key)
    unsigned.with_name(f"{unsigned.name}.sig").unlink()
    spaced = kept(tmp_path, replace(RECORD, note="spaced"), audit.key)
    spaced.write_text(json.dumps(plain, indent=1), encoding="utf-8")
    kept(tmp_path, replace(RECORD, scope="mail"), audit.key)
    (tmp_path / "other.json").write_text("[1]", encoding="utf-8")
    (tmp_path / "other.json.sig").write_text("", encoding="utf-8")
    (tmp_path / "folder.json").mkdir()
    held = read(tmp_path, trusted(audit.approver()))
    assert held.signed == ()
    told = "\n".join(held.problems)
    for part in (
        "is missing",
        "not canonical JSON",
        "is of another scope than 'shop'",
        "other.json: is no review of schema portproof.review/1",
        "folder.json: is no regular file",
        "its signature is not verified: Could not verify signature",
    ):
        assert part in told
    assert all(each.endswith("it counts for nothing") for each in held.problems)


def test_a_folder_that_is_not_there_holds_no_review(tmp_path: Path) -> None:
    assert read(tmp_path / "reviews", Approvers()) == Reviews()


def test_a_signature_over_an_approval_is_none_over_a_review(tmp_path: Path, audit: Person) -> None:
    path = kept(tmp_path, RECORD, audit.key)
    other = SshKeygen().sign(path.read_bytes(), audit.key, "portproof-baseline")
    path.with_name(f"{path.name}.sig").write_bytes(other)
    held = read(tmp_path, trusted(audit.approver()))
    assert held.signed == ()
    assert "its signature is not verified" in held.problems[0]
