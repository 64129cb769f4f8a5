"""A path opens across the boundary of the cde, turns into a refusal of the target's, and is closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zone_story import CANARY_PORT, ROUTER, VANTAGES, Story, baseline
from zoned import TARGET, ZonedLab

pytestmark = pytest.mark.privileged
SHOP = 80
POLICY = f"""\
tester: {{name: test team, qualification: Q-1, independent_of: net-team}}
ports: {SHOP}
zones:
  - {{name: cde, networks: 10.99.2.0/24, targets: [{TARGET}]}}
cells:
  - {{from: office, to: cde, expect: deny}}
"""
QUICK = ("--timeout", "100", "--max-retries", "0")
TEST = ("segmentation", "test")
CLOSED = f"ip daddr {TARGET} drop"
OPENED = f"ip daddr {TARGET} tcp dport {SHOP} accept"
REFUSED_INSIDE = """
table inet refusing
delete table inet refusing
table inet refusing {
  chain arriving {
    type filter hook input priority 0; policy accept;
    ip saddr 10.99.1.0/24 tcp dport 80 reject with tcp reset
  }
}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[ZonedLab]:
    with ZonedLab() as lab:
        yield lab


def cell(story: Story, *, code: int) -> dict[str, Any]:
    told = story.here("segmentation", "check", "--format", "json", code=code).out
    return next(each for each in json.loads(told)["cells"] if not each["by_default"])


def test_a_path_opens_and_is_closed_again_only_by_a_run_that_could_see_it(
    lab: ZonedLab, tmp_path: Path
) -> None:
    story = Story(tmp_path, lab)
    story.documents(
        ports=str(SHOP),
        vantage="desk",
        canary=f"{ROUTER}:{CANARY_PORT}",
        more="segmentation: segmentation.yaml\n",
    )
    vantages = VANTAGES.replace("  - {id: outside, zone: internet, operator: net-team}\n", "")
    story.put("vantages.yaml", vantages)
    story.put("baseline.yaml", baseline())
    story.put("segmentation.yaml", POLICY)

    with story.peer(SHOP, canary=False):
        with story.peer(address=ROUTER):
            lab.boundary(CLOSED)
            story.portproof(lab.insider, *TEST, "--vantage", "insider", code=0)
            story.scan(lab.office, *QUICK)
            assert cell(story, code=0)["state"] == "supported"

            lab.boundary(OPENED, CLOSED)
            story.portproof(lab.office, *TEST, "--because", "CHG-12", code=0)
            opened = cell(story, code=1)
            assert (opened["state"], told(opened)) == ("exceptions noted", ["answered open"])
            assert opened["last_complete_test"]["started_by"] == "CHG-12"
            assert "Forbidden path from office to cde" in story.here("check", code=1).out
            path = the_path(story)
            assert path["status"] == "open"

        # The boundary is closed, and nobody can tell: the canary is dead, so that silence says nothing.
        lab.boundary(CLOSED)
        story.scan(lab.office, *QUICK, code=3)
        blind = cell(story, code=1)
        assert blind["paths"] == opened["paths"]
        assert blind["last_complete_test"] == opened["last_complete_test"]
        assert "Insufficient evidence" in story.here("check", code=3).out
        assert the_path(story) == path

        with story.peer(address=ROUTER):
            # What comes back is a refusal, but of the target itself: the way to it is still open.
            lab.boundary(OPENED, CLOSED)
            lab.nft(lab.server, REFUSED_INSIDE)
            story.portproof(lab.office, *TEST, code=0)
            assert told(cell(story, code=1)) == ["reset in the target's name"]
            crossed = "Packets from office reach closed TCP ports in cde"
            assert crossed in story.here("check", code=1).out

            lab.boundary(CLOSED)
            story.scan(lab.office, *QUICK)
            shut = cell(story, code=0)
            assert (shut["state"], told(shut)) == ("supported", [])
            assert [each["how"] for each in shut["earlier_paths"]] == ["reset in the target's name"]
            assert "No deviation was observed" in story.here("check", code=0).out
    assert story.findings() == []
    closed = the_path(story)
    assert (closed["status"], closed["closed_by"]) == ("closed", "rescan")
    assert closed["first_seen"] == path["first_seen"]


def told(cell: dict[str, Any]) -> list[str]:
    return [each["how"] for each in cell["paths"]]


def the_path(story: Story) -> dict[str, Any]:
    found = story.findings("--all")
    return next(each for each in found if each["rule"] == "segmentation-open")
