"""Since when the segmentation policy is as it is: what git has to say of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from git_repos import Repo
from portproof.documents.segmentation_commit import policy_commit

NAME = "segmentation.yaml"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_last_commit_that_changed_the_policy_is_named(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    path = repo.write("tester: a\n", NAME)
    repo.commit("first")
    repo.write("tester: b\n", NAME)
    changed = repo.commit("second")
    repo.write("entries: []\n")
    repo.commit("of another file")
    found = policy_commit(path, digest(path))
    assert found is not None
    assert found.id == changed


def test_a_policy_that_differs_from_what_is_committed_has_no_commit(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    path = repo.write("tester: a\n", NAME)
    repo.commit("first")
    repo.write("tester: b\n", NAME)
    assert policy_commit(path, digest(path)) is None


def test_a_policy_that_git_does_not_have_has_no_commit(tmp_path: Path) -> None:
    path = tmp_path / "bare" / NAME
    path.parent.mkdir()
    path.write_text("tester: a\n", encoding="utf-8")
    assert policy_commit(path, digest(path)) is None
    repo = Repo(tmp_path / "repo")
    repo.write("entries: []\n")
    repo.commit("of another file")
    path = repo.write("tester: a\n", NAME)
    assert policy_commit(path, digest(path)) is None
