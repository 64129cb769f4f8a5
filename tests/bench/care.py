"""Care: what a sweep leaves of a router's state table to others.

A router between client and server follows connections and drops new ones when its table of 65,536
entries is full. Both contestants ask 65,535 silent ports of two hosts behind it for some seconds,
while somebody else connects through the same router. The measure is the peak of entries; the goal is
a quarter of the table and what others need, and that no foreign connection was dropped. nmap is
asked for the speed that a person in a hurry would ask for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from comparison import Comparison

from netns import filter_rules
from routed import TARGET, RoutedLab

TABLE = 65_536
BUDGET = 16_384
OTHERS = 400
"""Entries beside ours: foreign connections and controls."""
SECOND_HOST = "10.99.2.3"
TRIES = 80
SWEEP_S = 8.0
VANTAGE = Path(__file__).parents[1] / "vantage.py"
TIMING = {"timeout_ms": 300, "min_timeout_ms": 300, "max_retries": 0}


def a_state_table_is_left_to_others(rounds: int) -> Comparison:
    """Peak of entries in the router's table, and foreign connections that were dropped."""
    ours, peers = [], []
    for _ in range(rounds):
        ours.append(_tried(_portproof()))
        peers.append(_tried(_nmap()))
    peak = median(entries for entries, _ in ours)
    return Comparison(
        name="entries in a router's table of 65,536",
        ours=peak,
        peer=median(entries for entries, _ in peers),
        peer_name="nmap -sS --min-rate 20000",
        ratio=(BUDGET + OTHERS) / peak,
        goal=1.0,
        found=f"{max(dropped for _, dropped in ours)} foreign dropped",
        peer_found=f"{max(dropped for _, dropped in peers)} foreign dropped",
        truth="0 foreign dropped",
        rounds=rounds,
        kind="care",
        unit="entries",
    )


def _portproof() -> list[str]:
    request = {
        "hosts": [TARGET, SECOND_HOST],
        "tcp": "1-8079,8081-65535",
        "silent": True,
        "timing": TIMING,
        "rates": {"max_flows": BUDGET},
    }
    return [sys.executable, str(VANTAGE), json.dumps(request)]


def _nmap() -> list[str]:
    ports = "1-8079,8081-65535"
    speed = ["--max-retries", "0", "--min-rate", "20000"]
    return ["nmap", "-sS", "-Pn", "-n", *speed, "-p", ports, TARGET, SECOND_HOST]


def _tried(argv: list[str]) -> tuple[int, int]:
    """Sweep for some seconds on a router of its own; gives the peak of entries, and the dropped."""
    with RoutedLab() as lab:
        lab.run(lab.server, ["ip", "address", "add", f"{SECOND_HOST}/24", "dev", "cable"])
        lab.nft(lab.server, filter_rules("tcp dport != 8080 drop"))
        lab.bound_table(TABLE)
        lab.serve_others()
        sweep = lab.popen(lab.client, argv, stdout=subprocess.DEVNULL)
        time.sleep(SWEEP_S - TRIES / 20)
        dropped = lab.foreign_failures(TRIES)
        peak = lab.flows()
        sweep.terminate()
        sweep.wait()
        return peak, dropped


COMPARISONS = (a_state_table_is_left_to_others,)
