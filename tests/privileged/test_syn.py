"""The SYN engine on real wires: each way of answering, and of not answering, gets its right name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import Lab, filter_rules
from refusals import LISTEN, ONE_WAY_EACH

pytestmark = pytest.mark.privileged

SWEEP = Path(__file__).parents[1] / "syn_sweep.py"
# One way each of not answering; 22, 80 and 443 are open; all else is reset.
REFUSALS = filter_rules(
    *ONE_WAY_EACH,
)
FAST = {"timeout_ms": 300, "min_timeout_ms": 100, "max_retries": 1}
OPEN = [22, 80, 443]
# Three in ten SYNs to these ports are lost on their way.
LOSSY = """
table inet lossy {
  chain arriving {
    type filter hook prerouting priority -300; policy accept;
    tcp dport 1000-1199 numgen random mod 100 < 30 drop
  }
}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(server_hosts=2) as lab:
        listen = [sys.executable, "-c", LISTEN, *map(str, OPEN)]
        lab.serve(lab.server, listen, port=OPEN[-1])
        lab.nft(lab.server, REFUSALS)
        yield lab


def sweep(lab: Lab, **asked: Any) -> dict[str, Any]:
    command = [sys.executable, str(SWEEP), json.dumps({"timing": FAST, **asked})]
    result: dict[str, Any] = json.loads(lab.run(lab.client, command).stdout.splitlines()[-1])
    return result


def by_port(said: dict[str, list[int]]) -> dict[int, str]:
    return {port: what for what, ports in said.items() for port in ports}


def test_each_refusal_over_ipv4_is_named_for_what_it_was(lab: Lab) -> None:
    result = sweep(lab, hosts=[lab.server.ipv4], tcp="1-500")
    found = by_port(result["hosts"][lab.server.ipv4])
    assert {port: found.pop(port) for port in range(1, 10)} == {
        1: "filtered no-response",
        2: "filtered net-unreach",
        3: "filtered host-unreach",
        4: "filtered proto-unreach",
        5: "filtered port-unreach",
        6: "filtered net-prohibited",
        7: "filtered host-prohibited",
        8: "filtered admin-prohibited",
        9: "closed reset",
    }
    assert {port for port, said in found.items() if said == "open syn-ack"} == set(OPEN)
    assert {said for port, said in found.items() if port not in OPEN} == {"closed reset"}
    assert len(found) == 491
    assert result["problem"] == ""
    assert result["retransmitted"] == 1


def test_each_refusal_over_ipv6_is_named_for_what_it_was(lab: Lab) -> None:
    result = sweep(lab, hosts=[lab.server.ipv6], tcp="1-100")
    found = by_port(result["hosts"][lab.server.ipv6])
    assert {port: found[port] for port in (1, 2, 3, 5, 8, 10, 11, 22, 23)} == {
        1: "filtered no-response",
        2: "filtered net-unreach",
        3: "filtered host-unreach",
        5: "filtered port-unreach",
        8: "filtered admin-prohibited",
        10: "filtered admin-prohibited",
        11: "filtered admin-prohibited",
        22: "open syn-ack",
        23: "closed reset",
    }


