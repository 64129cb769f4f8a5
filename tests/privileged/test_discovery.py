"""Who is there: hosts that answer an echo, a knock, only ARP or ND, or nothing at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import ENVIRONMENT, Lab, filter_rules

pytestmark = pytest.mark.privileged

DISCOVER = """
import json, sys, time
from portproof.model.scan import Rates, Timing
from portproof.scan.connect import Conditions
from portproof.scan.discovery import discover
from vantage import planned_hosts

hosts = planned_hosts(json.loads(sys.argv[1]), "1-10")
found = discover(hosts, Conditions(
    timing=Timing(timeout_ms=300, min_timeout_ms=300, max_retries=1), rates=Rates(),
    clock=time.monotonic, began=time.monotonic(), stop=lambda: sys.argv[2] == "stop"))
how = {str(hosts[index].address): way for index, way in found.how.items()}
print(json.dumps({"how": how, "notes": found.notes, "finished": found.finished}))
"""
NO_ECHO = "icmp type echo-request drop", "icmpv6 type echo-request drop"
ABSENT = "10.99.1.77"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(server_hosts=2) as laboratory:
        yield laboratory


def discovered(lab: Lab, hosts: list[str], mode: str = "go") -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        lab.run(
            lab.client,
            [sys.executable, "-c", DISCOVER, json.dumps(hosts), mode],
            env={**ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[1])},
        ).stdout
    )
    return answer


def allow_ping(lab: Lab) -> None:
    lab.run(lab.client, ["sh", "-c", "echo 0 0 >/proc/sys/net/ipv4/ping_group_range"])


def test_an_echo_reply_shows_a_host_in_both_families(lab: Lab) -> None:
    allow_ping(lab)
    hosts = [lab.server.ipv4, lab.server.ipv6, ABSENT]
    found = discovered(lab, hosts)
    assert found["how"] == {lab.server.ipv4: "echo reply", lab.server.ipv6: "echo reply"}
    assert found["notes"] == []


def test_a_reset_shows_a_host_that_answers_no_echo(lab: Lab) -> None:
    allow_ping(lab)
    lab.nft(lab.server, filter_rules(*NO_ECHO))
    found = discovered(lab, [lab.server.ipv4, lab.server.ipv6, ABSENT])
    assert found["how"] == {lab.server.ipv4: "tcp answer", lab.server.ipv6: "tcp answer"}


def test_a_neighbour_that_drops_everything_is_still_there(lab: Lab) -> None:
    lab.nft(lab.server, filter_rules("ip protocol { tcp, icmp } drop", "meta l4proto tcp drop"))
    found = discovered(lab, [lab.server.ipv4, lab.server.ipv6, ABSENT])
    assert found["how"] == {
        lab.server.ipv4: "neighbour answer",
        lab.server.ipv6: "neighbour answer",
    }


def test_without_ping_sockets_the_note_says_so_and_other_ways_are_gone(lab: Lab) -> None:
    lab.run(lab.client, ["sh", "-c", "echo 1 0 >/proc/sys/net/ipv4/ping_group_range"])
    found = discovered(lab, [lab.server.ipv4])
    assert found["how"] == {lab.server.ipv4: "tcp answer"}
    assert "ping_group_range" in found["notes"][0]


def test_our_own_address_needs_no_asking(lab: Lab) -> None:
    assert discovered(lab, ["127.0.0.1", lab.client.ipv4])["how"] == {
        "127.0.0.1": "own address",
        lab.client.ipv4: "own address",
    }


def test_a_host_that_could_not_be_asked_is_not_called_absent(lab: Lab) -> None:
    # The namespace has no route there: nothing leaves.
    plan = {"hosts": [lab.server.ipv4, "192.0.2.1"], "tcp": "1-20", "discover": True}
    vantage = str(Path(__file__).parents[1] / "vantage.py")
    record = json.loads(lab.run(lab.client, [sys.executable, vantage, json.dumps(plan)]).stdout)
    assert record["hosts"]["192.0.2.1/tcp"] == {"no-route": "1-20"}


def test_a_stop_leaves_it_unfinished(lab: Lab) -> None:
    found = discovered(lab, [ABSENT], "stop")
    assert found["finished"] is False
    assert found["how"] == {}


def test_a_run_leaves_hosts_alone_that_nobody_found_and_says_so(lab: Lab) -> None:
    plan = {
        "hosts": [lab.server.ipv4, ABSENT],
        "tcp": "1-20",
        "udp": "53,9999",
        "discover": True,
        "timing": {"timeout_ms": 300, "min_timeout_ms": 300, "udp_timeout_ms": 300},
    }
    lab.nft(lab.client, COUNTED)
    vantage = str(Path(__file__).parents[1] / "vantage.py")
    record = json.loads(lab.run(lab.client, [sys.executable, vantage, json.dumps(plan)]).stdout)
    assert record["hosts"][f"{ABSENT}/tcp"] == {"not-discovered": "1-20"}
    assert record["hosts"][f"{ABSENT}/udp"] == {"not-discovered": "53,9999"}
    assert record["hosts"][f"{lab.server.ipv4}/tcp"]["closed"] == "1-20"
    # A packet is counted before the link looks for its receiver, so these were never even tried.
    assert "packets 0" in lab.run(lab.client, ["nft", "list", "counter", "ip", "c", "asked"]).stdout


COUNTED = f"""
table ip c {{
  counter asked {{ }}
  chain leaving {{
    type filter hook output priority 0; policy accept;
    ip daddr {ABSENT} tcp dport 1-20 counter name asked
    ip daddr {ABSENT} udp dport {{ 53, 9999 }} counter name asked
  }}
}}
"""
