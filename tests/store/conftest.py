"""A fresh store in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portproof.store import SqlStore, open_store


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "portproof.db"


@pytest.fixture
def store(place: Path) -> Iterator[SqlStore]:
    with open_store(place, create=True) as opened:
        yield opened
