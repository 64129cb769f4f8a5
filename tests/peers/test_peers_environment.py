"""`.ci/peers`: quick when there is nothing to do, and what it installs is pinned by hash."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = CHECKOUT / "tests/peers/requirements.lock"


def test_with_everything_there_nothing_is_installed() -> None:
    # `make test` has run it before; an index that is nowhere shows that none is asked.
    done = subprocess.run(
        [CHECKOUT / ".ci/peers"],
        env={**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_package_is_pinned_with_hashes_and_no_index_is_named() -> None:
    text = LOCK.read_text()
    assert "://" not in text
    entries = text.split("\n")
    pins = [line for line in entries if line[:1].isalpha()]
    assert {"ivre==0.9.20", "python-libnmap==0.7.3"} <= {line.split(" ")[0] for line in pins}
    assert all("==" in line and line.endswith("\\") for line in pins)
