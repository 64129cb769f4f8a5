"""A large network for the bench: 100,000 hosts with 20 open ports each, one in a hundred not approved.

250 parts of the network with 20 approved services each, which is a baseline of 5,000 entries, as seen
from inside. As a program it stores a run of it, or judges the stored run, once, as `portproof check`
does, and prints what it found:

    python tests/bench/large_network.py store|judge STORE
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1]))

import factories as make  # noqa: E402 - after the path is set
from portproof.assets import policies_dir  # noqa: E402
from portproof.documents import load_facts, load_framework, load_service_rules  # noqa: E402
from portproof.model.baseline import Baseline  # noqa: E402
from portproof.model.endpoint import Endpoint, Transport  # noqa: E402
from portproof.model.observation import (  # noqa: E402
    Identification,
    Observation,
    PortState,
    Reason,
    Service,
)
from portproof.model.ports import PortSet  # noqa: E402
from portproof.model.scan import HostOutcome, PlannedHost, RunRecord, coverage_of  # noqa: E402
from portproof.store import open_store, runs  # noqa: E402
from portproof.usecases.check import check  # noqa: E402
from portproof.usecases.inputs import Documents  # noqa: E402

HOSTS, PARTS = 100_000, 250
PORTS = tuple(range(10, 210, 10))
WRONG = 0.01
"""Of the open ports, those that no entry approves."""
_ASKED = PortSet.from_ranges([(1, 1_000)])
_NAMES = ("http", "ssh", "postgresql", "smtp")
_SERVICES = tuple(
    Service(_NAMES[place % 4], f"product {place}", identified_by=Identification.BANNER)
    for place in range(len(PORTS))
)
_DESK = make.VANTAGES.vantages[1]


def address_of(host: int) -> IPv4Address:
    """Give the address of a host: a /23 for the 400 hosts of each part."""
    part, place = divmod(host, HOSTS // PARTS)
    return ip_address(0x0A000000 + (part << 9) + place)


def open_ports(hosts: int, *, wrong: float = WRONG) -> Iterator[tuple[int, ...]]:
    """Give the open ports of each host, in order; always the same."""
    chance = random.Random(4)
    for _ in range(hosts):
        yield tuple(
            port + 1 + chance.randrange(8) if chance.random() < wrong else port for port in PORTS
        )


def baseline() -> Baseline:
    """Give the approved services: 20 for each part, 5,000 in all."""
    return make.baseline(
        *(
            make.entry(
                f"{ip_address(0x0A000000 + (part << 9))}/23",
                str(port),
                id=f"part-{part}-{port}",
                zones=("office",),
                service=_NAMES[place % 4],
                owner=f"team {part % 7}",
            )
            for part in range(PARTS)
            for place, port in enumerate(PORTS)
        )
    )


def run() -> RunRecord:
    """Give the run that saw all of it."""
    hosts = tuple(
        PlannedHost(address=address_of(host), target="10.0.0.0/8", tcp=_ASKED, udp=PortSet.empty())
        for host in range(HOSTS)
    )
    seen = tuple(map(_outcome, hosts, open_ports(HOSTS), range(HOSTS)))
    plan = make.scan_plan(hosts=hosts, vantage=_DESK)
    return replace(
        make.run(), plan=plan, hosts=seen, coverage=coverage_of(plan, seen), own_listeners=()
    )


def _outcome(host: PlannedHost, ports: tuple[int, ...], number: int) -> HostOutcome:
    opened = PortSet.from_iterable(ports)
    began = make.NOON + timedelta(milliseconds=number)
    closed = _ASKED - opened
    return HostOutcome(
        host=host,
        transport=Transport.TCP,
        states={PortState.OPEN: opened, PortState.CLOSED: closed},
        reasons={Reason.HANDSHAKE: opened, Reason.RESET: closed},
        unmeasured={},
        observations=tuple(
            Observation(
                endpoint=Endpoint(host.address, Transport.TCP, port),
                state=PortState.OPEN,
                reason=Reason.HANDSHAKE,
                at=began + timedelta(microseconds=40 * place),
                rtt_us=200 + (number * 7 + place) % 9_000,
                service=_SERVICES[place],
            )
            for place, port in enumerate(ports)
        ),
    )


def documents() -> Documents:
    """Give what it is judged by: the shipped rules and frameworks."""
    folder = policies_dir()
    facts = load_facts(folder / "facts.yaml")
    return Documents(
        baseline=baseline(),
        waivers=make.waivers(),
        vantages=make.VANTAGES,
        authorisation=None,
        rules=load_service_rules(folder / "service-rules.yaml"),
        facts=facts,
        frameworks=tuple(
            load_framework(each, facts) for each in sorted((folder / "frameworks").glob("*.yaml"))
        ),
    )


def main() -> None:
    """Store the run, or judge it and print what was found and how much memory that took."""
    what, path = sys.argv[-2:]
    if what == "store":
        _store(Path(path))
        return
    with open_store(Path(path)) as store:
        checked = check(store, documents(), store.runs()[0].id)
    found = [str(each.judgement.endpoint) for each in checked.findings.values()]
    sys.stdout.write(json.dumps({"found": found, "mib": _largest_mib()}))


def _store(path: Path) -> None:
    done = run()
    with open_store(path, create=True) as store:
        with store.database.writing() as session:
            runs.begin(session, done.plan, done.started)
        store.finish_run(done)


def _largest_mib() -> float:
    """Give the largest resident set; getrusage would count that of whoever started the process."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