def test_both_engines_say_the_same_of_every_port(lab: Lab) -> None:
    asked = {"hosts": [*lab.server_addresses(), lab.server.ipv6, lab.client.ipv4], "tcp": "1-500"}
    ours, theirs = (sweep(lab, engine=engine, **asked)["hosts"] for engine in ("syn", "connect"))
    assert {host: by_port(said) for host, said in ours.items()} == {
        host: by_port(said) for host, said in theirs.items()
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_processes_find_what_one_finds_each_endpoint_once(lab: Lab, seed: int) -> None:
    hosts = [*lab.server_addresses(), lab.server.ipv6]
    result = sweep(lab, hosts=hosts, tcp="-", processes=2, seed=seed)
    assert result["done"] == result["planned"] == 3 * 65535
    for host in hosts:
        said = result["hosts"][host]
        assert sorted(said["open syn-ack"]) == OPEN
        assert sum(len(ports) for ports in said.values()) == len(by_port(said)) == 65535


def test_this_machines_own_addresses_are_asked_like_any_other(lab: Lab) -> None:
    listen = [sys.executable, "-c", LISTEN, "2222"]
    lab.serve(lab.client, listen, port=2222)
    own = ["127.0.0.1", "::1", lab.client.ipv4, lab.client.ipv6]
    # Over the ports of the kernel's own choice, too, and over those that our probes leave from.
    result = sweep(lab, hosts=own, tcp="2222,40000-62000")
    for host in own:
        assert result["hosts"][host]["open syn-ack"] == [2222]
        assert len(result["hosts"][host]["closed reset"]) == 22001


def test_what_cannot_be_reached_is_our_own_fault_and_named(lab: Lab) -> None:
    lab.run(lab.client, ["ip", "route", "add", "blackhole", "10.55.0.0/24"])
    lab.run(lab.client, ["ip", "route", "add", "10.66.0.0/24", "via", "10.99.1.200"])
    asked = ["10.99.1.2", "10.99.1.77", "10.66.0.1", "10.55.0.1", "10.44.0.1", "fd99:1::77"]
    result = sweep(lab, hosts=asked, tcp="22,80")
    assert result["hosts"] == {
        "10.99.1.2": {"open syn-ack": result["hosts"]["10.99.1.2"]["open syn-ack"]},
        "10.99.1.77": {"no-neighbour": result["hosts"]["10.99.1.77"]["no-neighbour"]},
        "10.66.0.1": {"no-neighbour": result["hosts"]["10.66.0.1"]["no-neighbour"]},
        "10.55.0.1": {"no-route": result["hosts"]["10.55.0.1"]["no-route"]},
        "10.44.0.1": {"no-route": result["hosts"]["10.44.0.1"]["no-route"]},
        "fd99:1::77": {"no-neighbour": result["hosts"]["fd99:1::77"]["no-neighbour"]},
    }


def test_a_rule_of_our_own_against_ourselves_is_no_permission(lab: Lab) -> None:
    lab.nft(
        lab.client,
        "table inet own {\n chain leaving {\n type filter hook output priority 0;\n"
        " ip daddr 127.0.0.9 tcp dport 77 drop\n }\n}\n",
    )
    result = sweep(lab, hosts=["127.0.0.9"], tcp="77-78")
    lab.nft(lab.client, "delete table inet own")
    assert result["hosts"]["127.0.0.9"] == {"no-permission": [77], "closed reset": [78]}


def test_lost_packets_are_sent_again_until_silence_would_be_a_wonder(lab: Lab) -> None:
    lab.nft(lab.server, LOSSY)
    timing = {"timeout_ms": 200, "min_timeout_ms": 50, "max_retries": 2}
    result = sweep(lab, hosts=[lab.server.ipv4], tcp="1000-1199", timing=timing)
    lab.nft(lab.server, "delete table inet lossy")
    said = result["hosts"][lab.server.ipv4]
    # With three sendings 1 in 37 would stay silent: five or six of 200.
    assert len(said["closed reset"]) == 200
    assert result["retransmitted"] > 30


def test_what_a_noted_port_met_is_told(lab: Lab) -> None:
    result = sweep(lab, hosts=[lab.server.ipv4], tcp="1-30", noted=[8, 9, 22])
    assert result["refused"]["8"] == [0, "icmp 3/13 from 10.99.1.2"]
    assert result["refused"]["9"][0] == 111
    assert set(result["refused"]) == {"8", "9"}


def test_round_trips_are_measured_from_the_probe_that_was_answered(lab: Lab) -> None:
    result = sweep(lab, hosts=[lab.server.ipv4], tcp="1-500")
    assert len(result["rtt_us"]) == 499
    assert max(result["rtt_us"]) < 1000 * result["ended_s"] * 1000


def test_the_rate_is_never_exceeded_in_any_second(lab: Lab) -> None:
    rates = {"global_pps": 500, "per_host_pps": 200}
    result = sweep(lab, hosts=lab.server_addresses(), tcp="20000-20300", rates=rates, processes=2)
    sent = sorted(result["sent_ms"])
    assert len(sent) == 602
    # A millisecond less than the second: instants are rounded down to whole ones.
    assert max(sum(1 for at in sent if start <= at < start + 999) for start in sent) <= 400


def test_the_main_process_never_loads_scapy(lab: Lab) -> None:
    assert sweep(lab, hosts=[lab.server.ipv4], tcp="22")["scapy"] is False


def test_state_tables_of_routers_are_spared(lab: Lab) -> None:
    lab.run(lab.client, ["ip", "route", "add", "10.77.0.0/24", "via", lab.server.ipv4])
    lab.run(lab.server, ["ip", "route", "add", "local", "10.77.0.0/24", "dev", "lo"])
    asked = {"tcp": "100-999", "rates": {"max_flows": 300}, "stop_after_s": 2.0}
    routed = sweep(lab, hosts=["10.77.0.7"], **asked)
    assert len(routed["hosts"]["10.77.0.7"]["closed reset"]) == 300
    near = sweep(lab, hosts=[lab.server.ipv4], **asked)
    assert near["done"] == 900  # nothing stands between neighbours


def test_late_answers_still_count_where_sendings_share_a_port(lab: Lab) -> None:
    lab.nft(lab.server, LOSSY)
    lab.run(lab.client, ["ip", "route", "replace", "10.78.0.0/24", "via", lab.server.ipv4])
    lab.run(lab.server, ["ip", "route", "replace", "local", "10.78.0.0/24", "dev", "lo"])
    timing = {"timeout_ms": 200, "min_timeout_ms": 50, "max_retries": 2}
    asked = {"tcp": "1000-1199", "rates": {"max_flows": 60_000}, "timing": timing}
    result = sweep(lab, hosts=["10.78.0.1"], **asked)
    lab.nft(lab.server, "delete table inet lossy")
    assert len(result["hosts"]["10.78.0.1"]["closed reset"]) == 200
    # Which sending was answered cannot be told, so no time is claimed for those sent again.
    assert len(result["rtt_us"]) < 200


def test_an_interface_without_link_layer_headers_is_no_obstacle(lab: Lab) -> None:
    peer = [sys.executable, str(SWEEP.parent / "tun_peer.py"), "tunnel"]
    process = lab.popen(lab.client, peer, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    lab.run(lab.client, ["ip", "link", "set", "tunnel", "up"])
    lab.run(lab.client, ["ip", "address", "add", "10.33.0.1/24", "dev", "tunnel"])
    result = sweep(lab, hosts=["10.33.0.9"], tcp="1-40")
    assert {said: sorted(ports) for said, ports in result["hosts"]["10.33.0.9"].items()} == {
        "open syn-ack": list(range(1, 41, 2)),
        "closed reset": list(range(2, 41, 2)),
    }
