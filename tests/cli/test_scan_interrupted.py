"""Ctrl-C in the middle of a scan: its files are written, and say that it was stopped."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from site_documents import Site

PLANNED = 9_000


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """9,000 ports at 300 a second: half a minute, of which the test sees the first answers only."""
    rates = "{global_pps: 300, per_host_pps: 300}"
    address = "127.0.0.5"
    return Site(tmp_path, [address], [address], ports=f"1-{PLANNED}", rates=rates).write()


def kept_answers(database: Path) -> bool:
    """Whether the run has kept its first batch of answers."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            query = "SELECT count(*) FROM journal_entry WHERE kind = 'batch'"
            return bool(connection.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # its tables are being made
            return False


def test_a_scan_that_is_stopped_writes_what_was_measured_and_calls_it_interrupted(
    site: Path,
) -> None:
    (site / "out.xml").write_text("the scan before")
    command = [sys.executable, "-m", "portproof", "scan", "-oX", "out.xml", "-oG", "-"]
    with subprocess.Popen(command, cwd=site, stdout=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 60
            while not kept_answers(site / "portproof.sqlite"):
                assert process.poll() is None
                assert time.monotonic() < deadline
                assert (site / "out.xml").read_text() == "the scan before"
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    root = ET.parse(site / "out.xml").getroot()
    (finished,) = root.iter("finished")
    assert finished.attrib["exit"] == "error"
    assert "the run is interrupted" in finished.attrib["errormsg"]
    counts = {each.attrib["state"]: int(each.attrib["count"]) for each in root.iter("extraports")}
    assert 0 < counts["closed"] < PLANNED
    assert counts["closed"] + counts["unknown"] == PLANNED
    reasons = {each.attrib["reason"] for each in root.iter("extrareasons")}
    assert "not-measured-interrupted" in reasons
    assert "(interrupted)" in out
    assert "; the run is interrupted: " in out.splitlines()[-1]
