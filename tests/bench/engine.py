"""The connect engine alone: prints the seconds of its sweep, and what is open, as JSON.

    python engine.py IPV4_ADDRESS_OR_NETWORK PORTS [PROCESSES]

Counted from before the engine is made until it has told the last outcome; the interpreter's start
and the imports are not. Run inside a network namespace.
"""

from __future__ import annotations

import json
import sys
import time
from ipaddress import IPv4Network
from typing import Final

from portproof.model.batch import STATES, OutcomeBatch
from portproof.model.observation import PortState
from portproof.model.portspec import parse_ports
from portproof.model.scan import Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.connect import Conditions
from portproof.scan.shards import ShardedConnectSweep

OPEN: Final = STATES.index(PortState.OPEN)


def main() -> None:
    """Sweep the same ports of all hosts."""
    hosts, ports = list(IPv4Network(sys.argv[1])), parse_ports(sys.argv[2]).tcp
    processes = int(sys.argv[3]) if sys.argv[3:] else 1
    found: list[tuple[int, int]] = []

    def took(batch: OutcomeBatch) -> None:
        opened = batch.where(batch.state == OPEN)
        found.extend(zip(opened.host.tolist(), opened.port.tolist(), strict=True))

    began = time.monotonic()
    conditions = Conditions(
        timing=Timing(),
        rates=Rates(global_pps=10**6, per_host_pps=10**6),
        clock=time.monotonic,
        began=began,
        stop=lambda: False,
    )
    order = ProbeOrder.of_runs([(len(hosts), ports)], seed=1)
    ShardedConnectSweep(hosts, order, took, conditions, processes=processes).run()
    seconds = time.monotonic() - began
    told = [(str(hosts[host]), port) for host, port in sorted(found)]
    sys.stdout.write(json.dumps({"seconds": seconds, "open": told}) + "\n")


if __name__ == "__main__":
    main()
