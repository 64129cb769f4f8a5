"""Judging two million stored open ports, against what ndiff takes to compare as many.

ndiff reads two XML files of 2,000 hosts, before and after, and its time is multiplied by 50: it holds
all it reads in memory, and grows in line with it. Ours loads a stored run of 100,000 hosts, judges it
against a baseline of 5,000 entries, and writes 20,000 findings to the store, in one process that is
started for it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from comparison import Comparison, Tried, against, as_command, counted, measure, output_of

from bench import large_network

GOAL = 10.0
LIMIT_MIB = 1024.0
COMPARED = 2_000
SCALE = large_network.HOSTS // COMPARED
_HEAD = (
    '<?xml version="1.0"?>\n<nmaprun scanner="nmap" args="nmap -sV" start="1" version="7.93" '
    'xmloutputversion="1.05">\n<scaninfo type="connect" protocol="tcp" numservices="1000" '
    'services="1-1000"/>\n'
)
_TAIL = '<runstats><finished time="2"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>\n'


def evaluation_at_scale(rounds: int) -> Iterable[Comparison]:
    """Wall time of the whole process, and its largest resident set."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        stored = _stored(place / "run.db")
        before, after = (_xml(place / f"{wrong}.xml", wrong) for wrong in (0, large_network.WRONG))
        grown: list[float] = []

        def ours() -> Tried:
            copy = shutil.copy(stored, place / "copy.db")
            began = time.perf_counter()
            told = json.loads(output_of(_command("judge", copy), seconds=600))
            took = time.perf_counter() - began
            grown.append(told["mib"])
            return Tried(counted(told["found"]), took)

        def ndiff() -> Tried:
            began = time.perf_counter()
            _differing(before, after)
            return Tried("", (time.perf_counter() - began) * SCALE)

        measured = measure({"ours": ours, f"ndiff x {SCALE}": ndiff}, rounds)
    yield against(
        "evaluation: 2,000,000 stored open ports, 5,000 entries; ndiff, scaled",
        measured["ours"],
        [measured[f"ndiff x {SCALE}"]],
        truth=counted(_unapproved()),
        goal=GOAL,
    )
    yield _memory(grown)


def _memory(grown: Sequence[float]) -> Comparison:
    largest = max(grown)
    return Comparison(
        name="evaluation: memory of the same process",
        ours=round(largest, 1),
        peer=LIMIT_MIB,
        peer_name="limit",
        ratio=round(LIMIT_MIB / largest, 2),
        goal=1.0,
        found="",
        truth="",
        rounds=len(grown),
        kind="memory",
        unit="MiB",
    )


def _unapproved() -> Iterable[str]:
    approved = frozenset(large_network.PORTS)
    for host, ports in enumerate(large_network.open_ports(large_network.HOSTS)):
        address = large_network.address_of(host)
        yield from (f"{address}:{port}/tcp" for port in ports if port not in approved)


def _stored(path: Path) -> Path:
    output_of(_command("store", path), seconds=600)
    return path


def _command(what: str, path: Path) -> list[str]:
    return [sys.executable, "-c", as_command("bench.large_network"), what, str(path)]


def _xml(path: Path, wrong: float) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEAD)
        for host, ports in enumerate(large_network.open_ports(COMPARED, wrong=wrong)):
            file.write(_host(str(large_network.address_of(host)), ports))
        file.write(_TAIL)
    return path


def _host(address: str, ports: Iterable[int]) -> str:
    opened = "".join(
        f'<port protocol="tcp" portid="{port}"><state state="open" reason="syn-ack"/>'
        '<service name="http" method="probed" conf="10"/></port>'
        for port in ports
    )
    return (
        f'<host starttime="1" endtime="2"><status state="up" reason="user-set"/>'
        f'<address addr="{address}" addrtype="ipv4"/><ports>'
        f'<extraports state="closed" count="980"/>{opened}</ports></host>\n'
    )


def _differing(before: Path, after: Path) -> None:
    """Let ndiff compare; it ends with 1 where it found differences."""
    output_of(["sh", "-c", 'ndiff "$0" "$1" >/dev/null; test $? -eq 1', str(before), str(after)])


COMPARISONS = (evaluation_at_scale,)
