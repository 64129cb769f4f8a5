"""SIGTERM and the stop file end a scan in each of its phases, and what was measured is kept.

Each phase here would go on for many seconds, and the run would end complete: that it ends
interrupted shows that it was stopped in the middle.
"""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from command import portproof
from site_documents import Site

HOST = "127.0.0.6"
SILENT_UDP = (53, 123)
SILENT_TCP = 2222
# Nothing comes back from the canary: the run waits for it before its first probe.
DROP_CANARY = """
table inet stopping {
  chain leaving { type filter hook output priority 0; ip daddr 127.0.0.7 drop; }
}
"""

Stop = Callable[[subprocess.Popen[str], Path], None]


def by_signal(process: subprocess.Popen[str], site: Path) -> None:
    del site
    process.send_signal(signal.SIGTERM)


def by_file(process: subprocess.Popen[str], site: Path) -> None:
    del process
    (site / "portproof.stop").touch()


both_ways = pytest.mark.parametrize("stop", [by_signal, by_file])


def scan(folder: Path, ports: str, **documents: Any) -> subprocess.Popen[str]:
    Site(folder, networks=["127.0.0.0/8"], targets=[HOST], ports=ports, **documents).write()
    return subprocess.Popen(
        [sys.executable, "-m", "portproof", "scan", "--format", "jsonl", "--timeout", "4000"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stopped(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The first line of a scan that was stopped: the run."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "goes on with it" in err
    config: dict[str, Any] = json.loads(out.splitlines()[0])
    assert config["status"] == "interrupted"
    return config


def has_begun(database: Path) -> bool:
    """Whether the store knows of a run."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return bool(connection.execute("SELECT count(*) FROM run").fetchone()[0])
        except sqlite3.OperationalError:  # its tables are being made
            return False


@pytest.fixture
def udp_sockets() -> Iterator[list[socket.socket]]:
    """Sockets that hear and say nothing."""
    with ExitStack() as stack:
        bound = []
        for port in SILENT_UDP:
            each = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            each.bind((HOST, port))
            each.settimeout(60)
            bound.append(each)
        yield bound


@both_ways
def test_a_scan_stops_while_it_waits_for_datagrams(
    tmp_path: Path, udp_sockets: list[socket.socket], stop: Stop
) -> None:
    process = scan(tmp_path, f"T:1-5,U:{','.join(map(str, SILENT_UDP))}")
    udp_sockets[0].recv(4096)
    stop(process, tmp_path)
    tcp, udp = stopped(process)["coverage"]
    assert (tcp["measured"], udp["measured"]) == (5, 0)
    assert udp["unmeasured"] == {"interrupted": 2}


@both_ways
def test_a_scan_stops_while_it_converses(tmp_path: Path, stop: Stop) -> None:
    with socket.create_server((HOST, SILENT_TCP)) as server:
        server.settimeout(60)
        process = scan(tmp_path, f"{SILENT_TCP}-{SILENT_TCP + 9}")
        server.accept()[0].close()  # the sweep
        with server.accept()[0]:
            stop(process, tmp_path)
            (coverage,) = stopped(process)["coverage"]
    assert coverage["measured"] == 10


@both_ways
def test_a_scan_stops_while_it_waits_for_its_controls(tmp_path: Path, stop: Stop) -> None:
    subprocess.run(["nft", "-f", "-"], input=DROP_CANARY, text=True, check=True)
    try:
        canary = "{id: canary, kind: positive, endpoint: '127.0.0.7:7', networks: 127.0.0.0/8}"
        process = scan(tmp_path, "1-10", controls=[canary])
        while not has_begun(tmp_path / "portproof.sqlite"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        stop(process, tmp_path)
        (coverage,) = stopped(process)["coverage"]
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "stopping"], check=True)
    assert coverage["measured"] == 0


def test_no_scan_begins_while_the_stop_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "portproof.stop").touch()
    process = scan(tmp_path, "1-10")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "portproof.stop" in err
    assert "remove it" in err
    assert "no run" in portproof("check", cwd=tmp_path).err


def test_the_stop_file_may_be_named(tmp_path: Path) -> None:
    Site(tmp_path, networks=[HOST], targets=[HOST], ports="1-10").write()
    (tmp_path / "halt").touch()
    answer = portproof("scan", "--stop-file", "halt", cwd=tmp_path)
    assert (answer.code, "halt" in answer.err) == (2, True)
    with (tmp_path / "portproof.yaml").open("a") as file:
        file.write("stop_file: halt\n")
    assert portproof("scan", cwd=tmp_path).code == 2
    (tmp_path / "halt").unlink()
    assert portproof("scan", cwd=tmp_path).code == 0
