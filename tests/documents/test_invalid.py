"""A folder of documents as people get them wrong, each with all its faults at their places.

The faults stand at the end of each file, as `# fault: line:column part of the message`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from documents.loaders import LOADERS
from portproof.errors import DocumentError

MARK = "# fault: "
INVALID = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))


def expected(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = [line.removeprefix(MARK).partition(" ") for line in lines if line.startswith(MARK)]
    return [(place, part) for place, _, part in marked]


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_every_fault_is_told_at_its_place_and_no_other(path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        LOADERS[path.name.split("-")[0]](path)
    faults = caught.value.faults
    assert [f"{fault.line}:{fault.column}" for fault in faults] == [at for at, _ in expected(path)]
    for fault, (_, part) in zip(faults, expected(path), strict=True):
        assert fault.file == str(path)
        assert part in fault.problem


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_a_fault_is_one_line(path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        LOADERS[path.name.split("-")[0]](path)
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]


def test_every_kind_of_document_has_invalid_examples() -> None:
    assert {path.name.split("-")[0] for path in INVALID} == set(LOADERS)
