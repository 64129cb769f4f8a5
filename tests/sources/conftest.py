"""A world for each test: an empty folder, a web server that knows nothing yet, a clock at noon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sources.world import Site, World, serving


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    site = Site()
    with serving(site.server):
        yield World(tmp_path, site)
