"""The way into the cde dies in the middle of a run: nothing is known, and nothing looks good for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zone_story import CANARY_PORT, Story, baseline, controls, entry
from zoned import TARGET, ZonedLab

pytestmark = pytest.mark.privileged
WEB, FORGOTTEN = 80, 8080
BLIND = ("--timeout", "50", "--report", "html")
NEUTRAL = {
    "insufficient evidence",
    "not evaluated",
    "context provided",
    "out of scope of this tool",
}
OUTAGE = f"""
table inet outage {{
  set dead {{ type ipv4_addr; flags dynamic; }}
  chain through {{
    type filter hook forward priority -10; policy accept;
    ip saddr @dead drop
    ip daddr @dead drop
    tcp sport {CANARY_PORT} tcp flags & (syn|ack) == (syn|ack) add @dead {{ ip saddr }} accept
    ip daddr {TARGET} tcp dport != {CANARY_PORT} drop
  }}
}}
"""
"""The canary's first answer is the last packet that comes back: whenever that is, the run is under way."""


@pytest.fixture(scope="module")
def lab() -> Iterator[ZonedLab]:
    with ZonedLab() as lab:
        yield lab


def test_a_path_that_dies_during_a_run_opens_nothing_closes_nothing_and_supports_nothing(
    lab: ZonedLab, tmp_path: Path
) -> None:
    story = Story(tmp_path, lab)
    story.documents(ports=f"{WEB},{FORGOTTEN}-{FORGOTTEN + 9}")
    required = {"presence": "required", "tier": "1", "capability": "shop", "breaks": "orders"}
    story.put("baseline.yaml", baseline(entry("web", str(WEB), runbook="restart", **required)))
    audit = ("audit", "--out", "out", "--report", "json")
    with story.peer(WEB, FORGOTTEN):
        story.portproof(lab.internet, *audit, code=1)
    known = story.findings()
    assert where(known) == {f"{TARGET}:{FORGOTTEN}/tcp": "open"}
    lived = story.life(known[0]["id"])

    # What was forgotten is shut down, and another port comes up, while the way there is dead.
    with story.peer(WEB, FORGOTTEN + 1):
        lab.nft(lab.router, OUTAGE)
        blind = story.portproof(lab.internet, *audit, *BLIND, code=3).out
        died = lab.run(lab.router, ["nft", "list", "set", "inet", "outage", "dead"]).stdout
        lab.nft(lab.router, "delete table inet outage")
        assert TARGET in died
        evidence = story.evidence()
        assert blind.count("Insufficient evidence: ") == 1
        assert evidence["run"]["status"] == "inconclusive"
        (host,) = evidence["hosts"]
        assert (host["states"], host["observations"]) == ({}, [])
        assert host["unmeasured"] == {"control-failed": f"{WEB},{FORGOTTEN}-{FORGOTTEN + 9}"}
        assert {(each["rule"], each["required"]) for each in evidence["unknown"]} == {
            ("missing-service", True),
            ("not-measured", False),
        }
        words = {each["word"] for each in controls(evidence)}
        assert "insufficient evidence" in words
        assert words <= NEUTRAL
        assert story.findings() == known
        assert story.life(known[0]["id"]) == lived
        assert "Insufficient evidence" in (tmp_path / "out" / "report.html").read_text()

        # The next run, over a way that lives, does what this one could not.
        story.portproof(lab.internet, *audit, code=1)
    told = {each["kind"]: each["subject"] for each in story.evidence()["changes"]}
    assert f", {TARGET}:{FORGOTTEN + 1}/tcp (" in told["finding opened"]
    assert f", {TARGET}:{FORGOTTEN}/tcp (" in told["finding resolved"]
    assert where(story.findings("--all")) == {
        f"{TARGET}:{FORGOTTEN}/tcp": "closed",
        f"{TARGET}:{FORGOTTEN + 1}/tcp": "open",
    }


def where(findings: list[dict[str, Any]]) -> dict[str, str]:
    return {endpoint: each["status"] for each in findings for endpoint in each["endpoints"]}
