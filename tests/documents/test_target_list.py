"""Lists of targets as `-iL` takes them."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.documents import load_target_list
from portproof.errors import DocumentError, PortproofError, SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hosts.txt"


def read(file: Path, content: str | bytes) -> list[str]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [str(each) for each in load_target_list(str(file))]


def faults(file: Path, content: str | bytes) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(file, content)
    return [str(each).removeprefix(f"{file}:") for each in caught.value.faults]


def test_targets_stand_on_lines_or_beside_each_other_with_comments(file: Path) -> None:
    text = "# the shop\r\n10.0.0.1 10.0.1.0/24\t10.0.2.1-9  # web\r\n\n[2001:db8::1]:443\ndb.example.com"
    assert read(file, text) == [
        "10.0.0.1",
        "10.0.1.0/24",
        "10.0.2.1-9",
        "[2001:db8::1]:443",
        "db.example.com",
    ]


def test_every_fault_is_named_with_its_line_and_column(file: Path) -> None:
    text = "10.0.0.1\n10.0.0.300 10.0.0.5/24\n# 10.0.0.999\nok.example.com\n  fe80::1%eth0\n"
    assert [each.split(": ")[0] for each in faults(file, text)] == ["2:8", "2:12", "5:10"]


def test_a_byte_order_mark_is_no_part_of_the_first_target(file: Path) -> None:
    assert read(file, b"\xef\xbb\xbf10.0.0.1\n") == ["10.0.0.1"]


def test_bytes_that_are_no_text_are_named_with_their_place(file: Path) -> None:
    assert faults(file, b"10.0.0.1\n10.\xff.0.1\n") == ["2:4: this is not UTF-8 text"]


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing but this\n"])
def test_an_empty_list_is_a_mistake_and_no_clean_scan(file: Path, content: str) -> None:
    with pytest.raises(SettingsError, match="lists no target"):
        read(file, content)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"hosts\.txt: cannot be read: No such file"):
        load_target_list(str(file))


def test_a_hyphen_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"10.0.0.1\n10.0.0.300\n")))
    with pytest.raises(DocumentError, match="standard input:2:"):
        load_target_list("-")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.txt"
    try:
        read(file, content)
    except PortproofError:
        return
