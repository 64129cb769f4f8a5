"""What we read in a rule set, and what the kernel does with it: the same, or not understood.

Rule sets are drawn from a seed, loaded by the real tools, saved by them, and read; then every port of
a host on which all of them listen is connected to, from another namespace.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import factories as make
from netns import Lab
from portproof.documents.intent_file import read_intent
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.policy.reconcile import Let, Vicinity, let_through

pytestmark = pytest.mark.privileged

LAST = 24
"""Ports 1 to this one listen."""
HOST = make.endpoint("10.99.1.2:1/tcp").address
FROM_THE_CLIENT = Vicinity(zone="", networks=(make.network("10.99.1.1"),))
SOURCES = ("10.99.1.0/24", "10.99.1.1", "10.99.0.0/16", "192.0.2.0/24", "10.99.1.128/25")
_GOES_ON = "ct state established,related accept"
"""First, as everywhere: what we read is which connections may begin."""
LISTENER = f"""
import signal, socket
held = [socket.create_server(("0.0.0.0", port), backlog=1024) for port in range(1, {LAST + 1})]
signal.pause()
"""
# Prints the ports that take a connection; the rule sets reject, so that none keeps us waiting.
ASKED = f"""
import json, socket
held = []
for port in range(1, {LAST + 1}):
    with socket.socket() as sock:
        sock.settimeout(20)
        if sock.connect_ex(("10.99.1.2", port)) == 0:
            held.append(port)
print(json.dumps(held))
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lab.serve(lab.server, [sys.executable, "-S", "-c", LISTENER], port=LAST)
        yield lab


class Draw:
    """Draws rules from a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def port(self) -> int:
        return self.chance.randint(1, LAST)

    def ports(self) -> tuple[int, int]:
        first, last = sorted(self.chance.sample(range(1, LAST + 1), 2))
        return first, last

    def of(self, *choices: str) -> str:
        return self.chance.choice(choices)


class Nft(Draw):
    """Rules of nftables."""

    def dport(self) -> str:
        first, last = self.ports()
        what = self.of(f"{first}", f"{first}-{last}", f"{{ {first}, {self.port()} }}")
        return f"tcp dport {self.of('', '', '!= ')}{what}"

    def saddr(self) -> str:
        return f"ip saddr {self.of('', '!= ')}{self.of(*SOURCES)}"

    def state(self) -> str:
        states = self.of("new", "established", "{ new, related }", "!= new", "!= established")
        return f"ct state {states}"

    def flags(self) -> str:
        return f"tcp flags & (fin|syn|rst|ack) {self.of('==', '!=')} syn"

    def pair(self) -> str:
        source = self.of("10.99.1.1", "192.0.2.7")
        return f"ip saddr . tcp dport {{ {source} . {self.port()}, 10.99.1.1 . {self.port()} }}"

    def protocol(self) -> str:
        return f"meta l4proto {self.of('tcp', '!= udp', '!= icmp')}"

    def rule(self, *targets: str) -> str:
        if self.chance.random() < 0.2:
            one, other = self.ports()
            verdict = self.of("accept", "accept", "continue", *targets)
            return f"tcp dport vmap {{ {one} : {verdict}, {other} : accept }}"
        makers = (self.dport, self.dport, self.saddr, self.state, self.flags, self.pair)
        drawn = self.chance.sample((*makers, self.protocol), self.chance.randint(1, 2))
        conditions = " ".join(each() for each in drawn)
        verdict = self.of("accept", "accept", "reject with tcp reset", "return", *targets)
        return f"{conditions} {verdict}"

    def chain(self, *targets: str) -> str:
        return "; ".join(self.rule(*targets) for _ in range(self.chance.randint(2, 5)))

    def rules(self, family: str = "ip") -> str:
        return f"""
