"""The UDP engine against `nmap -sU`: hosts that all answer, and closed ports behind ICMP limits.

Whole processes. Ours puts both questions of the DNS probe to each host that answers, and keeps the
masked exchange of each; nmap sends one datagram. Every address of a /18 is one machine's (AnyIP),
where a small C server answers from the address that was asked.

Behind stock limits nothing is compared for speed, because nmap does not prove what we do: the goal
is that every closed port is found closed, and nmap's count stands beside.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path

from comparison import Attempt, Comparison, as_command, compare, compiled, counted, output_of

from netns import ENVIRONMENT, Lab, filter_rules

TESTS = Path(__file__).resolve().parents[1]
NETWORK = ip_network("10.88.0.0/18")
PORT = 53
CLOSED = range(1000, 1020)
SILENT = range(1020, 1024)
STOCK_LIMIT = "echo 1000 >/proc/sys/net/ipv4/icmp_ratelimit"
LISTENING = ["ss", "--no-header", "--listening", "--udp", f"sport = :{PORT}"]


def hosts_that_answer(rounds: int) -> Comparison:
    """One DNS server on each of 16,384 addresses."""
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        lab.run(lab.server, ["ip", "route", "add", "local", str(NETWORK), "dev", "lo"])
        lab.run(lab.client, ["ip", "route", "add", str(NETWORK), "via", lab.server.ipv4])
        lab.popen(lab.server, [compiled("dns_answers", Path(folder)), str(PORT)])
        while not lab.run(lab.server, LISTENING).stdout:
            time.sleep(0.02)
        plan = {"network": str(NETWORK), "ports": [PORT, PORT]}
        return compare(
            "udp, 16,384 hosts that answer, nmap -sU",
            ours(lab, plan, lambda told: counted(told["open"])),
            nmap(lab, [str(NETWORK), f"-p{PORT}"], lambda said: counted(addresses_in(said))),
            truth=counted(NETWORK),
            goal=4.5,
            rounds=rounds,
        )


def closed_behind_limits(rounds: int) -> Comparison:
    """Twenty closed ports and four dropped ones behind Linux's own limit of ICMP errors."""
    with Lab() as lab:
        lab.run(lab.server, ["sh", "-c", STOCK_LIMIT])
        lab.nft(lab.server, filter_rules(f"udp dport {SILENT[0]}-{SILENT[-1]} drop"))
        host = lab.server.ipv4
        plan = {"hosts": [host], "ports": [CLOSED[0], SILENT[-1]]}
        span = f"-p{CLOSED[0]}-{SILENT[-1]}"
        return compare(
            "udp, 20 closed ports behind stock ICMP limits, nmap -sU",
            ours(lab, plan, lambda told: closed_of(told["ports"])),
            nmap(lab, [host, span], lambda said: ports_in(said, "closed")),
            truth=list(CLOSED),
            goal=0.0,
            rounds=min(rounds, 2),
        )


def ours(
    lab: Lab,
    plan: Mapping[str, object],
    found: Callable[[dict[str, dict[str, str]]], str | list[int]],
) -> Attempt:
    """Carry out a sweep by the product's engine, as a process of its own."""
    environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}

    def attempt() -> str | list[int]:
        command = [sys.executable, "-c", as_command("udp_vantage"), json.dumps(plan)]
        return found(json.loads(lab.run(lab.client, command, env=environment).stdout))

    return attempt


def nmap(lab: Lab, words: list[str], found: Callable[[str], str | list[int]]) -> Attempt:
    """Scan with nmap's defaults."""
    command = [*lab.client.enter, "nmap", "-sU", "-n", "-Pn", "-v", "-oG", "-", *words]
    return lambda: found(output_of(command))


def addresses_in(said: str) -> list[str]:
    """Give the addresses that nmap calls open."""
    return re.findall(rf"^Host: (\S+) .*\b{PORT}/open/udp", said, re.MULTILINE)


def ports_in(said: str, state: str) -> list[int]:
    """Give the ports that nmap lists in that state."""
    return sorted(int(port) for port in re.findall(rf"(\d+)/{re.escape(state)}/udp", said))


def closed_of(ports: dict[str, str]) -> list[int]:
    """Give the ports that we call closed."""
    told = {int(key.split()[1]): verdict[0] for key, verdict in ports.items()}
    return sorted(port for port, verdict in told.items() if verdict == "closed port-unreach")


COMPARISONS = (hosts_that_answer, closed_behind_limits)
