"""Sweep a /8 with 100 ports each for some seconds; prints how much each process grew, as JSON.

    python syn_large.py SECONDS PROCESSES

Run inside a network namespace that is all of 10.0.0.0/8 itself, so that every probe is reset.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import overload

from portproof.model.batch import STATES, OutcomeBatch
from portproof.model.endpoint import Address
from portproof.model.observation import PortState
from portproof.model.portspec import parse_ports
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.conditions import Conditions
from portproof.scan.syn import SynSweep


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

    def runs(self) -> Iterator[tuple[Address, int]]:
        yield self[0], len(self)


def helpers() -> list[int]:
    """The helper that was started here, and those that it has forked."""
    found = [os.getpid()]
    for entry in sorted(
        (e for e in Path("/proc").iterdir() if e.name.isdigit()), key=lambda e: int(e.name)
    ):
        try:
            above = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if above in found:
            found.append(int(entry.name))
    return found[1:]


def peak_kib(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    ports = parse_ports("1-100").tcp
    hosts = Network()
    order = ProbeOrder.of_runs([(len(hosts), ports)], seed=1)
    began, processes = time.monotonic(), int(sys.argv[2])
    seen = {"rows": 0, "wrong": 0}
    sizes: dict[int, list[int]] = {os.getpid(): [peak_kib(os.getpid())]}

    def take(batch: OutcomeBatch) -> None:
        seen["rows"] += len(batch)
        seen["wrong"] += int((batch.state != STATES.index(PortState.CLOSED)).sum())

    def tick() -> None:
        # Idle is a helper once it is ready: its libraries are loaded, its sockets open.
        ready = helpers() if len(sweep.source_ports) == processes else []
        for process in (os.getpid(), *ready):
            sizes.setdefault(process, []).append(peak_kib(process))

    conditions = Conditions(
        timing=Timing(),
        rates=Rates(global_pps=10**7, per_host_pps=10**7),
        clock=time.monotonic,
        began=began,
        stop=lambda: time.monotonic() - began > float(sys.argv[1]),
        tick=tick,
    )
    sweep = SynSweep(hosts, order, take, conditions, processes=processes)
    sweep.run()
    grown = [(each[-1] - each[0]) / 1024 for each in sizes.values()]
    sys.stdout.write(
        json.dumps({**seen, "grown_mib": grown, "ended_s": time.monotonic() - began}) + "\n"
    )


if __name__ == "__main__":
    main()
