"""The path is dropped in the middle of a run: insufficient evidence, never no deviation (law 2)."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from netns import Lab, filter_rules
from site_documents import Site, entry

pytestmark = pytest.mark.privileged


def audit(lab: Lab, site: Site, *, drop: bool) -> tuple[int, dict[str, Any]]:
    """Audit the server from the client; with `drop`, the path is lost once the run is under way."""
    command = [
        sys.executable,
        "-m",
        "portproof",
        "audit",
        "--report",
        "json",
        "--report",
        "html",
        "-c",
        str(site.folder / "portproof.yaml"),
        "--out",
        str(site.folder / "out"),
    ]
    running = lab.popen(lab.client, command)
    if drop:
        _await_batches(site.folder / "portproof.sqlite")
        lab.drop_path()
    code = running.wait(timeout=120)
    return code, json.loads((site.folder / "out" / "evidence.json").read_text())


def _await_batches(database: Path) -> None:
    """Wait until the run has acknowledged outcomes: it is under way, and not over."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if database.exists():
            connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            try:
                if connection.execute("SELECT count(*) FROM journal_entry").fetchone()[0] > 3:
                    return
            except sqlite3.OperationalError:
                pass  # the tables are being made
            finally:
                connection.close()
        time.sleep(0.05)
    raise AssertionError("the run never acknowledged an outcome")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        folder=tmp_path,
        networks=["10.99.1.0/24"],
        targets=["10.99.1.2"],
        ports="1-3000,8080",
        entries=[entry("web", "10.99.1.2", 8080, "http", presence="required")],
        rates="{global_pps: 500, per_host_pps: 500}",
    )


def test_a_path_lost_in_the_middle_makes_the_run_inconclusive_and_moves_no_finding(
    site: Site,
) -> None:
    site.write()
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-m", "http.server", "8080"], port=8080)
        lab.serve(lab.server, [sys.executable, "-m", "http.server", "2000"], port=2000)
        lab.nft(lab.server, filter_rules("tcp dport 1000-1999 drop"))
        code, evidence = audit(lab, site, drop=True)
    assert code == 3
    assert evidence["run"]["status"] == "inconclusive"
    assert evidence["summary"]["sentence"].startswith("Insufficient evidence")
    assert "No deviation" not in (site.folder / "out" / "report.html").read_text()
    assert not [each for each in evidence["findings"] if each["status"]]
    unmeasured = [
        each for each in evidence["coverage"] if not each["host"] and each["transport"] == "tcp"
    ]
    assert unmeasured[0]["unmeasured"]["control-failed"] > 0
    words = {c["word"] for f in evidence["frameworks"] for c in f["controls"]}
    assert "supported" not in words


def test_the_same_path_whole_gives_a_complete_run_with_real_silence(site: Site) -> None:
    site.rates = "{global_pps: 20000, per_host_pps: 20000}"
    site.write()
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-m", "http.server", "8080"], port=8080)
        lab.nft(lab.server, filter_rules("tcp dport 1000-1999 drop"))
        code, evidence = audit(lab, site, drop=False)
    assert code == 0
    assert evidence["run"]["status"] == "complete"
    (host,) = [each for each in evidence["hosts"] if each["transport"] == "tcp"]
    assert host["counts"] == {"open": 1, "closed": 2000, "filtered": 1000}
    assert (
        evidence["summary"]["sentence"] == "No deviation was observed within the stated coverage."
    )