flush ruleset
table {family} t {{
  chain two {{ {self.chain()}; }}
  chain one {{ {self.chain("jump two", "goto two")}; }}
  chain early {{ type filter hook prerouting priority -50; policy accept; {_GOES_ON}; {self.rule()}; }}
  chain input {{ type filter hook input priority 0; policy accept; {_GOES_ON}
    {self.chain("jump one", "goto one", "jump two")}; {self.chain("jump one", "goto two")}
    {self.of("accept", "meta l4proto tcp reject with tcp reset")}
  }}
}}
"""


class Iptables(Draw):
    """Rules of iptables, as it saves them."""

    def dport(self) -> str:
        first, last = self.ports()
        return f"-p tcp {self.of('', '', '! ')}--dport {self.of(f'{first}', f'{first}:{last}')}"

    def multiport(self) -> str:
        first, last = self.ports()
        return f"-p tcp -m multiport {self.of('', '! ')}--dports {self.port()},{first}:{last}"

    def source(self) -> str:
        return f"-p tcp {self.of('', '! ')}-s {self.of(*SOURCES)}"

    def between(self) -> str:
        sign = self.of("", "! ")
        return f"-p tcp -m iprange {sign}--src-range 10.99.1.{self.port()}-10.99.1.99"

    def state(self) -> str:
        states = self.of("NEW", "ESTABLISHED", "NEW,RELATED")
        return f"-p tcp -m conntrack {self.of('', '! ')}--ctstate {states}"

    def flags(self) -> str:
        return f"-p tcp {self.of('', '! ')}--syn"

    def local(self) -> str:
        return f"-p tcp -m addrtype {self.of('', '! ')}--dst-type LOCAL"

    def chain(self, name: str, *targets: str) -> str:
        return "".join(self._rule(name, targets) for _ in range(self.chance.randint(3, 6)))

    def _rule(self, name: str, targets: Sequence[str]) -> str:
        makers = (self.dport, self.dport, self.multiport, self.source, self.between, self.state)
        condition = self.chance.choice((*makers, self.flags, self.local))()
        reject = "-j REJECT --reject-with tcp-reset"
        verdict = self.of("-j ACCEPT", "-j ACCEPT", reject, "-j RETURN", *targets)
        return f"-A {name} {condition} {verdict}\n"

    def rules(self) -> str:
        parts = (
            "*filter\n:INPUT ACCEPT [0:0]\n:one - [0:0]\n:two - [0:0]\n",
            "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n",
            self.chain("INPUT", "-j one", "-g one", "-j two"),
            self.of("", "-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n"),
            self.chain("one", "-j two", "-g two"),
            self.chain("two"),
            "COMMIT\n",
        )
        return "".join(parts)


def understood(folder: Path, saved: str) -> Let:
    path = folder / "rules"
    path.write_text(saved)
    held = let_through([read_intent(path, zones=[])], HOST, Transport.TCP, FROM_THE_CLIENT)
    assert held is not None
    return held


def reachable(lab: Lab) -> PortSet:
    told = lab.run(lab.client, [sys.executable, "-S", "-c", ASKED]).stdout
    return PortSet.from_iterable(json.loads(told))


def assert_never_contradicts(lab: Lab, held: Let, rules: str) -> None:
    asked = PortSet.from_ranges([(1, LAST)])
    seen = reachable(lab)
    assert str(held.denied & seen) == "", rules
    assert held.allowed & asked <= seen, rules


def assert_agrees(lab: Lab, held: Let, rules: str) -> None:
    asked = PortSet.from_ranges([(1, LAST)])
    seen = reachable(lab)
    assert str(held.unknown & asked) == "", rules
    assert str(held.allowed & asked) == str(seen), rules


@pytest.mark.parametrize("seed", range(12))
def test_the_kernel_lets_through_what_we_read_in_nftables(
    lab: Lab, tmp_path: Path, seed: int
) -> None:
    rules = Nft(seed).rules()
    lab.nft(lab.server, rules)
    saved = lab.run(lab.server, ["nft", "-j", "list", "ruleset"]).stdout
    assert_agrees(lab, understood(tmp_path, saved), rules)


@pytest.mark.parametrize("seed", range(4))
def test_what_nft_does_not_show_of_a_table_of_both_families_is_not_taken_for_a_denial(
    lab: Lab, tmp_path: Path, seed: int
) -> None:
    rules = Nft(seed).rules("inet").replace("meta l4proto tcp", "meta nfproto ipv6")
    lab.nft(lab.server, rules)
    saved = lab.run(lab.server, ["nft", "-j", "list", "ruleset"]).stdout
    assert_never_contradicts(lab, understood(tmp_path, saved), rules)


@pytest.mark.parametrize("kind", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize("seed", range(6))
def test_the_kernel_lets_through_what_we_read_in_iptables(
    lab: Lab, tmp_path: Path, seed: int, kind: str
) -> None:
    rules = Iptables(seed).rules()
    lab.nft(lab.server, "flush ruleset")
    lab.run(lab.server, [f"{kind}-restore"], input=rules)
    try:
        saved = lab.run(lab.server, [f"{kind}-save"]).stdout
        assert_agrees(lab, understood(tmp_path, saved), rules)
    finally:
        for command in (["-F"], ["-X"], ["-P", "INPUT", "ACCEPT"]):
            lab.run(lab.server, [kind, *command])


def test_the_seeds_meet_both_outcomes(tmp_path: Path, lab: Lab) -> None:
    counts: Sequence[int] = []
    for seed in range(4):
        lab.nft(lab.server, Nft(seed).rules())
        counts = [*counts, len(reachable(lab))]
    assert min(counts) < LAST
    assert max(counts) > 0
