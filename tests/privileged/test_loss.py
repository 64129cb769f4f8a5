"""Thirty packets in a hundred are lost each way: what is open is found, and nothing is made up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import Lab, filter_rules
from portproof.model.portspec import parse_ports
from portproof.scan.loss import MOST_DOUBT
from relay import lay_path

pytestmark = pytest.mark.privileged

SCANS = Path(__file__).parents[1] / "lossy_scans.py"
LOSS = 0.3
SEEDS = range(100)
OPEN, CLOSED, DROPPED = range(1001, 1061), range(1061, 1111), range(1111, 1115)
# Listens on a range of ports of every address, with room for many half-open connections.
LISTEN = """
import select, socket, sys
poller, servers = select.epoll(), {}
for port in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    server = socket.create_server(("", port), backlog=4096)
    server.setblocking(False)
    servers[server.fileno()] = server
    poller.register(server.fileno(), select.EPOLLIN)
while True:
    for descriptor, _ in poller.poll():
        try:
            while True:
                servers[descriptor].accept()[0].close()
        except BlockingIOError:
            pass
"""
ROOM = "echo 65536 >/proc/sys/net/ipv4/tcp_max_syn_backlog; echo 4096 >/proc/sys/net/core/somaxconn"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lay_path(lab, seed=1, loss=(LOSS, LOSS))
        lab.run(lab.server, ["sh", "-c", ROOM])
        ends = [str(OPEN[0]), str(OPEN[-1])]
        lab.serve(lab.server, [sys.executable, "-c", LISTEN, *ends], port=OPEN[-1])
        lab.nft(lab.server, filter_rules(f"tcp dport {DROPPED[0]}-{DROPPED[-1]} drop"))
        yield lab


def scans(lab: Lab, seeds: range, *, processes: int = 2, **timing: int) -> list[dict[str, Any]]:
    """Scan the hosts of each seed: many at once, for most of the time is spent waiting."""
    asked = {
        "tcp": f"{OPEN[0]}-{DROPPED[-1]}",
        "canary": OPEN[0],
        "at_once": 20,
        # Long, for so many at once: on a busy machine an answer that comes late would count as lost.
        "timing": {"timeout_ms": 500, "min_timeout_ms": 500, **timing},
        "rates": {"global_pps": 4000, "per_host_pps": 4000},
    }
    parts = [[*seeds][place::processes] for place in range(processes)]
    running = [
        lab.popen(
            lab.client,
            [sys.executable, str(SCANS), json.dumps({**asked, "seeds": part})],
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in parts
    ]
    lines = [line for each in running for line in each.communicate(timeout=180)[0].splitlines()]
    results = [json.loads(line) for line in lines]
    assert len(results) == len(seeds)
    return results


def count(results: list[dict[str, Any]], truth: Iterable[int], word: str) -> int:
    """Count the ports of `truth` that were given that state, or fault, over all hosts and scans."""
    wanted = set(truth)
    ports = [
        parse_ports(said[word]).tcp
        for result in results
        for said in result["hosts"].values()
        if word in said
    ]
    return sum(len(set(each) & wanted) for each in ports)


@pytest.fixture(scope="module")
def hundred(lab: Lab) -> list[dict[str, Any]]:
    return scans(lab, SEEDS)


def test_of_a_hundred_scans_nearly_all_open_ports_are_found_and_none_is_called_closed(
    hundred: list[dict[str, Any]],
) -> None:
    asked = len(hundred) * 3 * len(OPEN)
    assert count(hundred, OPEN, "open") >= 0.99 * asked
    assert count(hundred, OPEN, "closed") == 0
    assert count(hundred, OPEN, "filtered") == 0, "below one in a million each: 18,000 show none"
    assert count(hundred, CLOSED, "filtered") == 0
    assert count(hundred, [*CLOSED, *DROPPED], "open") == 0


def test_what_a_filter_drops_is_called_filtered_after_enough_askings(
    hundred: list[dict[str, Any]],
) -> None:
    filtered = count(hundred, DROPPED, "filtered")
    unmeasured = sum(count(hundred, DROPPED, fault) for fault in ("lossy-path", "control-failed"))
    assert filtered + unmeasured == len(hundred) * 3 * len(DROPPED)
    assert filtered >= 0.9 * (filtered + unmeasured)


def test_filtered_is_said_only_where_an_answer_was_hardly_missed(
    hundred: list[dict[str, Any]],
) -> None:
    asking_loss = 1 - (1 - LOSS) ** 2
    attempts = [each["fewest_for_silence"] for each in hundred if each["fewest_for_silence"]]
    # Each scan goes by its own estimate; this is what the truth would demand, give or take its error.
    assert max(asking_loss**each for each in attempts) < 20 * MOST_DOUBT


def test_the_loss_in_coverage_is_within_five_points_of_the_truth(
    hundred: list[dict[str, Any]],
) -> None:
    estimates = [each["loss_ppm"] / 1e6 for each in hundred]
    assert max(abs(each - LOSS) for each in estimates) <= 0.05
    assert abs(sum(estimates) / len(estimates) - LOSS) <= 0.01


def test_loss_alone_makes_hardly_any_run_inconclusive(hundred: list[dict[str, Any]]) -> None:
    # A control is asked ten times while the loss is unknown: one in a thousand goes unanswered.
    statuses = Counter(each["status"] for each in hundred)
    assert set(statuses) <= {"complete", "inconclusive"}
    assert statuses["complete"] >= 0.95 * len(hundred)


def test_where_a_person_limits_the_retries_silence_is_unmeasured(lab: Lab) -> None:
    (result,) = scans(lab, range(200, 201), processes=1, max_retries=2, most_retries=2)
    assert count([result], DROPPED, "lossy-path") == 3 * len(DROPPED)
    assert count([result], range(1, 65536), "filtered") == 0
    assert abs(result["loss_ppm"] / 1e6 - LOSS) <= 0.10, "what is cut off early is reckoned with"
