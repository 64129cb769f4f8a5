"""The baseline that a change starts from: a file, or a revision with what it includes; and anchors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from portproof.documents.git_file import anchors, load_base
from portproof.errors import DocumentError, SettingsError
from portproof.model.baseline import SourceLocation
from portproof.model.change_plan import Place

ENTRY = "  - {{id: {0}, hosts: [10.0.0.5], ports: '{1}', zones: [internet]}}\n"
TOP = "scope: shop\ninclude: [parts/web.yaml]\n"


def git(folder: Path, *arguments: str) -> None:
    settings = ("-c", "user.name=net-team", "-c", "user.email=owner@example.com")
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository whose first commit has a baseline of two files, tagged `v1`."""
    folder = tmp_path / "repository" / "policy"
    (folder / "parts").mkdir(parents=True)
    git(folder.parent, "init", "--quiet", "--initial-branch=main")
    (folder / "baseline.yaml").write_text(TOP)
    (folder / "parts" / "web.yaml").write_text("entries:\n" + ENTRY.format("web", 443))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=one")
    git(folder, "tag", "v1")
    return folder


def test_a_revision_is_read_with_what_it_includes_whatever_stands_there_today(
    repository: Path,
) -> None:
    (repository / "parts" / "web.yaml").write_text("entries: []\n")
    baseline, called = load_base("v1", repository / "baseline.yaml", vantages=None)
    assert [each.id for each in baseline.entries] == ["web"]
    assert called == "v1:policy/baseline.yaml"


def test_a_file_comes_before_a_revision_of_the_same_name(repository: Path) -> None:
    other = repository / "old.yaml"
    other.write_text("scope: shop\nentries:\n" + ENTRY.format("old", 22))
    baseline, called = load_base(str(other), repository / "baseline.yaml", vantages=None)
    assert [each.id for each in baseline.entries] == ["old"]
    assert called == str(other)


def test_faults_of_a_revision_are_named_as_git_names_the_file(repository: Path) -> None:
    (repository / "parts" / "web.yaml").write_text("entries:\n  - {id: web, hosts: 1}\n")
    git(repository, "commit", "--quiet", "--all", "--message=two")
    with pytest.raises(DocumentError) as refused:
        load_base("HEAD", repository / "baseline.yaml", vantages=None)
    assert "HEAD:policy/parts/web.yaml:2:" in str(refused.value)
    assert "/tmp" not in str(refused.value)


@pytest.mark.parametrize("named", ["nowhere", "--help", "v1:baseline.yaml", ""])
def test_what_is_neither_file_nor_revision_is_one_error(repository: Path, named: str) -> None:
    with pytest.raises(SettingsError, match="is no file, and no git revision"):
        load_base(named, repository / "baseline.yaml", vantages=None)


def test_a_revision_without_the_file_is_said_to_have_none(repository: Path) -> None:
    new = repository / "new.yaml"
    new.write_text("scope: shop\nentries: []\n")
    with pytest.raises(SettingsError, match=r"the revision has no file policy/new\.yaml"):
        load_base("v1", new, vantages=None)


def test_outside_a_repository_only_a_file_is_a_base(tmp_path: Path) -> None:
    path = tmp_path / "baseline.yaml"
    path.write_text("scope: shop\nentries: []\n")
    with pytest.raises(SettingsError, match="is no file, and no git revision"):
        load_base("main", path, vantages=None)


def test_lines_are_placed_relative_to_the_root_of_the_repository(repository: Path) -> None:
    place = anchors(repository / "baseline.yaml")
    included = str(repository / "parts" / "web.yaml")
    assert place(SourceLocation(file=included, line=2, column=5)) == Place(
        file="policy/parts/web.yaml", line=2, column=5
    )


@pytest.mark.parametrize("file", [None, "/etc/hostname", "../../elsewhere.yaml", "gone.yaml"])
def test_what_has_no_place_below_the_root_is_placed_at_the_top_of_the_baseline(
    repository: Path, file: str | None
) -> None:
    location = SourceLocation(file=file, line=9) if file else None
    place = anchors(repository / "baseline.yaml")
    assert place(location) == Place(file="policy/baseline.yaml", line=1, column=1)


def test_without_a_repository_the_baselines_own_folder_is_the_root(tmp_path: Path) -> None:
    path = tmp_path / "baseline.yaml"
    path.write_text("scope: shop\n")
    assert anchors(path)(None) == Place(file="baseline.yaml", line=1, column=1)
