from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from documents.writing import written
from portproof.documents.reading import Reading
from portproof.documents.shape import Day, Id, OneOrMore, Shape
from portproof.errors import DocumentError


class Item(Shape):
    id: Id
    on: Day
    words: OneOrMore[str] | None = None
    number: int = 7


class Deep(Shape):
    level: int


class Document(Shape):
    name: str
    items: list[Item] = Field(default_factory=list)
    deep: Deep | None = None


def read(folder: Path, text: str) -> tuple[Reading, Document]:
    reading = Reading(written(folder, text))
    return reading, reading.shape(Document)


def faults(reading: Reading) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        reading.finish()
    return [f"{each.line}:{each.column} {each.problem}" for each in caught.value.faults]


def test_a_sound_document_has_nothing_to_finish(tmp_path: Path) -> None:
    reading, document = read(tmp_path, "name: a\nitems: [{id: x, on: 2026-11-30, words: one}]\n")
    reading.finish()
    assert document.items[0].words == ["one"]
    assert not reading.damaged(("items", 0))


def test_a_faulty_part_that_need_not_be_there_is_cut_out(tmp_path: Path) -> None:
    reading, document = read(
        tmp_path,
        """\
        name: a
        deep: {level: high}
        items:
          - {id: x, on: 2026-11-30, number: many, words: [one, 2, three]}
          - {id: y, on: 2026-11-30}
        """,
    )
    assert document.deep is None
    assert (document.items[0].number, document.items[0].words) == (7, ["one", "three"])
    assert [reading.damaged(("items", position)) for position in (0, 1)] == [True, False]
    assert [fault.partition(" ")[0] for fault in faults(reading)] == ["2:15", "4:37", "4:56"]


def test_what_must_be_there_is_stood_in_for_and_causes_no_further_fault(tmp_path: Path) -> None:
    reading, document = read(tmp_path, "items: [{words: a}]\n")
    assert [item.words for item in document.items] == [["a"]]
    reading.fault(("name",), "the name is odd")
    reading.fault(("items", 0, "id"), "the id is odd")
    assert faults(reading) == [
        "1:1 the key 'name' is required and has no value here",
        "1:9 the key 'id' is required and has no value here",
        "1:9 the key 'on' is required and has no value here",
    ]


def test_when_nothing_is_left_the_faults_are_raised_at_once(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="expected keys with values, found a list"):
        read(tmp_path, "- a\n- b\n")


def test_duplicates_count_rows_that_are_faulty_too(tmp_path: Path) -> None:
    reading = Reading(written(tmp_path, "items:\n  - {id: x}\n  - {id: y}\n  - {id: x, odd: 1}\n"))
    reading.unique("items", "id", "item id")
    assert faults(reading) == ["4:10 duplicate item id 'x'; line 2 has it already"]


def test_references_may_name_what_is_written_in_faulty_rows(tmp_path: Path) -> None:
    reading = Reading(written(tmp_path, "items:\n  - {id: x, odd: 1}\n  - {id: [y, z]}\n  - id\n"))
    assert reading.texts("items", "id") == ["x", "y", "z"]
    assert reading.texts("missing", "id") == []


def test_an_unknown_name_is_shown_with_the_nearest_one(tmp_path: Path) -> None:
    reading, _ = read(tmp_path, "name: ofice\n")
    assert reading.known(("name",), "office", ["office"], "zone")
    assert not reading.known(("name",), "ofice", ["office"], "zone")
    assert faults(reading) == ["1:7 unknown zone 'ofice'; did you mean 'office'?"]
