"""Our engines and nmap on the same hosts, port by port: they agree, or the table says why not.

One laboratory, one host per case. Each engine is held against nmap's scan of the same kind in state
and, where a reason is no matter of chance, in reason; the engines are held against each other. What
differs stands in `DIFFERENCES`, with why: an unexplained difference fails, and so does an explained
one that no longer occurs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

from netns import Lab, filter_rules
from portproof.model.observation import PortState, Reason
from portproof.model.portspec import parse_ports
from refusals import ONE_WAY_EACH

pytestmark = pytest.mark.privileged

VANTAGE = Path(__file__).parents[1] / "vantage.py"
Seen = Mapping[int, tuple[str, str]]
"""By port: state and reason, in nmap's words, which are ours."""

NMAP: Final = {"connect": "-sT", "syn": "-sS", "udp": "-sU"}
TCP_ENGINES: Final = ("connect", "syn")

REFUSALS = "1-12,20-24"
UDP_PORTS = "53,69,111,123,161,323,4433,5684,11211"
PLAIN, SECOND, ALL_OPEN = "10.99.1.2", "10.99.1.3", "10.99.1.4"
V6 = "fd99:1::2"
RULES = filter_rules(
    *ONE_WAY_EACH,
    "tcp dport 100-149 numgen random mod 100 < 5 drop",
    "tcp dport 200-239 numgen random mod 100 < 30 drop",
    "tcp dport 300-319 limit rate 50/second burst 5 packets reject with tcp reset",
    "tcp dport 300-319 drop",
    "tcp dport 350-369 limit rate 50/second burst 5 packets reject with icmpx admin-prohibited",
    "tcp dport 350-369 drop",
    f"ip daddr {SECOND} udp dport 53 reject with icmp admin-prohibited",
    f"ip daddr {SECOND} udp dport 123 reject with icmp host-prohibited",
    "ip6 daddr fd99:1::2 udp dport 123 reject with icmpv6 admin-prohibited",
    "ip6 daddr fd99:1::2 udp dport 161 reject with icmpv6 no-route",
    "ip6 daddr fd99:1::2 udp dport 323 reject with icmpv6 addr-unreachable",
    "udp dport 111 drop",
    "udp dport 123 reject with icmp net-unreachable",
    "udp dport 161 reject with icmp host-unreachable",
    "udp dport 323 reject with icmp prot-unreachable",
    "udp dport 4433 reject with icmpx port-unreachable",
    "udp dport 5684 reject with icmp net-prohibited",
)
# Whatever is asked of that host, one listener answers: a SYN proxy, or a load balancer's catch-all.
CATCH_ALL = f"""
table ip catch_all {{
  chain arriving {{
    type nat hook prerouting priority -100;
    ip daddr {ALL_OPEN} tcp dport 1-65535 redirect to :22
  }}
}}
"""
# Listens on the TCP ports given; on the last one as a tarpit, which takes a visitor in and never
# says or hears anything. Answers DNS questions with REFUSED (RFC 1035 §4.1.1).
SERVE = """
import select, socket, sys
ports = [int(port) for port in sys.argv[1:]]
servers = [socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
           for port in ports]
tarpit, kept = servers.pop(), []
dns = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
dns[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
for one, address in zip(dns, ("10.99.1.2", "::")):
    one.bind((address, 53))
while True:
    for ready in select.select([*servers, tarpit, *dns], [], [])[0]:
        if ready in dns:
            asked, sender = ready.recvfrom(512)
            ready.sendto(asked[:2] + bytes([asked[2] | 0x80, 5]) + asked[4:], sender)
        elif ready is tarpit:
            kept.append(ready.accept()[0])
        else:
            ready.accept()[0].close()
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked of one host; `by_chance` where the reason hangs on which packet was lost."""

    host: str
    ports: str
    by_chance: bool = False
    retries: int = 3
    """How often nmap may ask a silent port again."""


