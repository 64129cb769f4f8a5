"""A baseline of several files: each read once, none from elsewhere, and all of them in the digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from documents.writing import faults_in
from portproof.documents import load_baseline
from portproof.documents.baseline_files import DEEPEST
from portproof.errors import DocumentError
from portproof.model.baseline import Baseline

ENTRY = "entries: [{{id: {0}, to: 192.0.2.{1}, ports: 443, from: office}}]\n"


def put(folder: Path, **files: str) -> Path:
    """Write files (`sub_b` is sub/b.yaml) and give the first one's path."""
    paths = [folder / f"{name.replace('_', '/')}.yaml" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return paths[0]


def load(path: Path) -> Baseline:
    return load_baseline(path, vantages=None)


def test_entries_of_included_files_know_their_file_and_line(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a="include: [sub/b.yaml]\n" + ENTRY.format("one", 1),
        sub_b="include: ../c.yaml\n" + ENTRY.format("two", 2),
        c=ENTRY.format("three", 3),
    )
    baseline = load(path)
    assert [(each.id, each.location.file, each.location.line) for each in baseline.entries] == [
        ("one", str(tmp_path / "a.yaml"), 2),
        ("two", str(tmp_path / "sub" / "b.yaml"), 2),
        ("three", str(tmp_path / "c.yaml"), 1),
    ]
    assert baseline.files == tuple(each.location.file for each in baseline.entries)


def test_a_file_that_two_files_include_is_read_once(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a="include: [b.yaml, c.yaml]\n",
        b="include: c.yaml\n",
        c=ENTRY.format("one", 1),
    )
    assert [each.id for each in load(path).entries] == ["one"]


def test_assets_and_templates_of_one_file_serve_the_entries_of_another(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a="include: [b.yaml, c.yaml]\n",
        b="assets: [{id: web, addresses: 192.0.2.7}]\ntemplates: {https: {ports: 443, from: office}}\n",
        c="entries: [{id: one, use: https, to: web}]\n",
    )
    (entry,) = load(path).entries
    assert [str(each) for each in entry.networks] == ["192.0.2.7/32"]


def test_the_digest_of_one_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = put(tmp_path, a=ENTRY.format("one", 1))
    assert load(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_digest_of_several_files_covers_every_name_and_every_byte(tmp_path: Path) -> None:
    first = put(tmp_path, a="include: b.yaml\n", b=ENTRY.format("one", 1))
    digests = {load(first).digest}
    put(tmp_path, b=ENTRY.format("one", 2))
    digests.add(load(first).digest)
    put(tmp_path, a="include: c.yaml\n", c=ENTRY.format("one", 2))
    digests.add(load(first).digest)
    assert len(digests) == 3


def test_the_digest_does_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    digests = set()
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        path = put(folder, a="include: sub/b.yaml\n", sub_b=ENTRY.format("one", 1))
        digests.add(load(path).digest)
    assert len(digests) == 1


def test_ids_are_unique_over_all_files(tmp_path: Path) -> None:
    path = put(tmp_path, a="include: b.yaml\n" + ENTRY.format("one", 1), b=ENTRY.format("one", 2))
    assert faults_in(load, path) == [
        f"1:16 duplicate entry id 'one'; {tmp_path}/a.yaml:2 has it already"
    ]


def test_an_overlap_across_files_names_the_other_file(tmp_path: Path) -> None:
    path = put(tmp_path, a="include: b.yaml\n" + ENTRY.format("one", 1), b=ENTRY.format("two", 1))
    (fault,) = faults_in(load, path)
    assert f"entry 'two' overlaps entry 'one' ({tmp_path}/a.yaml:2)" in fault


def test_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        a="include: b.yaml\nentries: [{id: one, to: web, ports: 1, from: office}]\n",
        b="assets: [{id: db}]\n",
    )
    with pytest.raises(DocumentError) as caught:
        load(path)
    assert [(Path(each.file).name, each.line) for each in caught.value.faults] == [
        ("a.yaml", 2),
        ("b.yaml", 1),
    ]


def test_files_that_include_each_other_are_one_fault_that_shows_the_way(tmp_path: Path) -> None:
    path = put(tmp_path, a="include: b.yaml\n", b="include: c.yaml\n", c="include: a.yaml\n")
    assert faults_in(load, path) == [
        "1:10 'a.yaml' includes itself in the end: a.yaml → b.yaml → c.yaml → a.yaml"
    ]


def test_what_leaves_the_folder_is_refused_however_it_is_written(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside.yaml", tmp_path / "inside"
    outside.write_text(ENTRY.format("one", 1), encoding="utf-8")
    inside.mkdir()
    (inside / "link.yaml").symlink_to(outside)
    (inside / "loop.yaml").symlink_to("loop.yaml")
    names = f'["{outside}", ../outside.yaml, link.yaml, loop.yaml, "a\\0b"]'
    faults = faults_in(load, put(inside, a=f"include: {names}\n"))
    assert "is an absolute path; write it relative to this file" in faults[0]
    assert "includes files of its own folder tree only" in faults[1]
    assert "includes files of its own folder tree only" in faults[2]
    assert "is a link that leads to itself" in faults[3]
    assert "holds a character that has no place in the name of a file" in faults[4]


def test_a_missing_file_is_a_fault_of_the_line_that_includes_it(tmp_path: Path) -> None:
    path = put(
        tmp_path, a="include:\n  - b.yaml\nentries: [{id: one, to: web, ports: 1, from: x}]\n"
    )
    assert faults_in(load, path) == ["2:5 'b.yaml' cannot be read: No such file or directory"]


def test_a_file_that_is_no_baseline_is_told_at_its_own_place(tmp_path: Path) -> None:
    path = put(tmp_path, a="include: b.yaml\n", b="- just a list\n")
    assert faults_in(load, path) == ["1:1 expected keys with values, found a list"]


def test_what_is_too_deep_is_refused(tmp_path: Path) -> None:
    rows = {f"f{number}": f"include: f{number + 1}.yaml\n" for number in range(DEEPEST + 1)}
    path = put(tmp_path, **rows, **{f"f{DEEPEST + 1}": "entries: []\n"})
    (fault,) = faults_in(load, path)
    assert f"at most {DEEPEST}" in fault


def test_all_files_together_are_no_larger_than_one_may_be(tmp_path: Path) -> None:
    path = put(tmp_path, a="include: [b.yaml, c.yaml]\n")
    for name in ("b", "c"):
        (tmp_path / f"{name}.yaml").write_bytes(b"entries: []  #" + b"x" * 5 * 1024 * 1024)
    (fault,) = faults_in(load, path)
    assert "larger than 8 MiB" in fault


def test_a_hundred_megabytes_are_one_fault_and_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(DocumentError, match="is larger than 8 MiB; is it the right file"):
        load(path)


def test_the_scope_and_the_review_stand_in_the_first_file_only(tmp_path: Path) -> None:
    path = put(tmp_path, a="include: b.yaml\n", b="scope: all\nentries: []\n")
    assert faults_in(load, path) == ["1:1 'scope' stands in the first file only, a.yaml"]


def test_a_file_without_entries_needs_to_include_some(tmp_path: Path) -> None:
    assert faults_in(load, put(tmp_path, a="scope: all\n")) == [
        "1:1 the key 'entries' is required and has no value here"
    ]


def test_of_a_thousand_faults_and_more_the_rest_is_counted(tmp_path: Path) -> None:
    path = put(tmp_path, a="entries: []\n" + "".join(f"k{each}: 1\n" for each in range(1_200)))
    faults = faults_in(load, path)
    assert len(faults) == 1_001
    assert faults[0] == "0:0 has 200 further faults, which are left out here"
