"""A vantage for tests: carries one plan out and says what came of it, as JSON on standard output.

Run inside a network namespace:  python vantage.py '{"hosts": ["10.99.1.2"], "tcp": "1-100"}'

Optional: `silent` (a connect and not one byte: no conversations), `udp`, `positive` and `negative`
(endpoints, `10.99.1.2:22`) with `networks` (whose silence they witness), `rates` and `timing`
(fields of the model), `own_controls`, `engine`, `wanted` (TCP ports whose observations are kept whatever their
state), `processes` (how many send TCP probes). With `"tell": true` the line `probing` is printed once the first outcomes are there, so that a test can change the network
in the middle of a run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from portproof.contracts import Progress
from portproof.model.authorisation import Authorisation
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Checkpoint
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Observation, PortState
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports
from portproof.model.scan import (
    Control,
    ControlKind,
    ControlSample,
    PlannedHost,
    Rates,
    RunRecord,
    ScanPlan,
    Timing,
)
from portproof.model.vantage import Vantage
from portproof.scan.clock import SystemClock
from portproof.scan.executor import Executor


class Heard:
    """A listener that counts, and may tell that probing has begun."""

    def __init__(self, *, tell: bool = False) -> None:
        self.tell = tell
        self.rows = 0
        self.observations: list[tuple[Observation, Mapping[str, str | int] | None]] = []
        self.samples: list[ControlSample] = []
        self.phases: set[str] = set()
        self.batches: list[OutcomeBatch] = []
        self.checkpoints: list[Checkpoint] = []

    def batch(self, batch: OutcomeBatch) -> None:
        self.rows += len(batch)
        self.batches.append(batch)
        if self.tell:
            sys.stdout.write("probing\n")
            sys.stdout.flush()
            self.tell = False

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        self.observations.append((observation, raw))

    def sampled(self, sample: ControlSample) -> None:
        self.samples.append(sample)

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        self.checkpoints.append(checkpoint)

    def progress(self, progress: Progress) -> None:
        self.phases.add(progress.phase)


def authorisation(networks: list[str], **changes: Any) -> Authorisation:
    """An authorisation for the networks, in force now."""
    now = datetime.now(UTC)
    facts: dict[str, Any] = {
        "id": "test",
        "owner": "tests",
        "contact": "tests@example.com",
        "networks": tuple(ip_network(each) for each in networks),
        "exclusions": (),
        "names": (),
        "valid_from": now - timedelta(days=1),
        "valid_until": now + timedelta(days=1),
        "rates": Rates(global_pps=10**6, per_host_pps=10**6),
        "max_probes": 10**7,
        "controls": (),
        "allow_fragile": PortSet.empty(),
        "digest": "d" * 64,
        **changes,
    }
    return Authorisation(**facts)


def planned_hosts(addresses: list[str], tcp: str, udp: str = "") -> tuple[PlannedHost, ...]:
    """One host per address, all with the same ports."""
    ports = [parse_ports(text).tcp if text else PortSet.empty() for text in (tcp, udp)]
    return tuple(
        PlannedHost(address=ip_address(each), target=each, tcp=ports[0], udp=ports[1])
        for each in addresses
    )


def plan_for(held: Authorisation, hosts: tuple[PlannedHost, ...], **changes: Any) -> ScanPlan:
    """A plan under the authorisation, with its controls and rates."""
    facts: dict[str, Any] = {
        "run_id": "run-1",
        "vantage": Vantage(id="local", zone="office"),
        "scope": "tests",
        "hosts": hosts,
        "controls": held.controls,
        "authorisation": held.ref(),
        "rates": held.rates,
        "silent_ports": PortSet.empty(),
        "seed": 1,
        **changes,
    }
    return ScanPlan(**facts)


def control(name: str, kind: ControlKind, where: str, networks: list[str]) -> Control:
    """A control at `address:port` (IPv6 in brackets)."""
    host, _, port = where.rpartition(":")
    return Control(
        id=name,
        kind=kind,
        endpoint=Endpoint(ip_address(host.strip("[]")), Transport.TCP, int(port)),
        networks=tuple(ip_network(each) for each in networks),
    )


def described(record: RunRecord) -> dict[str, Any]:
    """What a test may ask of a record, as plain values."""
    return {
        "status": record.status.value,
        "why": record.status_reason,
        "retransmitted": record.retransmitted,
        "hosts": {
            f"{each.host.address}/{each.transport}": {
                **{state.value: str(ports) for state, ports in each.states.items()},
                **{reason.value: str(ports) for reason, ports in each.reasons.items()},
                **{fault.value: str(ports) for fault, ports in each.unmeasured.items()},
            }
            for each in record.hosts
        },
        "open_tcp": [
            port
            for each in record.hosts
            if each.transport is Transport.TCP
            for port in each.states.get(PortState.OPEN, ())
        ],
        "own_ports": [each.port for each in record.own_listeners],
        "witnesses": {
            str(each.network): {
                "positive": list(each.positive),
                "silent": each.silent,
                "unwitnessed": each.unwitnessed,
                "longest_gap_ms": each.longest_gap_ms,
            }
            for each in record.witnesses
        },
        "samples": sorted({(each.control_id, each.seen) for each in record.samples}),
        "rtt_us": {str(o.endpoint): o.rtt_us for host in record.hosts for o in host.observations},
    }


def main() -> None:
    """Carry the plan of the first argument out."""
    asked = json.loads(sys.argv[1])
    networks = asked.get("networks", ["0.0.0.0/0", "::/0"])
    controls = tuple(
        control(f"{kind.value}-{number}", kind, where, networks)
        for kind in ControlKind
        for number, where in enumerate(asked.get(kind.value, []), 1)
    )
    rates = Rates(**{"global_pps": 10**6, "per_host_pps": 10**6, **asked.get("rates", {})})
    held = authorisation(["0.0.0.0/0", "::/0"], controls=controls, rates=rates)
    listed = [str(each) for host in asked["hosts"] for each in ip_network(host)]
    hosts = planned_hosts(listed, asked.get("tcp", ""), asked.get("udp", ""))
    kept = parse_ports(asked["wanted"]).tcp if "wanted" in asked else PortSet.empty()
    heard = Heard(tell=asked.get("tell", False))
    executor = Executor(
        held,
        clock=SystemClock(),
        wanted=lambda _host, _transport: kept,
        processes=asked.get("processes"),
    )
    addresses = [host.address for host in hosts]
    with executor.own_controls(addresses) if asked.get("own_controls") else nullcontext(()) as own:
        plan = plan_for(
            held,
            hosts,
            controls=(*own, *controls),
            rates=rates,
            timing=Timing(**asked.get("timing", {})),
            silent_ports=PortSet.all_ports() if asked.get("silent") else PortSet.empty(),
            engine=asked.get("engine", "connect"),
            discover=asked.get("discover", False),
        )
        record = executor.run(plan, heard, lambda: False)
    raw = {str(observation.endpoint): raw for observation, raw in heard.observations}
    sys.stdout.write(json.dumps({**described(record), "raw": raw}) + "\n")


if __name__ == "__main__":
    main()
