"""Outside-in against inside-out in zones: a router's nftables, a host's own rules, its sockets, a scan.

internet ──► router (nftables: forward) ──► 10.99.2.2 (iptables: INPUT) ── what listens (ss)
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from zone_story import CANARY_PORT, Story, baseline
from zoned import TARGET, ZonedLab

pytestmark = pytest.mark.privileged

SHOP, OLD, LOCAL, SHUT, FOREIGN, HIDDEN, LIMITED = 8080, 8081, 8082, 8083, 8084, 8085, 8086
"""Served and allowed; allowed and served by nobody; allowed, but on loopback only; served, and the
router drops it; redirected to the shop by the router's network address translation; served, and the
host rejects it; served, and let through by a rule with a rate limit."""

BOUNDARY = f"""
table inet boundary {{
  chain through {{ type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "bridge" accept
    iifname "net" oifname "bridge" ip daddr {TARGET} tcp dport {{ 7, {SHOP}-{LOCAL}, {HIDDEN} }} accept comment "shop"
    iifname "net" tcp dport {LIMITED} limit rate 1000/second burst 1000 packets accept
    iifname "west" tcp dport {SHUT} accept
  }}
}}
table ip nat {{
  chain early {{ type nat hook prerouting priority -100; iifname "net" tcp dport {FOREIGN} dnat to {TARGET}:{SHOP}; }}
}}
"""
ON_THE_HOST = f"""
iptables -A INPUT -p tcp --dport {HIDDEN} -j REJECT --reject-with tcp-reset
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[ZonedLab]:
    with ZonedLab() as lab:
        lab.nft(lab.router, BOUNDARY)
        lab.run(lab.server, ["sh", "-e", "-c", ON_THE_HOST])
        yield lab


@pytest.fixture(scope="module")
def story(lab: ZonedLab, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The three accounts, taken while everything that listens does: scan, sockets, rules."""
    story = Story(tmp_path_factory.mktemp("story"), lab)
    story.documents(ports=f"{CANARY_PORT},{SHOP}-{LIMITED}")
    story.put("baseline.yaml", baseline())
    with ExitStack() as stack:
        stack.enter_context(story.peer(SHOP, SHUT, HIDDEN, LIMITED))
        server = ["python3", "-m", "http.server", str(LOCAL), "--bind", "127.0.0.1"]
        lab.serve(lab.server, server, port=LOCAL)
        story.scan(lab.internet)
        for where, name, command in (
            (lab.server, "ss.txt", ["ss", "-tulpn"]),
            (lab.server, "iptables.txt", ["iptables-save"]),
            (lab.router, "router.json", ["nft", "-j", "list", "ruleset"]),
        ):
            story.put(name, lab.run(where, command).stdout)
    return story


GIVEN = ("--listening", "ss.txt", "--intent", "iptables.txt", "--between", "net:bridge=router.json")


def rows(told: dict[str, Any]) -> dict[str, tuple[str, str, bool]]:
    return {
        each["ports"]: (each["standing"], each["intent"], each["contradiction"])
        for each in told["rows"]
    }


def test_scan_sockets_and_rules_are_joined_port_by_port(story: Story) -> None:
    told = json.loads(story.here("reconcile", *GIVEN, "--format", "json", code=1).out)
    assert rows(told) == {
        str(SHOP): ("exposed and listening", "allow", False),
        str(LIMITED): ("exposed and listening", "not understood", False),
        str(FOREIGN): ("answered by a middlebox", "not understood", True),
        str(CANARY_PORT): ("exposed and listening", "allow", False),
        str(SHUT): ("listening but filtered", "deny", False),
        str(HIDDEN): ("listening but filtered", "deny", False),
        f"{OLD}-{LOCAL}": ("allowed but nothing listening", "allow", True),
    }
    (stale,) = (each for each in told["rows"] if each["standing"].startswith("allowed"))
    assert '"shop" (router.json:1)' in stale["rule"]
    shut = next(each for each in told["rows"] if each["ports"] == str(HIDDEN))
    assert "-A INPUT -p tcp -m tcp --dport 8085 -j REJECT" in shut["rule"]
    assert "inet boundary through handle" in "".join(told["not_understood"])


def test_a_reviewer_gets_the_stale_rules_as_a_table(story: Story) -> None:
    text = story.here("reconcile", *GIVEN, "--exit-zero").out
    assert "allowed but nothing listening (1), for the review of rules (PCI DSS 1.2.7)" in text
    listed = list(
        csv.DictReader(io.StringIO(story.here("reconcile", *GIVEN, "--format", "csv", code=1).out))
    )
    assert [each["ports"] for each in listed if each["standing"].startswith("allowed")] == [
        f"{OLD}-{LOCAL}"
    ]


def test_without_the_interfaces_nothing_is_claimed_of_what_the_router_lets_through(
    story: Story,
) -> None:
    given = (*GIVEN[:-1], "router.json")
    told = json.loads(story.here("reconcile", *given, "--format", "json", code=1).out)
    intents = {each["intent"] for each in told["rows"]}
    assert intents == {"not understood", "deny"}
    assert not [each for each in told["rows"] if each["standing"].startswith("allowed")]