TCP_CASES: Final = {
    "refusals": Case(PLAIN, REFUSALS),
    "refusals over IPv6": Case(V6, REFUSALS),
    "5 % random loss": Case(PLAIN, "100-149", retries=10),
    "30 % random loss": Case(PLAIN, "200-239", retries=10),
    "rationed resets": Case(PLAIN, "300-319", by_chance=True, retries=10),
    "rationed ICMP errors": Case(PLAIN, "350-369", by_chance=True),
    "all open": Case(ALL_OPEN, "1-60"),
    "tarpit": Case(PLAIN, "30"),
}
UDP_CASES: Final = {
    "datagrams": Case(PLAIN, UDP_PORTS),
    "datagrams, other codes": Case(SECOND, UDP_PORTS),
    "datagrams over IPv6": Case(V6, UDP_PORTS),
}

Difference = tuple[str, str, tuple[str, str], tuple[str, str]]
"""Case, engine, ours, theirs."""
RESET: Final = (("closed", "reset"), ("closed", "conn-refused"))
RESET_WHY: Final = (
    "connect() says ECONNREFUSED for a reset and for ICMP port unreachable alike; our engine asks"
    " the socket's error queue which it was, nmap cannot tell"
)
DIFFERENCES: Final[dict[Difference, str]] = {
    **{
        (case, "connect", *RESET): RESET_WHY
        for case in (
            "refusals",
            "refusals over IPv6",
            "5 % random loss",
            "30 % random loss",
        )
    },
    **{
        (case, "connect", ("filtered", "port-unreach"), ("closed", "conn-refused")): (
            "a TCP stack never sends ICMP port unreachable, a filter does: nmap's SYN scan says"
            " filtered as we do, its connect scan takes the errno for a reset"
        )
        for case in ("refusals", "refusals over IPv6")
    },
    ("refusals", "connect", ("filtered", "admin-prohibited"), ("filtered", "host-unreach")): (
        "code 13 comes as EHOSTUNREACH: nmap names the errno, we the code from the error queue"
    ),
    ("refusals", "connect", ("filtered", "host-prohibited"), ("filtered", "host-unreach")): (
        "code 10 comes as EHOSTUNREACH, too"
    ),
    ("refusals", "connect", ("filtered", "net-prohibited"), ("filtered", "net-unreach")): (
        "code 9 comes as ENETUNREACH"
    ),
    ("refusals over IPv6", "syn", ("filtered", "admin-prohibited"), ("filtered", "reject-route")): (
        "ICMPv6 1/6 (RFC 4443 §3.1): somebody's rule rejects it, for which we have one reason"
    ),
    ("refusals over IPv6", "syn", ("filtered", "net-unreach"), ("filtered", "no-route")): (
        "ICMPv6 1/0 is what ICMP calls net unreachable, one meaning, one word in both families;"
        " no-route is our own table's fault, and no state"
    ),
    ("datagrams over IPv6", "udp", ("filtered", "net-unreach"), ("filtered", "no-route")): (
        "ICMPv6 1/0, as over TCP"
    ),
}

GAVE_UP: Final = (
    "nmap raises its attempts only once it has seen loss, and gives a port up before that now and"
    " then; our engine asks until a missed answer has a probability below one in a million"
)
MAY_DIFFER: Final[dict[Difference, str]] = {
    (case, engine, truth, ("filtered", "no-response")): GAVE_UP
    for case in ("5 % random loss", "30 % random loss", "rationed resets")
    for engine in TCP_ENGINES
    for truth in (("closed", "reset"), ("open", "syn-ack"))
}
"""Differences that hang on which packets were lost: they need not occur, and never the other way."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(server_hosts=3) as lab:
        served = ["22", "80", "120", "220", "30"]
        lab.serve(lab.server, [sys.executable, "-c", SERVE, *served], port=30)
        lab.nft(lab.server, RULES)
        lab.nft(lab.server, CATCH_ALL)
        yield lab
    _ours.cache_clear()
    _theirs.cache_clear()


class LabKey:
    """A laboratory as a key: each scan of it is made once."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def __hash__(self) -> int:
        return id(self.lab)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabKey) and other.lab is self.lab


