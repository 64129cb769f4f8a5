"""`portproof demo` tells the truth about this machine, and leaves nothing running."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from command import Answer, portproof


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo")
    answer = portproof("demo", "--out", "demo-out", cwd=folder)
    out = folder / "demo-out"
    return answer, out, json.loads((out / "evidence.json").read_text())


def found(evidence: dict[str, Any], rule: str) -> list[str]:
    return sorted(each["endpoint"] for each in evidence["findings"] if each["rule"] == rule)


def test_it_exits_0_and_says_where_the_report_is(
    demonstration: tuple[Answer, Path, dict[str, Any]],
) -> None:
    answer, out, _ = demonstration
    assert answer.code == 0, answer.err
    assert {"evidence.json", "report.html", "report.pdf"} <= {each.name for each in out.iterdir()}
    assert "report.pdf" in answer.err
    assert "Traceback" not in answer.err


def test_every_tcp_port_and_every_udp_probe_of_both_addresses_was_measured(
    demonstration: tuple[Answer, Path, dict[str, Any]],
) -> None:
    _, _, evidence = demonstration
    assert evidence["run"]["status"] == "complete"
    totals = {each["transport"]: each for each in evidence["coverage"] if not each["host"]}
    assert totals["tcp"]["planned"] == totals["tcp"]["measured"] == 2 * 65_535
    assert totals["udp"]["planned"] == totals["udp"]["measured"] >= 4


def test_the_missing_database_is_the_one_missing_service(
    demonstration: tuple[Answer, Path, dict[str, Any]],
) -> None:
    answer, _, evidence = demonstration
    (missing,) = [each for each in evidence["findings"] if each["rule"] == "missing-service"]
    assert missing["entry"] == "demo-database"
    assert missing["endpoint"] in answer.out


def test_the_unapproved_server_is_found_and_the_approved_one_is_not(
    demonstration: tuple[Answer, Path, dict[str, Any]],
) -> None:
    _, _, evidence = demonstration
    seen = [seen for host in evidence["hosts"] for seen in host["observations"]]
    approved = [each for each in seen if each["entry"] == "demo-web"]
    assert [each["service"] for each in approved] == ["http"]
    exposures = found(evidence, "unapproved-exposure")
    assert approved[0]["endpoint"] not in exposures
    servers = [
        e["endpoint"] for e in seen if "SimpleHTTP" in e["product"] and e["endpoint"] in exposures
    ]
    assert servers


def test_portproofs_own_listeners_are_recorded_and_no_finding(
    demonstration: tuple[Answer, Path, dict[str, Any]],
) -> None:
    _, _, evidence = demonstration
    assert len(evidence["own_listeners"]) == 2
    endpoints = {each["endpoint"] for each in evidence["findings"]}
    assert not endpoints & set(evidence["own_listeners"])


def test_ctrl_c_ends_it_cleanly_with_its_servers(tmp_path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "portproof", "demo", "--out", "demo-out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no thread runs here
    )
    database = tmp_path / "demo-out" / "portproof.sqlite"
    deadline = time.monotonic() + 30
    while not database.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    servers = children(running.pid)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    assert len(servers) == 2
    assert not [each for each in servers if Path(f"/proc/{each}").exists()]


def _heed_interrupts() -> None:
    """A job in the background of a shell without job control is born deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in listed]
