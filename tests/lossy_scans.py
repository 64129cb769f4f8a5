"""Many scans at once over a lossy path, one per seed, each of hosts of its own; JSON lines out.

Run inside the client's namespace: python lossy_scans.py '{"seeds": [0, 1], "tcp": "1-100",
"canary": 22, "at_once": 30, "timing": {...}, "rates": {...}}'. Seed n scans 10.78.n.1 to .3; the
canary is that port of the first.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import STATES, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import ControlKind, Rates, Timing
from portproof.scan.clock import SystemClock
from portproof.scan.executor import Executor
from vantage import Heard, authorisation, control, described, plan_for, planned_hosts

_APART_S = 0.1
"""Between the starts of scans: their first probes all at once would be too much for the relay."""


def hosts_of(seed: int) -> list[str]:
    return [f"10.78.{seed}.{number}" for number in (1, 2, 3)]


def scan(asked: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Scan the hosts of one seed, and say what came of it."""
    time.sleep(seed % 25 * _APART_S)
    where = f"{hosts_of(seed)[0]}:{asked['canary']}"
    canary = control("canary", ControlKind.POSITIVE, where, [f"10.78.{seed}.0/24"])
    held = authorisation(["10.78.0.0/16"], controls=(canary,))
    plan = plan_for(
        held,
        planned_hosts(hosts_of(seed), asked["tcp"]),
        seed=seed,
        rates=Rates(**asked["rates"]),
        timing=Timing(**asked["timing"]),
        silent_ports=PortSet.all_ports(),
    )
    heard = Heard()
    record = Executor(held, clock=SystemClock()).run(plan, heard, lambda: False)
    (coverage,) = (each for each in record.coverage if each.transport is Transport.TCP)
    return {
        **described(record),
        "seed": seed,
        "loss_ppm": coverage.loss_ppm,
        "duration_ms": record.duration_ms,
        "fewest_for_silence": min(
            (int(each.attempts[silent].min()) for each, silent in _silent(heard)), default=None
        ),
    }


def _silent(heard: Heard) -> Iterator[tuple[OutcomeBatch, NDArray[np.bool_]]]:
    """Give the batches with filtered ports, and which rows those are."""
    for batch in heard.batches:
        silent = batch.state == STATES.index(PortState.FILTERED)
        if silent.any():
            yield batch, silent


def main() -> None:
    asked = json.loads(sys.argv[1])
    with ThreadPoolExecutor(asked["at_once"]) as pool:
        for result in pool.map(partial(scan, asked), asked["seeds"]):
            sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