@cache
def _ours(key: LabKey, engine: str, case: Case) -> Seen:
    """Ask by one of our engines; what it could not measure has the state `unmeasured`."""
    transport = "udp" if engine == "udp" else "tcp"
    canary = "[fd99:1::2]:22" if ":" in case.host else "10.99.1.2:22"
    asked: dict[str, Any] = {
        "hosts": [case.host],
        transport: case.ports,
        "engine": engine if transport == "tcp" else "connect",
        "processes": 1,
        "silent": transport == "tcp",
        "positive": [canary],
        "timing": {"timeout_ms": 500, "min_timeout_ms": 250, "udp_timeout_ms": 500},
        "rates": {"global_pps": 2000, "per_host_pps": 2000},
    }
    lab = key.lab
    done = lab.run(lab.client, [sys.executable, str(VANTAGE), json.dumps(asked)], timeout=120)
    said = json.loads(done.stdout.splitlines()[-1])["hosts"][f"{case.host}/{transport}"]
    by_word = {word: set(_ports(text)) for word, text in said.items()}
    return {port: _seen(by_word, port) for port in _ports(case.ports)}


def _seen(by_word: Mapping[str, set[int]], port: int) -> tuple[str, str]:
    held = [word for word, ports in by_word.items() if port in ports]
    states = [word for word in held if word in set(PortState)]
    if not states:
        return "unmeasured", held[0] if held else "missing"
    (reason,) = (word for word in held if word in set(Reason))
    return states[0], reason


def _ports(text: str) -> list[int]:
    return list(parse_ports(text).tcp)


@cache
def _theirs(key: LabKey, scan: str, case: Case) -> Seen:
    """Ask by nmap, with as many retries as it will give."""
    command = ["nmap", scan, "-Pn", "-n", "--reason", "-p", case.ports, "-oX", "-", "-d"]
    command += [*(["-6"] if ":" in case.host else []), *_patience(scan, case), case.host]
    lab = key.lab
    tree = ET.fromstring(lab.run(lab.client, command, timeout=120).stdout)
    return {
        int(port.get("portid", 0)): (_attribute(port, "state"), _attribute(port, "reason"))
        for port in tree.iter("port")
    }


def _patience(scan: str, case: Case) -> list[str]:
    """Give the options that leave nmap's answer to nobody's chance.

    Without the error queue, an IPv6 socket keeps an ICMP error to itself until the kernel sends its
    SYN again after a second: nmap's connect scan has to wait that long.
    """
    if scan == "-sT" and ":" in case.host:
        return ["--min-rtt-timeout", "1500ms", "--max-rtt-timeout", "1500ms", "--max-retries", "1"]
    return ["--max-retries", str(case.retries)]


def _attribute(port: ET.Element, name: str) -> str:
    state = port.find("state")
    return "" if state is None else state.get(name, "")


def _differences(lab: Lab, name: str, engine: str, case: Case) -> set[Difference]:
    here = _ours(LabKey(lab), engine, case)
    there = _theirs(LabKey(lab), NMAP[engine], case)
    assert set(here) == set(there)
    found = set()
    for port, mine in here.items():
        pair = (mine, there[port])
        if pair[0] != pair[1] and not (case.by_chance and pair[0][0] == pair[1][0]):
            found.add((name, engine, *pair))
    return found


@pytest.mark.parametrize("engine", TCP_ENGINES)
@pytest.mark.parametrize("name", TCP_CASES)
def test_over_tcp_we_say_what_nmap_says_or_the_table_says_why_not(
    lab: Lab, name: str, engine: str
) -> None:
    expected = {each for each in DIFFERENCES if each[:2] == (name, engine)}
    found = _differences(lab, name, engine, TCP_CASES[name])
    assert found - MAY_DIFFER.keys() == expected


