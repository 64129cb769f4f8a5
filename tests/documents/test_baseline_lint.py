from __future__ import annotations

from pathlib import Path

from documents.writing import written
from portproof.documents.baseline_lint import lint_baseline

TWO = """\
entries:
  - {id: a, to: 192.0.2.1, ports: 443, from: office}
  - {id: b, to: 192.0.2.1, ports: 444, from: office, status: proposed}
"""


def test_a_sound_baseline_tells_what_is_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, f"{TWO}environments: {{prod: {{}}, test: {{}}}}\n")
    looked = lint_baseline(path, vantages=None)
    assert (looked.faults, looked.entries, looked.proposed) == ((), 1, 1)
    assert (looked.files, looked.environments) == ((str(path),), ("prod", "test"))


def test_every_environment_is_judged_and_no_fault_is_told_twice(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        entries:
          - {id: a, to: 192.0.2.1, ports: 443, from: office}
          - {id: b, to: web, ports: 444, from: office}
          - {id: c, to: 192.0.2.1, ports: 445, from: office}
        environments:
          prod: {entries: {c: {ports: 443}}}
          test: {entries: {c: {to: nowhere}}}
        """,
    )
    faults = lint_baseline(path, vantages=None).faults
    assert [(each.line, each.problem.split(" ")[0]) for each in faults] == [
        (3, "unknown"),
        (4, "entry"),
        (7, "unknown"),
    ]


def test_a_file_that_is_not_there_is_a_fault_like_any_other(tmp_path: Path) -> None:
    (fault,) = lint_baseline(tmp_path / "none.yaml", vantages=None).faults
    assert (fault.line, fault.problem) == (0, "cannot be read: No such file or directory")
