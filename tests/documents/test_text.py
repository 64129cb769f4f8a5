from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import pytest

from portproof.documents.text import LARGEST, Text, read_text
from portproof.errors import DocumentError, Fault

NOBODY = 65534


def faults_of(path: Path) -> tuple[Fault, ...]:
    with pytest.raises(DocumentError) as caught:
        read_text(path)
    return caught.value.faults


def test_the_digest_is_of_the_bytes_and_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfid: 1\n")
    text = read_text(path)
    assert text.content == "id: 1\n"
    assert text.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_missing_file_is_one_fault_without_a_place(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    assert faults_of(path) == (Fault(str(path), 0, 0, "cannot be read: No such file or directory"),)


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    assert faults_of(tmp_path)[0].problem == "is not a regular file"


def test_a_pipe_that_nobody_writes_to_does_not_stop_the_command(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert faults_of(path)[0].problem == "is not a regular file"


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Root may read everything, so root's tests step down for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_file_without_permission_is_a_fault() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "secret.yaml"
        path.write_text("id: 1\n")
        path.chmod(0)
        with an_ordinary_user():
            assert faults_of(path)[0].problem == "cannot be read: Permission denied"


def test_a_byte_that_is_not_utf_8_is_shown_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin-1.yaml"
    path.write_bytes("id: 1\nowner: Jürgen\n".encode("latin-1"))
    (fault,) = faults_of(path)
    assert (fault.line, fault.column) == (2, 9)
    assert "0xfc is not UTF-8" in fault.problem


def test_a_file_that_is_too_big_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"#" * (LARGEST + 1))
    assert "larger than 8 MiB" in faults_of(path)[0].problem


@pytest.mark.parametrize(
    ("offset", "place"),
    [(0, (1, 1)), (2, (2, 1)), (4, (3, 1)), (7, (4, 1)), (8, (4, 2)), (99, (4, 2)), (-5, (1, 1))],
)
def test_lines_end_as_in_an_editor(offset: int, place: tuple[int, int]) -> None:
    assert Text("a.yaml", "a\nb\rc\r\nd", "").place(offset) == place


def test_a_problem_that_quotes_the_file_is_one_line_and_steers_no_terminal() -> None:
    fault = Text("a.yaml", "", "").fault(0, "found 'a\nb\x1b[2J\u202e\u00fc'")
    assert fault.problem == r"found 'a\nb\x1b[2J\u202e\u00fc'".replace(r"\u00fc", "\u00fc")


def test_a_file_that_grows_while_it_is_read_is_no_document_yet(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"x" * 1_000_000)
    done = Event()

    def write_on() -> None:
        with path.open("r+b", buffering=0) as file:
            while not done.is_set():
                file.truncate(1_000_000)
                file.seek(0, os.SEEK_END)
                file.write(b"x" * 1_000)

    writer = Thread(target=write_on)
    writer.start()
    try:
        with pytest.raises(DocumentError, match="was written to while it was read; try again"):
            _read_on(path)
    finally:
        done.set()
        writer.join()


def _read_on(path: Path) -> None:
    while True:  # until a write falls between the first look and the last
        read_text(path)
