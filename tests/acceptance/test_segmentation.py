"""Zones in namespaces with nftables between them: a boundary is tested, opens, refuses, is closed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from segmented_site import SegmentedSite, kinds
from sinks import sink
from zoned import (
    ABSENT,
    INSIDER,
    INSIDER6,
    OUTSIDE,
    OUTSIDE6,
    TARGET,
    TARGET6,
    ZonedLab,
)

BOTH = {
    "networks": '[10.99.2.0/24, "fd99:2::/64"]',
    "targets": f'[{TARGET}, "{TARGET6}"]',
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SegmentedSite]:
    with ZonedLab() as lab:
        site = SegmentedSite(tmp_path, lab)
        site.write()
        lab.serve(lab.router, [sys.executable, "-m", "http.server", "7", "--bind", "::"], port=7)
        yield site


def test_a_boundary_is_proved_opens_refuses_and_lets_a_reset_through(site: SegmentedSite) -> None:
    lab, office = site.lab, site.lab.office
    site.policy("segmentation.yaml", targets=f"[{TARGET}]")
    site.policy("with-absent.yaml", targets=f"[{TARGET}, {ABSENT}]")
    lab.serve(lab.server, [sys.executable, "-m", "http.server", "80"], port=80)

    # Nothing is known of the target yet, so that its silence proves nothing.
    lab.boundary(f"ip daddr {TARGET} drop")
    test = ("segmentation", "test", "--vantage")
    assert site.run(office, *test, "desk").returncode == 0
    code, cell = site.check()
    assert (code, kinds(cell, "gaps", "kind")) == (3, {"not proved alive from inside its own zone"})

    assert site.run(lab.insider, *test, "insider").returncode == 0
    code, cell = site.check()
    assert (code, cell["state"], cell["alive"]) == (0, "supported", [TARGET])
    complete = cell["last_complete_test"]

    # A target that nobody saw alive is named, whatever else was proved.
    code, cell = site.check("with-absent.yaml")
    assert (code, cell["state"]) == (3, "insufficient evidence")
    assert kinds(cell, "gaps", "address") == {ABSENT}

    # A change had a side effect: 80 answers, and the target itself resets 79, where nobody listens.
    lab.boundary(
        "tcp dport 79-80 accept", f"ip daddr {TARGET} reject with icmp type admin-prohibited"
    )
    site.run(office, *test, "desk", "--because", "CHG-12")
    code, cell = site.check()
    assert (code, cell["state"]) == (1, "exceptions noted")
    told = {each["ports"]: (each["how"], each["severity"]) for each in cell["paths"]}
    assert told == {
        "80": ("answered open", "high"),
        "79": ("reset in the target's name", "high"),
    }
    assert cell["last_complete_test"]["started_by"] == "CHG-12"
    assert cell["last_complete_test"]["at"] >= complete["at"]

    # The router says no: that is the boundary at work, since it was the router that said it.
    lab.boundary(f"ip daddr {TARGET} reject with icmp type admin-prohibited")
    site.run(office, *test, "desk")
    code, cell = site.check()
    assert (code, cell["state"]) == (0, "supported")
    assert kinds(cell, "earlier_paths", "ports") == {"79", "80"}

    assert site.run(office, "segmentation", "check").returncode == 0
    history = site.run(office, "segmentation", "history", "office", "cde", "--again").stdout
    assert "exceptions" in history
    assert "supported" in history
    assert site.run(office, "segmentation", "report", "--out", "out").returncode == 0
    assert (site.folder / "out" / "segmentation.html").exists()
    assert (site.folder / "out" / "segmentation.pdf").exists()


def test_sinks_outside_say_over_ipv4_and_ipv6_what_got_out_and_what_did_not(
    site: SegmentedSite,
) -> None:
    lab = site.lab
    site.policy(
        "segmentation.yaml",
        zone="internet",
        networks='[10.99.3.0/24, "fd99:3::/64"]',
        targets=f'[{OUTSIDE}, "{OUTSIDE6}"]',
        source="cde",
        ports='"90,U:9000-9002"',
    )
    ask = ("egress", "--to", OUTSIDE, "--to", OUTSIDE6, "-p", "90,U:9000-9002", "--format", "json")
    with ExitStack() as listening:
        running = [
            listening.enter_context(
                sink(
                    site.folder / log,
                    enter=lab.internet.enter,
                    address=address,
                    ports="90,U:9000-9002",
                )
            )
            for log, address in (("sink.jsonl", OUTSIDE), ("sink6.jsonl", OUTSIDE6))
        ]
        # From the office everything gets out: that shows that the sinks hear.
        assert site.run(lab.office, *ask, "--vantage", "desk").returncode == 1
        lab.boundary(
            f"ip saddr {INSIDER} tcp dport 90 accept",
            f"ip saddr {INSIDER} udp dport 9001 accept",
            f"ip saddr {INSIDER} udp dport 9002 accept",
            f"ip saddr {INSIDER} ip daddr {OUTSIDE} drop",
            f"ip6 saddr {INSIDER6} udp dport 9000 accept",
            f"ip6 saddr {INSIDER6} ip6 daddr {OUTSIDE6} drop",
        )
        lab.nft(
            lab.router,
            "table inet oneway {\n chain through {\n"
            " type filter hook forward priority -5; policy accept;\n"
            f" ip saddr {OUTSIDE} udp sport 9002 drop\n }}\n}}\n",
        )
        site.run(lab.insider, *ask, "--vantage", "insider")
        for each in running:
            each.stop()
    code, cell = site.check(logs=("sink.jsonl", "sink6.jsonl"))
    assert (code, cell["gaps"], cell["sinks"]) == (1, [], [OUTSIDE, OUTSIDE6])
    told = {(each["address"], each["ports"]): each["how"] for each in cell["paths"]}
    assert told == {
        (OUTSIDE, "90"): "answered open",
        (OUTSIDE, "9001"): "answered open",
        (OUTSIDE, "9002"): "arrived at the sink",
        (OUTSIDE6, "9000"): "answered open",
    }
    assert all(each["own_sink"] for each in cell["paths"])


def test_a_boundary_that_forgets_ipv6_is_open_over_ipv6(site: SegmentedSite) -> None:
    lab, office = site.lab, site.lab.office
    site.policy("segmentation.yaml", **BOTH)
    lab.serve(lab.server, [sys.executable, "-m", "http.server", "80", "--bind", "::"], port=80)
    lab.boundary(f"ip daddr {TARGET} drop")
    test = ("segmentation", "test", "--vantage")
    assert site.run(lab.insider, *test, "insider").returncode == 0
    site.run(office, *test, "desk")
    code, cell = site.check()
    assert (code, cell["state"], cell["alive"]) == (1, "exceptions noted", [TARGET, TARGET6])
    told = {(each["address"], each["ports"]): each["how"] for each in cell["paths"]}
    assert told == {
        (TARGET6, "80"): "answered open",
        (TARGET6, "78-79,81-82"): "reset in the target's name",
    }

    lab.boundary(
        f"ip daddr {TARGET} drop",
        f"ip6 daddr {TARGET6} tcp dport 79 reject with icmpv6 type admin-prohibited",
        f"ip6 daddr {TARGET6} drop",
    )
    site.run(office, *test, "desk")
    code, cell = site.check()
    assert (code, cell["state"], cell["gaps"]) == (0, "supported", [])


def test_a_vantage_behind_a_proxy_shows_paths_and_proves_no_silence(site: SegmentedSite) -> None:
    lab = site.lab
    site.policy("segmentation.yaml", targets=f"[{TARGET}]", ports="79-80")
    site.add(
        "vantages.yaml", '  - {id: light, zone: office, through: {socks5: "10.99.1.1:1080"}}\n'
    )
    site.add(
        "authorisation.yaml",
        '  - {id: shut, kind: negative, endpoint: "10.99.2.254:9", networks: [10.99.0.0/16]}\n',
    )
    lab.serve(lab.server, [sys.executable, "-m", "http.server", "80"], port=80)
    socks = [sys.executable, "-m", "servers.socks", "10.99.1.1", "1080"]
    lab.serve(lab.office, ["env", f"PYTHONPATH={Path(__file__).parents[1]}", *socks], port=1080)
    asked = site.run(lab.internet, "segmentation", "test", "--vantage", "light")
    assert asked.returncode == 0, asked.stderr
    code, cell = site.check()
    assert (code, cell["state"]) == (3, "exceptions noted")
    assert {each["ports"]: each["how"] for each in cell["paths"]} == {"80": "answered open"}
    assert "proxy-cannot-tell" in kinds(cell, "gaps", "detail")
    assert kinds(cell, "runs", "through") == {"socks5 10.99.1.1:1080"}
