"""One SYN sweep for tests: run inside a network namespace, says what came of it as JSON.

    python syn_sweep.py '{"hosts": ["10.99.1.2"], "tcp": "1-100", "processes": 2}'

Optional: `timing` and `rates` (fields of the model), `engine` ("connect" for comparison),
`stop_after_s`, `noted` (ports whose rejections are kept). With `"tell": true` the line `probing` is
printed with the helpers' process group once the first outcomes are there.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Any

from portproof.model.batch import FAULTS, NONE, REASONS, STATES, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports
from portproof.model.scan import PlannedHost, Rates, Timing
from portproof.plan.order import ProbeOrder
from portproof.scan.conditions import Conditions
from portproof.scan.connect import ConnectSweep
from portproof.scan.syn import SynSweep, unavailable


def addresses(texts: list[str]) -> list[Address]:
    found: list[Address] = []
    for text in texts:
        found += ip_network(text) if "/" in text else [ip_address(text)]
    return found


def told(batches: list[OutcomeBatch]) -> dict[str, dict[str, list[int]]]:
    """The ports of each host by what is said of them."""
    found: dict[str, dict[str, list[int]]] = {}
    for batch in batches:
        columns = (batch.host, batch.port, batch.state, batch.reason, batch.fault)
        for host, port, state, reason, fault in zip(*(c.tolist() for c in columns), strict=True):
            said = FAULTS[fault] if fault != NONE else f"{STATES[state]} {REASONS[reason]}"
            found.setdefault(str(host), {}).setdefault(said, []).append(port)
    return found


class Heard:
    """What a sweep emits, counted, and kept when few."""

    def __init__(self, *, tell: bool) -> None:
        self.batches: list[OutcomeBatch] = []
        self.counts: Counter[str] = Counter()
        self.tell = tell

    def take(self, batch: OutcomeBatch) -> None:
        self.batches.append(batch)
        if self.tell:
            self.tell = False
            sys.stdout.write("probing\n")
            sys.stdout.flush()


def main() -> None:
    asked = json.loads(sys.argv[1])
    hosts = addresses(asked["hosts"])
    ports = parse_ports(asked["tcp"]).tcp
    planned = [
        PlannedHost(address=each, target="t", tcp=ports, udp=PortSet.empty()) for each in hosts
    ]
    order = ProbeOrder(planned, Transport.TCP, asked.get("seed", 1))
    began = time.monotonic()
    stop_s = asked.get("stop_after_s", 3600.0)
    refused: dict[str, Any] = {}
    conditions = Conditions(
        timing=Timing(**asked.get("timing", {})),
        rates=Rates(**{"global_pps": 10**6, "per_host_pps": 10**6, **asked.get("rates", {})}),
        clock=time.monotonic,
        began=began,
        stop=lambda: time.monotonic() - began > stop_s,
        noted=frozenset(asked.get("noted", [])),
        refused=lambda probe, errno, icmp: refused.update(
            {str(probe & 0xFFFF): [errno, str(icmp)]}
        ),
    )
    heard = Heard(tell=asked.get("tell", False))
    if asked.get("engine") == "connect":
        sweep: Any = ConnectSweep(hosts, order, heard.take, conditions)
    else:
        sweep = SynSweep(hosts, order, heard.take, conditions, processes=asked.get("processes", 1))
    complete = sweep.run()
    result = {
        "unavailable": unavailable(),
        "complete": complete,
        "ended_s": time.monotonic() - began,
        "done": sweep.done,
        "planned": len(order),
        "retransmitted": sweep.retransmitted,
        "problem": getattr(sweep, "problem", ""),
        "hosts": {str(hosts[int(host)]): said for host, said in told(heard.batches).items()},
        "refused": refused,
        "rtt_us": [int(each) for batch in heard.batches for each in batch.rtt_us if each >= 0],
        "sent_ms": [int(each) for batch in heard.batches for each in batch.sent_ms],
        "scapy": any(name.startswith("scapy") for name in sys.modules),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