@pytest.mark.parametrize("name", UDP_CASES)
def test_over_udp_we_say_what_nmap_says_or_the_table_says_why_not(lab: Lab, name: str) -> None:
    expected = {each for each in DIFFERENCES if each[:2] == (name, "udp")}
    assert _differences(lab, name, "udp", UDP_CASES[name]) == expected


def test_every_explained_difference_belongs_to_a_case_and_an_engine() -> None:
    for case, engine, mine, theirs in DIFFERENCES:
        assert case in (UDP_CASES if engine == "udp" else TCP_CASES)
        assert engine in NMAP
        assert mine != theirs


@pytest.mark.parametrize("name", TCP_CASES)
def test_our_tcp_engines_say_the_same(lab: Lab, name: str) -> None:
    case = TCP_CASES[name]
    said = [_ours(LabKey(lab), engine, case) for engine in TCP_ENGINES]
    if case.by_chance:
        said = [{port: (seen[0], "") for port, seen in each.items()} for each in said]
    assert said[0] == said[1]


@pytest.mark.parametrize("engine", TCP_ENGINES)
def test_what_they_agree_on_is_the_truth(lab: Lab, engine: str) -> None:
    def states(name: str) -> dict[int, str]:
        seen = _ours(LabKey(lab), engine, TCP_CASES[name])
        return {port: state for port, (state, _) in seen.items()}

    def open_ports(name: str) -> list[int]:
        return [port for port, state in states(name).items() if state == "open"]

    assert open_ports("refusals") == open_ports("refusals over IPv6") == [22]
    assert open_ports("5 % random loss") == [120]
    assert open_ports("30 % random loss") == [220]
    assert set(states("rationed resets").values()) == {"closed"}
    assert set(states("rationed ICMP errors").values()) == {"filtered"}
    assert set(states("all open").values()) == {"open"}
    assert states("tarpit") == {30: "open"}


# By kind of nftables' `reject with icmp`, and by engine: the host and port behind such a rule.
CODES: Final = {
    "net-unreachable": {"tcp": (PLAIN, 2), "udp": (PLAIN, 123)},
    "host-unreachable": {"tcp": (PLAIN, 3), "udp": (PLAIN, 161)},
    "prot-unreachable": {"tcp": (PLAIN, 4), "udp": (PLAIN, 323)},
    "port-unreachable": {"tcp": (PLAIN, 5), "udp": (PLAIN, 4433)},
    "net-prohibited": {"tcp": (PLAIN, 6), "udp": (PLAIN, 5684)},
    "host-prohibited": {"tcp": (PLAIN, 7), "udp": (SECOND, 123)},
    "admin-prohibited": {"tcp": (PLAIN, 8), "udp": (SECOND, 53)},
    "ICMPv6 no-route": {"tcp": (V6, 2), "udp": (V6, 161)},
    "ICMPv6 addr-unreachable": {"tcp": (V6, 3), "udp": (V6, 323)},
    "ICMPv6 port-unreachable": {"tcp": (V6, 5), "udp": (V6, 4433)},
    "ICMPv6 admin-prohibited": {"tcp": (V6, 8), "udp": (V6, 123)},
}


@pytest.mark.parametrize("code", CODES)
def test_an_icmp_unreachable_means_the_same_to_every_engine(lab: Lab, code: str) -> None:
    said = set()
    for engine in NMAP:
        cases = UDP_CASES if engine == "udp" else TCP_CASES
        host, port = CODES[code]["udp" if engine == "udp" else "tcp"]
        (case,) = (
            each for each in cases.values() if each.host == host and port in _ports(each.ports)
        )
        state, reason = _ours(LabKey(lab), engine, case)[port]
        # Of a datagram, port unreachable comes from the host itself: that is how UDP says closed.
        expected = "closed" if (engine, reason) == ("udp", "port-unreach") else "filtered"
        assert state == expected
        said.add(reason)
    assert len(said) == 1
