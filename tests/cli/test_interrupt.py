"""A run that is stopped or killed in its middle: what was measured is kept, and called interrupted."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from command import Answer, portproof
from site_documents import Site

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
PLANNED = 9000


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """9,000 ports at 300 a second: half a minute, of which a test sees the first answers only."""
    return Site(
        tmp_path,
        networks=["127.0.0.5"],
        targets=["127.0.0.5"],
        ports=f"1-{PLANNED}",
        rates="{global_pps: 300, per_host_pps: 300}",
    ).write()


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """The commands that a test began; none outlives it."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for each in begun:
        if each.poll() is None:
            each.kill()
            each.communicate()


def begin(site: Path, *arguments: str) -> subprocess.Popen[str]:
    """Begin a command, and come back once the run has kept its first answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "portproof", *arguments],
        cwd=site,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no thread runs here
    )
    deadline = time.monotonic() + 60
    while not kept_answers(site / "portproof.sqlite"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def _heed_interrupts() -> None:
    """A job in the background of a shell without job control is born deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def kept_answers(database: Path) -> int:
    """Count the batches of the run that is under way; 0 before there is a database."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            query = "SELECT count(*) FROM journal_entry WHERE kind = 'batch'"
            (count,) = connection.execute(query).fetchone()
        except sqlite3.OperationalError:  # its tables are being made
            return 0
    return int(count)


def ended(process: subprocess.Popen[str]) -> Answer:
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, err)


def listed(site: Path) -> list[tuple[str, str, int, int]]:
    """Give the runs as `portproof runs` shows them: id, status, measured, planned."""
    answer = portproof("runs", cwd=site)
    assert answer.code == 0, answer.err
    line = re.compile(rf"({RUN_ID.pattern})\s+(\S+)\s+([\d,]+) of ([\d,]+)")
    return [
        (run, status, int(measured.replace(",", "")), int(planned.replace(",", "")))
        for run, status, measured, planned in line.findall(answer.out)
    ]


def measured(site: Path, run: str) -> int:
    """Judge an interrupted run, which concludes nothing; gives how many endpoints it had measured."""
    answer = portproof("check", "--run", run, "--format", "json", cwd=site)
    assert answer.code == 3, answer.err
    count: int = json.loads(answer.out)["summary"]["measured"]
    return count


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_scan_that_is_stopped_says_which_run_was_kept(
    site: Path, running: list[subprocess.Popen[str]], stop: signal.Signals
) -> None:
    running.append(begin(site, "scan", "--format", "json"))
    running[-1].send_signal(stop)
    answer = ended(running[-1])
    assert answer.code == 130, answer.err
    assert "Traceback" not in answer.err
    said = re.search(rf"what was measured is kept as run ({RUN_ID.pattern})", answer.err)
    assert said
    config, *_ = json.loads(answer.out)
    (coverage,) = config["coverage"]
    assert (config["run"], config["status"]) == (said[1], "interrupted")
    assert 0 < coverage["measured"] < PLANNED == coverage["planned"]
    assert listed(site) == [(said[1], "interrupted", coverage["measured"], PLANNED)]


def test_an_audit_that_is_stopped_reports_what_it_measured_and_concludes_nothing(
    site: Path, running: list[subprocess.Popen[str]]
) -> None:
    running.append(begin(site, "audit", "--report", "json", "--out", "out"))
    running[-1].send_signal(signal.SIGINT)
    answer = ended(running[-1])
    assert answer.code == 130, answer.err
    assert "Traceback" not in answer.err
    evidence: dict[str, Any] = json.loads((site / "out" / "evidence.json").read_text())
    assert f"kept as run {evidence['run']['id']}" in answer.err
    assert evidence["run"]["status"] == "interrupted"
    assert "Insufficient evidence" in evidence["summary"]["sentence"]
    assert 0 < evidence["summary"]["measured"] < PLANNED
    assert listed(site) == [
        (evidence["run"]["id"], "interrupted", evidence["summary"]["measured"], PLANNED)
    ]


def test_a_second_ctrl_c_ends_at_once_and_still_loses_nothing(
    site: Path, running: list[subprocess.Popen[str]]
) -> None:
    running.append(begin(site, "scan"))
    # Both before the scan has come to ask whether it should stop.
    running[-1].send_signal(signal.SIGSTOP)
    running[-1].send_signal(signal.SIGINT)
    running[-1].send_signal(signal.SIGTERM)
    running[-1].send_signal(signal.SIGCONT)
    answer = ended(running[-1])
    assert answer.code == 130, answer.err
    assert "Traceback" not in answer.err
    ((run, status, _, planned),) = listed(site)
    assert (status, planned) == ("interrupted", PLANNED)
    assert 0 < measured(site, run) < PLANNED


def test_after_kill_9_the_run_is_interrupted_with_its_answers_and_the_next_scan_works(
    site: Path, running: list[subprocess.Popen[str]]
) -> None:
    running.append(begin(site, "scan"))
    running[-1].kill()
    assert ended(running[-1]).code == -signal.SIGKILL
    ((killed, status, counted, planned),) = listed(site)
    assert (status, planned) == ("interrupted", PLANNED)
    kept = measured(site, killed)
    assert 0 < kept < PLANNED
    assert counted == kept

    answer = portproof("scan", "-p", "1-2", cwd=site)
    assert answer.code == 0, answer.err
    newest, oldest = listed(site)
    assert newest[1:] == ("complete", 2, 2)
    assert oldest == (killed, "interrupted", kept, PLANNED)


def test_while_a_run_is_under_way_another_is_told_to_wait(
    site: Path, running: list[subprocess.Popen[str]]
) -> None:
    running.append(begin(site, "scan"))
    ((run, status, _, _),) = listed(site)
    assert status == "running"
    second = portproof("scan", "-p", "1", cwd=site)
    assert second.code == 2
    (line,) = second.err.splitlines()
    assert "another run is under way" in line
    assert run in line
    running[-1].send_signal(signal.SIGINT)
    assert ended(running[-1]).code == 130
