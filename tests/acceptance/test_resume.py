"""A sweep that was cut short goes on where it stopped: nothing is left out, nothing is lost.

Real processes, killed or stopped in their middle; the network of the test counts every probe.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from command import Answer, portproof
from portproof.model.endpoint import Transport
from portproof.model.observation import PortState
from portproof.model.scan import HostOutcome, RunRecord
from portproof.store import open_store, verify_log
from site_documents import Site

HOST = "127.0.0.5"
LAST_PORT = 2000
RATE_PPS = 1000
OPEN = (17, 1021, 1500, 1999)
LATE_PORT, SILENT_UDP_PORT = 2222, 53
FIRST_LOCAL = 32_768
"""From here on the kernel chooses ports, for portproof's own listeners among others."""
DATABASE = "portproof.sqlite"
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")

# A greeting, and goodbye: a conversation with it takes no time.
SERVERS = """
import asyncio, sys

async def greet(reader, writer):
    writer.write(b"SSH-2.0-test\\r\\n")
    writer.close()

async def main():
    servers = [await asyncio.start_server(greet, sys.argv[1], int(port)) for port in sys.argv[2:]]
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

# The nearest thing to a witness that knows nothing of portproof: the kernel counts each SYN.
COUNT_PROBES = f"""
table inet probes {{
  set asked {{ type inet_service; size 65535; flags dynamic; counter; }}
  chain arriving {{
    type filter hook input priority 0;
    ip daddr {HOST} tcp flags & (syn|ack) == syn add @asked {{ tcp dport }}
  }}
}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """2,000 ports of this machine at 1,000 a second."""
    return site_asking(tmp_path, f"1-{LAST_PORT}")


def site_asking(folder: Path, ports: str, rate_pps: int = RATE_PPS) -> Path:
    rates = f"{{global_pps: {rate_pps}, per_host_pps: {rate_pps}}}"
    return Site(folder, networks=[HOST], targets=[HOST], ports=ports, rates=rates).write()


@pytest.fixture
def servers() -> Iterator[None]:
    """Something that greets, at each port of `OPEN`."""
    ports = [str(port) for port in OPEN]
    with subprocess.Popen(
        [sys.executable, "-c", SERVERS, HOST, *ports], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
        process.kill()


@pytest.fixture
def probes_counted() -> Iterator[Callable[[], dict[int, int]]]:
    """Give how often each port was asked, as the kernel has counted it."""
    subprocess.run(["nft", "-f", "-"], input=COUNT_PROBES, text=True, check=True)

    def counted() -> dict[int, int]:
        listed = subprocess.run(
            ["nft", "-j", "list", "set", "inet", "probes", "asked"],
            capture_output=True,
            text=True,
            check=True,
        )
        kept = json.loads(listed.stdout)["nftables"][-1]["set"].get("elem", [])
        return {each["elem"]["val"]: each["elem"]["counter"]["packets"] for each in kept}

    yield counted
    subprocess.run(["nft", "delete", "table", "inet", "probes"], check=True)


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """The commands that a test began; none outlives it."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for each in begun:
        if each.poll() is None:
            each.kill()
        each.communicate()


def begin(site: Path, *arguments: str, answers: int = 0) -> subprocess.Popen[str]:
    """Begin a command; come back once its run has kept that many batches and a checkpoint."""
    runs_before = run_count(site)
    process = subprocess.Popen(
        [sys.executable, "-m", "portproof", *arguments],
        cwd=site,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread runs here
    )
    deadline = time.monotonic() + 60
    while answers and not (run_count(site) > runs_before and kept(site, answers)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def kept(site: Path, answers: int) -> bool:
    """Whether the journal of the run that is under way has come that far."""
    counts = dict(rows(site, "SELECT kind, count(*) FROM journal_entry GROUP BY kind"))
    return counts.get("batch", 0) >= answers and counts.get("checkpoint", 0) > 0


def run_count(site: Path) -> int:
    return len(rows(site, "SELECT run_id FROM run"))


def rows(site: Path, query: str) -> list[Any]:
    """Ask the database of the site; nothing before it has its tables."""
    if not (site / DATABASE).exists():
        return []
    with closing(sqlite3.connect(f"file:{site / DATABASE}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # its tables are being made
            return []


def killed(site: Path, running: list[subprocess.Popen[str]], *arguments: str, answers: int) -> None:
    running.append(begin(site, *arguments, answers=answers))
    running[-1].kill()
    running[-1].wait(timeout=30)


def ended(process: subprocess.Popen[str]) -> Answer:
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, err)


def config(answer: Answer) -> dict[str, Any]:
    """The run as `--format jsonl` says it in its first line."""
    told: dict[str, Any] = json.loads(answer.out.splitlines()[0])
    return told


def newest(site: Path) -> RunRecord:
    """The newest run as it was kept; and the log of the store proves what it holds."""
    with open_store(site / DATABASE) as store:
        assert verify_log(store) == []
        return store.load_run(store.runs(limit=1)[0].id)


def over(record: RunRecord, transport: Transport) -> HostOutcome:
    return next(each for each in record.hosts if each.transport is transport)


def assert_whole(record: RunRecord, *, opened: tuple[int, ...]) -> None:
    """Each planned port has one outcome, and those are open that are."""
    outcome = over(record, Transport.TCP)
    asked = [port for ports in outcome.states.values() for port in ports]
    own = {each.port for each in record.own_listeners}
    assert sorted(asked) == list(outcome.host.tcp)
    assert set(outcome.states[PortState.OPEN]) - own == set(opened)
    assert outcome.unmeasured == {}
    assert {each.endpoint.port for each in outcome.observations} - own == set(opened)
    (coverage,) = (each for each in record.coverage if each.transport is Transport.TCP)
    planned = len(outcome.host.tcp)
    assert (coverage.planned, coverage.measured, coverage.missing) == (planned, planned, 0)


def asked_twice(counts: dict[int, int]) -> int:
    """Count the closed ports that were asked more than once: each answers at the first time."""
    return sum(port not in OPEN and port < FIRST_LOCAL and n > 1 for port, n in counts.items())


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("answers", [1, 4])
def test_a_sweep_that_was_killed_goes_on_and_asks_little_again(
    site: Path,
    running: list[subprocess.Popen[str]],
    probes_counted: Callable[[], dict[int, int]],
    answers: int,
) -> None:
    killed(site, running, "scan", answers=answers)
    listed = portproof("runs", cwd=site)
    (run_id,) = RUN_ID.findall(listed.out)
    assert f"`portproof resume {run_id}` goes on with it" in listed.err

    answer = portproof("resume", "--format", "jsonl", cwd=site)
    assert answer.code == 0, answer.err
    told, record = config(answer), newest(site)
    assert (told["run"], told["continues"]) == (record.plan.run_id, run_id)
    assert_whole(record, opened=OPEN)
    (coverage,) = told["coverage"]
    assert 0 < coverage["carried"] < LAST_PORT
    assert asked_twice(probes_counted()) <= coverage["repeated"] <= 3 * RATE_PPS
    assert coverage["repeated"] <= LAST_PORT - coverage["carried"]


@pytest.mark.usefixtures("servers")
def test_a_sweep_of_several_processes_goes_on_like_any_other(
    tmp_path: Path,
    running: list[subprocess.Popen[str]],
    probes_counted: Callable[[], dict[int, int]],
) -> None:
    site = site_asking(tmp_path, "1-24000", rate_pps=8000)
    killed(site, running, "scan", answers=3)
    answer = portproof("resume", "--format", "jsonl", cwd=site)
    assert answer.code == 0, answer.err
    assert_whole(newest(site), opened=OPEN)
    (coverage,) = config(answer)["coverage"]
    assert asked_twice(probes_counted()) <= coverage["repeated"] <= 24_000 - coverage["carried"]


@pytest.mark.usefixtures("servers")
def test_a_run_may_be_killed_again_and_again(
    site: Path, running: list[subprocess.Popen[str]], probes_counted: Callable[[], dict[int, int]]
) -> None:
    killed(site, running, "scan", answers=2)
    killed(site, running, "resume", answers=2)
    between = asked_twice(probes_counted())
    answer = portproof("resume", "--format", "jsonl", cwd=site)
    assert answer.code == 0, answer.err
    assert_whole(newest(site), opened=OPEN)
    (coverage,) = config(answer)["coverage"]
    assert asked_twice(probes_counted()) - between <= coverage["repeated"] <= 3 * RATE_PPS
    shown = portproof("runs", cwd=site).out
    assert shown.count("continues") == 2
    assert portproof("resume", cwd=site).code == 2


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("how", ["SIGTERM", "stop file"])
def test_a_sweep_that_was_stopped_names_the_command_that_goes_on(
    site: Path, running: list[subprocess.Popen[str]], how: str
) -> None:
    running.append(begin(site, "scan", "--format", "jsonl", answers=2))
    if how == "stop file":
        (site / "portproof.stop").touch()
    else:
        running[-1].send_signal(signal.Signals[how])
    stopped = ended(running[-1])
    assert stopped.code == 130, stopped.err
    first = config(stopped)
    assert f"`portproof resume {first['run']}` goes on with it" in stopped.err
    if how == "stop file":
        assert "portproof.stop is there" in stopped.err
        refused = portproof("resume", cwd=site)
        assert (refused.code, "remove it" in refused.err) == (2, True)
        (site / "portproof.stop").unlink()

    answer = portproof("resume", first["run"], "--format", "jsonl", cwd=site)
    assert answer.code == 0, answer.err
    (before,), (after,) = first["coverage"], config(answer)["coverage"]
    own = len(newest(site).own_listeners)
    assert before["measured"] - own <= after["carried"] <= before["measured"]
    assert after["repeated"] < RATE_PPS  # a run that ends by itself knows what it has drawn
    assert_whole(newest(site), opened=OPEN)

    evidence = json.loads(portproof("check", "--format", "json", cwd=site).out)
    assert evidence["run"]["continues"] == first["run"]
    counts = f"{after['carried']:,} endpoints carried over"
    assert counts in evidence["run"]["carried_over"]
    (total,) = (each for each in evidence["coverage"] if not each["host"])
    assert (total["carried"], total["repeated"]) == (after["carried"], after["repeated"])
    portproof("report", "--format", "html", "--out", "out", cwd=site)
    page = (site / "out" / "report.html").read_text()
    assert page.count(counts) == 1
    assert f"continues {first['run']}" in page


def test_a_run_that_was_killed_while_it_conversed_converses_with_those_that_are_left(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    site = site_asking(tmp_path, f"{LATE_PORT - 100}-{LATE_PORT}")
    with listening(LATE_PORT) as listener:
        running.append(begin(site, "scan"))
        listener.accept()[0].close()  # the sweep
        with listener.accept()[0]:  # the conversation, in which nothing is said
            running[-1].kill()
            running[-1].wait(timeout=30)
        running.append(begin(site, "resume", "--format", "jsonl"))
        with listener.accept()[0] as visitor:
            visitor.sendall(b"SSH-2.0-late\r\n")
        answer = ended(running[-1])
    assert answer.code == 0, answer.err
    (coverage,) = config(answer)["coverage"]
    assert (coverage["carried"], coverage["repeated"]) == (101, 0)
    seen = over(newest(site), Transport.TCP).observation(LATE_PORT)
    assert seen is not None
    assert seen.service is not None
    assert seen.service.product == "late"


def test_a_run_that_was_killed_during_its_datagrams_asks_no_tcp_port_again(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    site = site_asking(tmp_path, f"T:1-100,U:{SILENT_UDP_PORT},123")
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind((HOST, SILENT_UDP_PORT))
        silent.settimeout(60)
        running.append(begin(site, "scan"))
        silent.recv(4096)
        running[-1].kill()
        running[-1].wait(timeout=30)
        answer = portproof("resume", "--format", "jsonl", cwd=site)
    assert answer.code == 0, answer.err
    coverage = {each["transport"]: each for each in config(answer)["coverage"]}
    assert (coverage["tcp"]["carried"], coverage["tcp"]["repeated"]) == (100, 0)
    assert coverage["udp"]["measured"] == 2
    assert 1 <= coverage["udp"]["repeated"] <= 2
    states = over(newest(site), Transport.UDP).states
    assert SILENT_UDP_PORT in states[PortState.OPEN_FILTERED]
    assert 123 in states[PortState.CLOSED]


def test_another_authorisation_is_refused_and_nothing_is_sent(
    site: Path, running: list[subprocess.Popen[str]], probes_counted: Callable[[], dict[int, int]]
) -> None:
    killed(site, running, "scan", answers=1)
    before = probes_counted()
    with (site / "authorisation.yaml").open("a") as file:
        file.write("# as amended\n")
    answer = portproof("resume", cwd=site)
    assert answer.code == 2
    (line,) = answer.err.splitlines()
    assert "refused (changed)" in line
    assert probes_counted() == before


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(64)
        listener.settimeout(60)
        yield listener
