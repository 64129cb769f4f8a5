from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from portproof.errors import RenderError
from portproof.render.files import require_writable, write_text


def breaking_off() -> Iterator[str]:
    yield "half of"
    raise KeyboardInterrupt


def test_a_file_that_is_not_finished_leaves_the_old_one_and_no_trace(tmp_path: Path) -> None:
    (tmp_path / "out.xml").write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "out.xml", breaking_off())
    assert [each.name for each in tmp_path.iterdir()] == ["out.xml"]
    assert (tmp_path / "out.xml").read_text() == "before"


def test_a_link_stays_a_link_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(tmp_path / "there")
    write_text(tmp_path / "here", ["text"])
    assert (tmp_path / "here").is_symlink()
    assert (tmp_path / "there").read_text() == "text"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    heard: list[str] = []
    reader = Thread(target=lambda: heard.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_text(tmp_path / "pipe", ["one ", "two"])
    reader.join(timeout=10)
    assert heard == ["one two"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(("name", "problem"), [("nowhere/out.xml", "no folder"), (".", "a folder")])
def test_a_file_that_cannot_be_written_is_refused_beforehand(
    tmp_path: Path, name: str, problem: str
) -> None:
    with pytest.raises(RenderError, match=problem):
        require_writable(tmp_path / name)


def test_a_full_disk_is_one_clear_line() -> None:
    with pytest.raises(RenderError, match="/dev/full: cannot be written: No space left"):
        write_text(Path("/dev/full"), ["x" * 100_000])
