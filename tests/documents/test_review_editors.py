"""Who edited an entry, as git tells it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from git_repos import Repo, document, row
from portproof.documents.baseline import load_baseline
from portproof.documents.review_editors import editors_of
from portproof.model.baseline import Baseline


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Give an entry that three people wrote, one after the other; a fourth recorded the approval."""
    held = Repo(tmp_path / "repo")
    for port, who in (("443", "first"), ("8443", "second"), ("9443", "third")):
        held.write(document(row("web", ports=port, approver="", approved_on="")))
        held.commit(f"CHG: port {port}", by=f"{who}@example.com")
    held.write(document(row("web", ports="9443")))
    held.commit("approve", by="head@example.com")
    return held


def loaded(repo: Repo) -> Baseline:
    return load_baseline(repo.folder / "baseline.yaml", vantages=None)


def authors(repo: Repo, since: datetime | None = None) -> list[str]:
    load = partial(load_baseline, vantages=None)
    held = editors_of(loaded(repo), ["web"], load, {"web": since} if since else {})
    assert held.untold == ""
    return [each.email for each in held.commits["web"]]


def test_everybody_who_changed_what_it_means_is_an_editor_and_its_approver_is_none(
    repo: Repo,
) -> None:
    assert authors(repo) == ["third@example.com", "second@example.com", "first@example.com"]


def test_after_a_review_those_count_who_edited_since_and_who_wrote_what_stands(repo: Repo) -> None:
    second = datetime.fromisoformat(repo.git("log", "-1", "--format=%cI", "HEAD~2"))
    assert authors(repo, second) == ["third@example.com"]
    last = datetime.fromisoformat(repo.git("log", "-1", "--format=%cI", "HEAD"))
    assert authors(repo, last) == ["third@example.com"]


def test_where_git_cannot_tell_it_is_said_why(tmp_path: Path, repo: Repo) -> None:
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.folder}", str(clone))
    load = partial(load_baseline, vantages=None)
    shallow = editors_of(load(clone / "baseline.yaml"), ["web"], load, {})
    assert "is a shallow clone" in shallow.untold
    (tmp_path / "baseline.yaml").write_text(document(row()), encoding="utf-8")
    outside = editors_of(load(tmp_path / "baseline.yaml"), ["web"], load, {})
    assert (outside.commits, bool(outside.untold)) == ({}, True)
