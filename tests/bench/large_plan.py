"""Sweep a /8 with 100 ports each for some seconds, and print how much each process grew, as JSON.

    python large_plan.py SECONDS [PROCESSES]

Run inside a network namespace that is all of 10.0.0.0/8 itself, so that every probe is reset.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import overload

from portproof.model.batch import STATES, OutcomeBatch
from portproof.model.endpoint import Address
from portproof.model.observation import PortState
from portproof.model.portspec import parse_ports
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.connect import Conditions
from portproof.scan.shards import ShardedConnectSweep


class Network(Sequence[Address]):
    """The addresses of 10.0.0.0/8, made when they are asked for."""

    def __len__(self) -> int:
        return 1 << 24

    @overload
    def __getitem__(self, index: int) -> Address: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Address]: ...
    def __getitem__(self, index: int | slice) -> Address | Sequence[Address]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        return IPv4Address((10 << 24) + index)


def main() -> None:
    """Sweep, stop, tell."""
    seconds = float(sys.argv[1])
    processes = int(sys.argv[2]) if sys.argv[2:] else 2
    hosts, ports = Network(), parse_ports("1-100").tcp
    order = ProbeOrder.of_runs([(len(hosts), ports)], seed=1)
    closed, rows, wrong, peaks = STATES.index(PortState.CLOSED), 0, 0, dict[str, float]()
    before = peak_mib("self")

    def took(batch: OutcomeBatch) -> None:
        nonlocal rows, wrong
        rows += len(batch)
        wrong += int((batch.state != closed).sum())

    def stop() -> bool:
        for name in ("self", *children()):
            peaks[name] = peak_mib(name)
        return time.monotonic() > began + seconds

    began = time.monotonic()
    conditions = Conditions(
        timing=Timing(),
        rates=Rates(global_pps=10**6, per_host_pps=10**6),
        clock=time.monotonic,
        began=began,
        stop=stop,
    )
    ShardedConnectSweep(hosts, order, took, conditions, processes=processes).run()
    grown = [round(each - before, 3) for each in peaks.values()]
    sys.stdout.write(json.dumps({"grown_mib": grown, "rows": rows, "wrong": wrong}) + "\n")


def peak_mib(process: str) -> float:
    """Give the largest resident set that a process has had, in MiB."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def children() -> list[str]:
    """Give the processes that this one has started and that are still there."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()


if __name__ == "__main__":
    main()
