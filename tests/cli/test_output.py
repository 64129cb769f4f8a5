"""Output that nobody reads, or that cannot be written, changes no verdict and loses no report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import portproof


@pytest.fixture
def site(tmp_path: Path) -> Path:
    assert portproof("init", "-t", "127.0.0.6", cwd=tmp_path).code == 0
    return tmp_path


def run_into(out: int, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portproof", *arguments]
    return subprocess.run(
        command, cwd=site, stdout=out, stderr=subprocess.PIPE, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_reader_that_has_gone_changes_neither_the_report_nor_the_exit_code(
    site: Path, form: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    options = ("-p", "1", "--report", "json", "--out", "out", "--format", form)
    done = run_into(writing, site, "audit", *options)
    os.close(writing)
    assert done.returncode == 0, done.stderr
    assert (site / "out" / "evidence.json").exists()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("check",), ("check", "--format", "json"), ("runs",)])
def test_output_that_cannot_be_written_is_one_clear_line(
    site: Path, arguments: tuple[str, ...]
) -> None:
    assert portproof("scan", "-p", "1", cwd=site).code == 0
    with Path("/dev/full").open("w") as full:
        done = run_into(full.fileno(), site, *arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "portproof: cannot write the output: No space left on device"
    ]
