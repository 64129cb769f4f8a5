"""What a network does to datagrams, and what the UDP sweep says of it: real packets, real rules."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import ENVIRONMENT, Lab, Namespace, filter_rules

pytestmark = pytest.mark.privileged

TESTS = Path(__file__).parents[1]
ASK = TESTS / "udp_vantage.py"
CLOSED = "closed port-unreach"
SILENT = "open|filtered no-response"
# Linux's own defaults, which the laboratory switches off for all else.
STOCK_LIMITS = """
echo 1000 >/proc/sys/net/ipv4/icmp_ratelimit
echo 1000 >/proc/sys/net/ipv6/icmp/ratelimit
"""
V4_CODES = {
    "net-unreachable": "filtered net-unreach",
    "host-unreachable": "filtered host-unreach",
    "prot-unreachable": "filtered proto-unreach",
    "port-unreachable": CLOSED,
    "net-prohibited": "filtered net-prohibited",
    "host-prohibited": "filtered host-prohibited",
    "admin-prohibited": "filtered admin-prohibited",
}
V6_CODES = {
    "no-route": "filtered net-unreach",
    "admin-prohibited": "filtered admin-prohibited",
    "addr-unreachable": "filtered host-unreach",
    "port-unreachable": CLOSED,
    "policy-fail": "filtered admin-prohibited",
    "reject-route": "filtered admin-prohibited",
}


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


def swept(lab: Lab, **plan: Any) -> dict[str, Any]:
    """Carry out a sweep in the client's namespace."""
    environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = lab.run(lab.client, [sys.executable, str(ASK), json.dumps(plan)], env=environment)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def verdicts(lab: Lab, host: str, ports: range, **plan: Any) -> dict[int, str]:
    told = swept(lab, hosts=[host], ports=[ports[0], ports[-1]], **plan)["ports"]
    return {int(key.split()[1]): verdict for key, (verdict, _) in told.items()}


def limited(lab: Lab, namespace: Namespace) -> None:
    lab.run(namespace, ["sh", "-c", STOCK_LIMITS])


def test_behind_stock_icmp_limits_every_closed_port_is_proved_closed(lab: Lab) -> None:
    limited(lab, lab.server)
    lab.nft(lab.server, filter_rules("udp dport { 1003, 1007 } drop"))
    quick = {"udp_timeout_ms": 300}
    found = verdicts(lab, lab.server.ipv4, range(1000, 1012), timing=quick)
    silent = [port for port, verdict in found.items() if verdict == SILENT]
    assert silent == [1003, 1007]
    assert Counter(found.values())[CLOSED] == 10


def test_a_firewalled_host_with_one_closed_port_does_not_cost_a_second_for_each_port(
    lab: Lab,
) -> None:
    limited(lab, lab.server)
    lab.nft(lab.server, filter_rules("udp dport 1001-1199 drop"))
    told = swept(lab, hosts=[lab.server.ipv4], ports=[1000, 1199])
    attempts = Counter(
        attempts for verdict, attempts in told["ports"].values() if verdict == SILENT
    )
    # The blast, and two rounds in which the closed port shows that there were errors to spare.
    assert attempts == {3: 199}
    assert told["asked_again"] == 2 * 199


@pytest.mark.parametrize(("version", "codes"), [(4, V4_CODES), (6, V6_CODES)])
def test_each_icmp_code_has_its_meaning(lab: Lab, version: int, codes: dict[str, str]) -> None:
    protocol = "icmp" if version == 4 else "icmpv6"
    lab.nft(
        lab.server,
        filter_rules(
            *(
                f"meta nfproto ipv{version} udp dport {port} reject with {protocol} {code}"
                for port, code in enumerate(codes, 1000)
            ),
            "udp dport 1050 drop",
        ),
    )
    host = lab.server.ipv4 if version == 4 else lab.server.ipv6
    quick = {"udp_timeout_ms": 300, "max_retries": 1}
    found = verdicts(lab, host, range(1000, 1000 + len(codes)), timing=quick)
    assert found == dict(enumerate(codes.values(), 1000))


def test_a_host_that_is_not_there_is_no_neighbour(lab: Lab) -> None:
    found = verdicts(lab, "10.99.1.77", range(1000, 1003), timing={"max_retries": 2})
    assert set(found.values()) == {"no-neighbour"}


def test_a_rate_is_kept_in_any_second(lab: Lab) -> None:
    """Counted by the other end, in each second by itself."""
    limit = "meta l4proto udp limit rate over 60/second burst 5 packets counter drop"
    lab.nft(lab.server, filter_rules(limit, "udp dport 1-65535 drop"))
    slow = {"global_pps": 50, "per_host_pps": 50}
    swept(lab, hosts=[lab.server.ipv4], ports=[1000, 1099], rates=slow, timing={"max_retries": 0})  # fmt: skip
    told = lab.run(lab.server, ["nft", "list", "ruleset"]).stdout
    assert "counter packets 0 bytes 0 drop" in told


def test_memory_does_not_grow_with_what_stays_silent(lab: Lab) -> None:
    lab.nft(lab.server, filter_rules("udp dport 1-65535 drop"))
    grown = [
        swept(
            lab,
            hosts=[lab.server.ipv4],
            ports=[1000, 999 + count],
            timing={"max_retries": 0, "udp_timeout_ms": 300},
        )["grown_kib"]
        for count in (10_000, 60_000)
    ]
    # Forty bytes or so each; one small object each would be five times as much.
    assert (grown[1] - grown[0]) * 1024 / 50_000 < 150
