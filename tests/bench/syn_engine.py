"""The SYN engine alone, for the bench: no controls, no witnesses, no record.

    python syn_engine.py '{"network": "10.88.0.0/16", "tcp": "1-32", "processes": 2}'

Prints what was found open, as count and digest.
"""

from __future__ import annotations

import json
import sys
import time
from ipaddress import ip_network

from comparison import counted

from portproof.model.batch import STATES, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import PortState
from portproof.model.portspec import parse_ports
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.conditions import Conditions
from portproof.scan.syn import SynSweep

FREE = Rates(global_pps=10_000_000, per_host_pps=10_000_000)
OPEN = STATES.index(PortState.OPEN)


def main() -> None:
    """Sweep what the first argument says."""
    asked = json.loads(sys.argv[1])
    hosts: list[Address] = [*ip_network(asked["network"])]
    order = ProbeOrder.of_runs([(len(hosts), parse_ports(asked["tcp"]).tcp)], seed=1)
    found: list[str] = []

    def take(batch: OutcomeBatch) -> None:
        seen = batch.where(batch.state == OPEN)
        rows = zip(seen.host.tolist(), seen.port.tolist(), strict=True)
        found.extend(f"{hosts[host]}:{port}" for host, port in rows)

    conditions = Conditions(
        timing=Timing(**asked.get("timing", {})),
        rates=FREE,
        clock=time.monotonic,
        began=time.monotonic(),
        stop=lambda: False,
    )
    sweep = SynSweep(hosts, order, take, conditions, processes=asked.get("processes", 1))
    sweep.run()
    if sweep.problem or sweep.done != len(order):
        raise RuntimeError(
            sweep.problem or f"{sweep.done} of {len(order)} {Transport.TCP} outcomes"
        )
    sys.stdout.write(json.dumps({"found": counted(found)}) + "\n")


if __name__ == "__main__":
    main()
