"""What a scan spares, on real networks: state tables, hosts that limit their answers, the reader."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import Lab, filter_rules
from routed import TARGET, RoutedLab

pytestmark = pytest.mark.privileged

VANTAGE = Path(__file__).parents[1] / "vantage.py"
ONCE = {"timeout_ms": 200, "min_timeout_ms": 200, "max_retries": 0, "control_interval_ms": 500}
SILENT = "10001-12000"
BUDGET = 256

LIMITED_RESETS = """
table inet limited {
  chain leaving {
    type filter hook output priority 0; policy accept;
    tcp flags & rst == rst limit rate 500/second burst 5 packets accept
    tcp flags & rst == rst drop
  }
}
"""


@pytest.fixture
def routed() -> Iterator[RoutedLab]:
    with RoutedLab() as lab:
        lab.nft(lab.server, filter_rules(f"tcp dport {SILENT} drop"))
        lab.bound_table(4 * BUDGET)
        lab.serve_others()
        yield lab


def request(**asked: Any) -> list[str]:
    given = {"hosts": [TARGET], "tcp": SILENT, "silent": True, "timing": ONCE, **asked}
    return [sys.executable, str(VANTAGE), json.dumps(given)]


def scanned(lab: Lab, **asked: Any) -> dict[str, Any]:
    done = lab.run(lab.client, request(**asked), timeout=120)
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record


def foreign_failures(lab: RoutedLab, tries: int, **rates: int) -> tuple[int, int]:
    """Sweep silent ports and have somebody else connect meanwhile: failures, and entries at last."""
    before = lab.flows()
    sweep = lab.popen(lab.client, request(rates=rates))
    deadline = time.monotonic() + 30
    enough = BUDGET // 2 if rates else 2 * BUDGET
    while lab.flows() < before + enough and time.monotonic() < deadline:
        time.sleep(0.05)
    failed = lab.foreign_failures(tries)
    sweep.terminate()
    sweep.wait()
    return failed, lab.flows() - before


def test_a_foreign_connection_is_never_dropped_by_a_table_that_we_filled(routed: RoutedLab) -> None:
    failed, entries = foreign_failures(routed, 40, max_flows=BUDGET)
    assert failed == 0
    # Beside ours: the foreign ones (40), and the controls of the run.
    assert BUDGET // 2 <= entries <= BUDGET + 40 + 10
    # The table is as small as it is said to be: without the budget it is filled at once.
    failed, _ = foreign_failures(routed, 5)
    assert failed > 0


def test_datagrams_count_towards_the_table_as_well(routed: RoutedLab) -> None:
    hosts = [f"10.99.2.{number}" for number in range(10, 30)]
    for host in hosts:
        routed.run(routed.server, ["ip", "address", "add", f"{host}/24", "dev", "cable"])
    routed.nft(routed.server, filter_rules("meta l4proto udp drop").replace("laboratory", "mute"))
    before = routed.flows()
    argv = request(hosts=hosts, tcp="", udp="53,123", rates={"max_flows": 12}, silent=False)
    sweep = routed.popen(routed.client, argv)
    deadline = time.monotonic() + 30
    while routed.flows() < before + 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    entries = routed.flows() - before
    sweep.terminate()
    sweep.wait()
    # Asked again by the same socket, a port keeps its entry, and is counted once more all the same.
    assert 6 <= entries <= 12


def test_the_sweep_goes_on_when_entries_end(routed: RoutedLab) -> None:
    record = scanned(routed, tcp="1-60", rates={"max_flows": 40})
    assert record["hosts"][f"{TARGET}/tcp"] == {"closed": "1-60", "reset": "1-60"}


def test_hosts_on_our_own_link_are_not_slowed() -> None:
    with Lab() as lab:
        record = scanned(lab, hosts=[lab.server.ipv4], tcp="1-2000", rates={"max_flows": 1})
    assert record["hosts"]["10.99.1.2/tcp"] == {"closed": "1-2000", "reset": "1-2000"}


def test_a_host_that_limits_its_resets_is_closed_and_not_filtered() -> None:
    with Lab() as lab:
        lab.nft(lab.server, LIMITED_RESETS)
        rates = {"global_pps": 20_000, "per_host_pps": 20_000}
        record = scanned(lab, hosts=[lab.server.ipv4], tcp="1-1500", rates=rates, timing={})
    assert record["hosts"]["10.99.1.2/tcp"] == {"closed": "1-1500", "reset": "1-1500"}
    assert record["status"] == "complete"
