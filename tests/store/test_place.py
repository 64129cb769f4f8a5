"""Where a store may lie; everything else is one clear line that says what to do."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portproof.errors import StoreError
from portproof.store import SqlStore, open_store
from portproof.store.database import path_of
from store.examples import run

OPEN = """
import os, sys
from portproof.errors import StoreError
from portproof.store import open_store
if os.geteuid() == 0:
    os.setuid(65534)
try:
    open_store(sys.argv[1], create=True).close()
except StoreError as refusal:
    print(refusal)
"""


def refusal(location: str | Path, *, create: bool = True) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(location, create=create)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusal_of_nobody(place: Path) -> str:
    """What a user without privileges is told: root may write anywhere."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(place)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users can get to (pytest's own are private)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_url_and_a_path_name_the_same_store(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/a.db", create=True) as made:
        run(made, "run-1")
    with open_store(tmp_path / "a.db") as opened:
        assert [each.id for each in opened.runs()] == ["run-1"]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("a.db", "a.db"),
        ("sqlite:///a.db", "a.db"),
        ("sqlite:////var/a.db", "/var/a.db"),
        (Path("x/y"), "x/y"),
    ],
)
def test_a_location_names_a_file(location: str | Path, path: str) -> None:
    assert path_of(location) == Path(path)


@pytest.mark.parametrize("location", ["", ":memory:", "sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(location: str) -> None:
    assert "names no file" in refusal(location)


def test_a_database_server_is_not_supported_yet(tmp_path: Path) -> None:
    assert "cannot be a postgresql database yet" in refusal("postgresql://host/db")


def test_a_store_that_is_not_there_is_not_made_unasked(place: Path) -> None:
    assert f"there is no store at {place}" in refusal(place, create=False)
    assert not place.exists()


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    assert f"{tmp_path} is a directory: give a file, as in {tmp_path}/portproof.db" in refusal(
        tmp_path
    )


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    assert f"the directory {tmp_path}/no does not exist: create it" in refusal(
        tmp_path / "no" / "a.db"
    )


def test_a_file_in_the_place_of_a_directory_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "does not exist" in refusal(tmp_path / "file" / "a.db")


@pytest.mark.parametrize("content", [b"owner: Ada\n", b"SQLite format 2\x00", b"\x00" * 4096])
def test_a_file_that_is_no_database_is_left_alone(place: Path, content: bytes) -> None:
    place.write_bytes(content)
    assert "is not a database: choose another path" in refusal(place)
    assert place.read_bytes() == content


def test_a_device_is_no_store() -> None:
    assert "/dev/null is not a regular file" in refusal("/dev/null")


def test_a_damaged_database_is_said_so(store: SqlStore, place: Path) -> None:
    run(store, "run-1", range(1, 50))
    store.close()
    content = bytearray(place.read_bytes())
    content[100:8192] = b"\xff" * 8092
    place.write_bytes(content)
    assert "is damaged: restore it from a backup" in refusal(place, create=False)


def test_a_directory_that_may_not_be_written_is_said_so(reachable: Path) -> None:
    folder = reachable / "theirs"
    folder.mkdir(mode=0o755)
    folder.chmod(0o555)
    assert f"{folder} is not writable: change its owner or mode" in refusal_of_nobody(
        folder / "a.db"
    )


def test_a_directory_that_may_not_be_entered_is_said_so(reachable: Path) -> None:
    folder = reachable / "closed"
    folder.mkdir()
    (folder / "in").mkdir()
    folder.chmod(0)
    said = refusal_of_nobody(folder / "in" / "a.db")
    folder.chmod(0o755)
    assert "Permission denied: check its owner and mode" in said


def test_a_store_that_may_only_be_read_is_said_so(reachable: Path) -> None:
    place = reachable / "a.db"
    open_store(place, create=True).close()
    place.chmod(0o444)
    reachable.chmod(0o555)
    said = refusal_of_nobody(place)
    reachable.chmod(0o755)
    assert f"{place} is not writable: check the owner and mode" in said
