"""Progress is for people at a terminal: drawn on standard error there, and nowhere else."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from command import portproof
from site_documents import Site

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 ports at 500 a second: long enough for several drawings of the bar."""
    return Site(
        tmp_path_factory.mktemp("progress"),
        networks=["127.0.0.5"],
        targets=["127.0.0.5"],
        ports="1-1000",
        rates="{global_pps: 500, per_host_pps: 500}",
    ).write()


@pytest.fixture(scope="module")
def at_a_terminal(site: Path) -> tuple[int, str, str]:
    """Exit code, standard output, and what the terminal at standard error was sent."""
    terminal, end = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "portproof", "scan", "--format", "json"],
        cwd=site,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "24"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
    )
    os.close(end)
    drawn = _until_hung_up(terminal)
    out, _ = running.communicate(timeout=60)
    return running.returncode, out, drawn


def _until_hung_up(terminal: int) -> str:
    received = b""
    with suppress(OSError):  # EIO: the last process has closed the other end
        while piece := os.read(terminal, 65_536):
            received += piece
    os.close(terminal)
    return received.decode()


def test_a_terminal_sees_the_phase_the_counts_the_rate_and_the_time_left(
    at_a_terminal: tuple[int, str, str],
) -> None:
    code, _, drawn = at_a_terminal
    assert code == 0
    assert "\x1b[" in drawn
    frames = re.findall(
        r"TCP ports .*? +(\d+)/1000 +(\d+)/s, \d+ open, (\d+) s left", ESCAPES.sub("", drawn)
    )
    counts = [int(done) for done, _, _ in frames]
    assert len(counts) > 2
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    assert any(int(rate) > 0 for _, rate, _ in frames)
    assert any(int(left) > 0 for _, _, left in frames)


def test_a_phase_that_has_ended_is_full_and_one_with_nothing_to_do_is_not_drawn(
    at_a_terminal: tuple[int, str, str],
) -> None:
    _, _, drawn = at_a_terminal
    plain = ESCAPES.sub("", drawn)
    assert re.search(r"TCP ports +━+ +1000/1000 done", plain)
    assert " 0/0 " not in plain


def test_the_bars_are_gone_when_the_scan_is_over(at_a_terminal: tuple[int, str, str]) -> None:
    _, _, drawn = at_a_terminal
    last = drawn[drawn.rindex("TCP ports") :]
    assert "\x1b[2K" in last
    assert "\x1b[?25h" in last  # the cursor is shown again


def test_standard_output_gets_nothing_of_it(at_a_terminal: tuple[int, str, str]) -> None:
    _, out, _ = at_a_terminal
    config, *_ = json.loads(out)
    assert config["coverage"][0]["measured"] == 1000
    assert "\x1b" not in out


def test_without_a_terminal_standard_error_stays_free_of_it(site: Path) -> None:
    answer = portproof("scan", "-p", "1-50", cwd=site)
    assert (answer.code, answer.err) == (0, "")
    assert "/s" not in answer.out
