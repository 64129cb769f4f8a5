"""What a network does to probes, and what the scan says of it: real packets, real rules."""

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

VANTAGE = Path(__file__).parents[1] / "vantage.py"
# Ports 1 to 13: one way each of not answering. 22, 80 and 443 are open; all else is reset.
REFUSALS = filter_rules(
    *ONE_WAY_EACH,
    "tcp dport 4000-4499 drop",
    "udp dport 123 drop",
    "udp dport 53 reject with icmpx admin-prohibited",
)
FAST = {"timeout_ms": 200, "min_timeout_ms": 200, "max_retries": 1, "control_interval_ms": 200}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(server_hosts=2) as lab:
        listen = [sys.executable, "-c", LISTEN, "22", "80", "443"]
        lab.serve(lab.server, listen, port=443)
        lab.nft(lab.server, REFUSALS)
        yield lab


def scan(lab: Lab, **asked: Any) -> dict[str, Any]:
    done = lab.run(
        lab.client, [sys.executable, str(VANTAGE), json.dumps({"timing": FAST, **asked})]
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_each_refusal_is_named_for_what_it_was(lab: Lab) -> None:
    record = scan(lab, hosts=[lab.server.ipv4], tcp="1-100", positive=["10.99.1.2:22"])
    assert record["hosts"]["10.99.1.2/tcp"] == {
        "open": "22,80",
        "syn-ack": "22,80",
        "closed": "9-21,23-79,81-100",
        "reset": "9-21,23-79,81-100",
        "filtered": "1-8",
        "no-response": "1",
        "net-unreach": "2",
        "host-unreach": "3",
        "proto-unreach": "4",
        "port-unreach": "5",
        "net-prohibited": "6",
        "host-prohibited": "7",
        "admin-prohibited": "8",
    }
    assert record["status"] == "complete"


def test_the_same_holds_for_ipv6(lab: Lab) -> None:
    record = scan(lab, hosts=[lab.server.ipv6], tcp="1-100", positive=["[fd99:1::2]:22"])
    assert record["hosts"]["fd99:1::2/tcp"] == {
        "open": "22,80",
        "syn-ack": "22,80",
        "closed": "4,6-7,9,12-21,23-79,81-100",
        "reset": "4,6-7,9,12-21,23-79,81-100",
        "filtered": "1-3,5,8,10-11",
        "no-response": "1",
        "net-unreach": "2",
        "host-unreach": "3",
        "port-unreach": "5",
        "admin-prohibited": "8,10-11",
    }
    assert record["status"] == "complete"


def test_the_raw_record_of_a_rejection_keeps_what_came_and_from_whom(lab: Lab) -> None:
    record = scan(
        lab,
        hosts=[lab.server.ipv4, lab.server.ipv6],
        tcp="7-9",
        wanted="8,9",
        positive=["10.99.1.2:22", "[fd99:1::2]:22"],
    )

    def kept(endpoint: str) -> dict[str, Any]:
        words = ("errno", "icmp_version", "icmp_type", "icmp_code", "icmp_from")
        return {word: value for word, value in record["raw"][endpoint].items() if word in words}

    assert set(record["raw"]) == {
        f"{host}:{port}/tcp" for host in ("10.99.1.2", "[fd99:1::2]") for port in (8, 9)
    }
    assert kept("10.99.1.2:8/tcp") == {
        "errno": "EHOSTUNREACH",
        "icmp_version": 4,
        "icmp_type": 3,
        "icmp_code": 13,
        "icmp_from": "10.99.1.2",
    }
    assert kept("[fd99:1::2]:8/tcp") == {
        "errno": "EACCES",
        "icmp_version": 6,
        "icmp_type": 1,
        "icmp_code": 1,
        "icmp_from": "fd99:1::2",
    }
    for endpoint in ("10.99.1.2:9/tcp", "[fd99:1::2]:9/tcp"):
        assert kept(endpoint) == {"errno": "ECONNREFUSED"}


def test_all_ports_of_a_host_behind_a_filter_are_found(lab: Lab) -> None:
    record = scan(lab, hosts=[lab.server.ipv4], tcp="-", positive=["10.99.1.2:22"])
    found = record["hosts"]["10.99.1.2/tcp"]
    assert (found["open"], found["no-response"]) == ("22,80,443", "1,4000-4499")
    assert record["retransmitted"] == 501
    assert record["status"] == "complete"


def test_a_neighbour_that_is_not_there_is_unmeasured_not_filtered(lab: Lab) -> None:
    record = scan(
        lab,
        hosts=["10.99.1.2", "10.99.1.77", "fd99:1::77"],
        tcp="20-30",
        positive=["10.99.1.2:22"],
    )
    assert record["hosts"]["10.99.1.77/tcp"] == {"no-neighbour": "20-30"}
    assert record["hosts"]["fd99:1::77/tcp"] == {"no-neighbour": "20-30"}
    assert record["hosts"]["10.99.1.2/tcp"]["open"] == "22"


def test_a_missing_route_is_unmeasured(lab: Lab) -> None:
    record = scan(lab, hosts=["10.98.0.1", "2001:db8::1"], tcp="1-3")
    assert record["hosts"]["10.98.0.1/tcp"] == {"no-route": "1-3"}
    assert record["hosts"]["2001:db8::1/tcp"] == {"no-route": "1-3"}


def test_a_firewall_of_our_own_is_unmeasured(lab: Lab) -> None:
    rules = filter_rules("tcp dport 80 reject with icmpx admin-prohibited").replace(
        "input", "output"
    )
    lab.nft(lab.client, rules)
    try:
        record = scan(lab, hosts=[lab.server.ipv4], tcp="22,80", positive=["10.99.1.2:22"])
    finally:
        lab.nft(lab.client, "delete table inet laboratory")
    assert record["hosts"]["10.99.1.2/tcp"]["no-permission"] == "80"


def test_silence_without_a_canary_is_witnessed_by_an_endpoint_that_answered(lab: Lab) -> None:
    record = scan(lab, hosts=[lab.server.ipv4], tcp="1,80")
    assert record["hosts"]["10.99.1.2/tcp"]["filtered"] == "1"
    assert record["witnesses"]["10.99.1.0/24"]["positive"] == ["10.99.1.2:80/tcp"]
    assert record["status"] == "complete"


def test_silence_that_nobody_witnessed_is_no_result(lab: Lab) -> None:
    record = scan(lab, hosts=[lab.server.ipv4], tcp="1,4000-4010")
    assert record["hosts"]["10.99.1.2/tcp"] == {"control-failed": "1,4000-4010"}
    assert record["status"] == "inconclusive"
    assert "12 in 10.99.1.0/24" in record["why"]


def test_a_canary_speaks_for_its_networks_only(lab: Lab) -> None:
    record = scan(
        lab,
        hosts=[lab.server.ipv4],
        tcp="1",
        positive=["10.99.1.2:22"],
        networks=["192.0.2.0/24"],
    )
    assert record["status"] == "inconclusive"


def test_refusals_that_are_rationed_are_waited_for_and_closed() -> None:
    # nmap calls most of these filtered: of 200 resets, five come at once and then 20 a second.
    rules = filter_rules(
        "tcp dport 100-299 limit rate 20/second burst 5 packets reject with tcp reset",
        "tcp dport 100-299 drop",
    )
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-c", LISTEN, "22"], port=22)
        lab.nft(lab.server, rules)
        record = scan(lab, hosts=[lab.server.ipv4], tcp="100-299", positive=["10.99.1.2:22"])
    found = record["hosts"]["10.99.1.2/tcp"]
    assert found["closed"] == "100-299"
    assert record["status"] == "complete"


def test_what_is_lost_now_and_then_is_asked_again_until_it_answers() -> None:
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-c", LISTEN, "22", "80"], port=80)
        lab.nft(lab.server, filter_rules("meta l4proto tcp numgen random mod 100 < 5 drop"))
        # Five losses in a row: once in three million ports.
        timing = {**FAST, "max_retries": 4}
        record = scan(
            lab, hosts=[lab.server.ipv4], tcp="1-1000", positive=["10.99.1.2:22"], timing=timing
        )
    assert record["hosts"]["10.99.1.2/tcp"] == {
        "open": "22,80",
        "syn-ack": "22,80",
        "closed": "1-21,23-79,81-1000",
        "reset": "1-21,23-79,81-1000",
    }
    assert record["retransmitted"] > 10


def test_a_path_that_dies_in_the_middle_of_a_run_leaves_no_good_result() -> None:
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-c", LISTEN, "22"], port=22)
        # 600 probes in two seconds; the path is cut once the first of them are known.
        asked = {
            "hosts": [lab.server.ipv4],
            "tcp": "1-600",
            "positive": ["10.99.1.2:22"],
            "timing": FAST,
            "rates": {"global_pps": 300},
            "tell": True,
        }
        command = [sys.executable, str(VANTAGE), json.dumps(asked)]
        running = lab.popen(lab.client, command, stdout=subprocess.PIPE, text=True)
        assert running.stdout.readline() == "probing\n"
        lab.drop_path()
        output, _ = running.communicate(timeout=60)
    record = json.loads(output)
    found = record["hosts"]["10.99.1.2/tcp"]
    assert record["status"] == "inconclusive"
    assert "positive-1" in record["why"]
    assert "filtered" not in found
    assert set(found) <= {"open", "syn-ack", "closed", "reset", "control-failed"}
    assert record["witnesses"]["10.99.1.0/24"]["unwitnessed"] > 0


def test_a_negative_control_that_answers_makes_open_ports_worthless(lab: Lab) -> None:
    # As a SYN proxy does: the endpoint that must not answer is open.
    record = scan(lab, hosts=["10.99.1.3"], tcp="20-25", negative=["10.99.1.2:443"])
    assert record["hosts"]["10.99.1.3/tcp"] == {
        "closed": "20-21,23-25",
        "reset": "20-21,23-25",
        "control-failed": "22",
    }
    assert record["status"] == "inconclusive"
    assert "negative-1" in record["why"]


def test_a_negative_control_that_we_cannot_reach_has_not_stayed_closed(lab: Lab) -> None:
    # The client has no route to it: nobody was asked, so nothing was shown (law 1).
    record = scan(lab, hosts=["10.99.1.3"], tcp="20-23", negative=["10.98.0.1:9"])
    assert record["hosts"]["10.99.1.3/tcp"] == {
        "open": "22",
        "syn-ack": "22",
        "closed": "20-21,23",
        "reset": "20-21,23",
    }
    assert record["status"] == "inconclusive"
    assert "negative control negative-1 could not be asked" in record["why"]
    assert ["negative-1", "nothing: not asked (no-route)"] in record["samples"]


# Longer than the kernel waits for an answer to ARP (three seconds).
PATIENT = {**FAST, "timeout_ms": 9_000, "min_timeout_ms": 9_000}


def test_a_negative_control_that_is_absent_from_its_own_link_stays_closed(lab: Lab) -> None:
    # Something that answers for every address would have answered for this one.
    record = scan(lab, hosts=["10.99.1.3"], tcp="20-23", negative=["10.99.1.78:9"], timing=PATIENT)
    assert record["status"] == "complete"
    assert ["negative-1", "no-neighbour"] in record["samples"]


def test_a_negative_control_behind_a_router_that_is_gone_was_not_asked() -> None:
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-c", LISTEN, "22"], port=22)
        lab.run(lab.client, ["ip", "route", "add", "10.98.0.0/24", "via", "10.99.1.79"])
        record = scan(
            lab, hosts=["10.99.1.2"], tcp="20-23", negative=["10.98.0.1:9"], timing=PATIENT
        )
    assert record["hosts"]["10.99.1.2/tcp"]["open"] == "22"
    assert record["status"] == "inconclusive"
    assert ["negative-1", "nothing: not asked (no-neighbour)"] in record["samples"]


def test_udp_silence_and_refusals_are_told_apart(lab: Lab) -> None:
    timing = {**FAST, "udp_timeout_ms": 200}
    record = scan(
        lab, hosts=[lab.server.ipv4], udp="53,123", positive=["10.99.1.2:22"], timing=timing
    )
    assert record["hosts"]["10.99.1.2/udp"] == {
        "filtered": "53",
        "admin-prohibited": "53",
        "open|filtered": "123",
        "no-response": "123",
    }


def test_sockets_of_ours_that_meet_each_other_are_never_an_open_port() -> None:
    # With four local ports to choose from, the kernel connects sockets to themselves all the time.
    with Lab() as lab:
        narrow = "echo 40000 40003 >/proc/sys/net/ipv4/ip_local_port_range"
        lab.run(lab.client, ["sh", "-c", narrow])
        lab.serve(lab.client, [sys.executable, "-c", LISTEN, "40002"], port=40002)
        for _ in range(5):
            record = scan(lab, hosts=["127.0.0.1", "::1"], tcp="40000-40003", silent=True)
            for family in ("127.0.0.1/tcp", "::1/tcp"):
                assert record["hosts"][family].get("open") in ("40002", None)
                assert record["hosts"][family].get("closed", "") != "40002"
