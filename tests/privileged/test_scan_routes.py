"""Who answers on one route says nothing of another (law 2): real routers, real routes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns import Lab

pytestmark = pytest.mark.privileged

VANTAGE = Path(__file__).parents[1] / "vantage.py"
FAST = {"timeout_ms": 200, "min_timeout_ms": 200, "max_retries": 1, "control_interval_ms": 200}
# The server is two routers in one: by .2 the way to the low half of the /24, by .3 to the high one.
DEAD_HALF = """
table inet dead_half {
  chain arriving {
    type filter hook prerouting priority -300; policy accept;
    ip daddr 10.1.2.128/25 drop
  }
}
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(server_hosts=2) as lab:
        for address in ("10.1.2.5", "10.1.2.200"):
            lab.run(lab.server, ["ip", "address", "add", f"{address}/32", "dev", "lo"])
        lab.nft(lab.server, DEAD_HALF)
        yield lab


def scan(lab: Lab, **asked: Any) -> dict[str, Any]:
    request = {"hosts": ["10.1.2.5", "10.1.2.200"], "tcp": "1-50", "timing": FAST, **asked}
    done = lab.run(lab.client, [sys.executable, str(VANTAGE), json.dumps(request)])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def lay(lab: Lab, network: str, router: str) -> None:
    lab.run(lab.client, ["ip", "route", "add", network, "via", router])


def test_answers_by_a_live_router_do_not_witness_silence_behind_a_dead_one(lab: Lab) -> None:
    lay(lab, "10.1.2.0/25", "10.99.1.2")
    lay(lab, "10.1.2.128/25", "10.99.1.3")
    record = scan(lab)
    assert record["hosts"]["10.1.2.5/tcp"] == {"closed": "1-50", "reset": "1-50"}
    assert record["hosts"]["10.1.2.200/tcp"] == {"control-failed": "1-50"}
    assert record["status"] == "inconclusive"
    assert "50 in 10.1.2.0/24" in record["why"]


def test_behind_the_same_router_silence_is_a_filter(lab: Lab) -> None:
    lay(lab, "10.1.2.0/24", "10.99.1.2")
    record = scan(lab)
    assert record["hosts"]["10.1.2.200/tcp"] == {"filtered": "1-50", "no-response": "1-50"}
    assert record["status"] == "complete"


def test_a_canary_speaks_for_its_networks_by_whatever_router(lab: Lab) -> None:
    lay(lab, "10.1.2.0/25", "10.99.1.2")
    lay(lab, "10.1.2.128/25", "10.99.1.3")
    lab.serve(lab.server, [sys.executable, "-m", "http.server", "8080"], port=8080)
    record = scan(lab, positive=["10.99.1.2:8080"], networks=["10.1.2.0/24"])
    assert record["hosts"]["10.1.2.200/tcp"] == {"filtered": "1-50", "no-response": "1-50"}
    assert record["status"] == "complete"
