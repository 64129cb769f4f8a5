"""A host of the cde retires: it is asked as long as it may answer, and closed once it is silent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zone_story import Story, baseline, controls, entry
from zoned import INSIDER, TARGET, ZonedLab

pytestmark = pytest.mark.privileged
SHOP, CACHE = 80, 8080
SOURCES = """\
schema: portproof.sources/1
sources:
  - {name: prometheus, owner: net-team, file_sd: {path: targets.json}}
"""
RETIRED = f"prometheus/cache ({INSIDER})"
AUDIT = ("audit", "--from-sources", "--out", "out", "--report", "json")
QUICK = ("--timeout", "100", "--max-retries", "0")


@pytest.fixture(scope="module")
def lab() -> Iterator[ZonedLab]:
    with ZonedLab() as lab:
        yield lab


def listed(story: Story, **machines: str) -> None:
    """Write what Prometheus watches: machines by their stable ids, where they are now."""
    groups = [
        {"targets": [address], "labels": {"portproof_id": name}}
        for name, address in machines.items()
    ]
    story.put("targets.json", json.dumps(groups))


def test_a_retired_host_is_asked_until_it_is_silent_and_an_emptied_list_retires_nobody(
    lab: ZonedLab, tmp_path: Path
) -> None:
    story = Story(tmp_path, lab)
    story.documents(ports=f"{SHOP},{CACHE}", more="sources: sources.yaml\n")
    story.put("sources.yaml", SOURCES)
    story.put("baseline.yaml", baseline(entry("web", str(SHOP))))
    with story.peer(SHOP):
        with story.peer(CACHE, address=INSIDER):
            listed(story, shop=TARGET, cache=INSIDER)
            first = story.portproof(lab.internet, *AUDIT, code=1)
            assert "targets of the sources: 2 scan at once" in first.err
            (found,) = story.findings()
            assert found["endpoints"] == [f"{INSIDER}:{CACHE}/tcp"]

            # Whoever writes the list has broken down: that is no reason to believe that all is gone.
            listed(story)
            emptied = story.here("sources", "fetch", code=3)
            assert emptied.out == "prometheus: shrunk, 0 targets; no change\n"
            assert (
                "it suddenly lists nothing, the last list had 2; nothing is retired" in emptied.err
            )

            # The cache is taken from the list, and was not switched off.
            listed(story, shop=TARGET)
            answering = story.portproof(lab.internet, *AUDIT, code=1)
            assert "targets of the sources: 1 listed, 1 retired, rescanned" in answering.err
            assert f"retired_still_answering: {RETIRED}" in answering.err
            assert f"Retired target answers: prometheus/cache at {INSIDER}" in answering.out
            place = f"{INSIDER}:{CACHE}/tcp from internet"
            assert ("unknown_asset", place) in exceptions(story.evidence())
            assert {each["rule"]: each["status"] for each in story.findings()} == {
                "unapproved-exposure": "open",
                "retired-still-answering": "open",
            }

        # Now it is, for good.
        lab.run(lab.insider, ["ip", "link", "set", "cable", "down"])
        silent = story.portproof(lab.internet, *AUDIT, *QUICK, code=0)
    assert "targets of the sources: 1 listed, 1 retired, rescanned" in silent.err
    assert "retired_still_answering" not in silent.err
    assert "unknown_asset" not in dict(exceptions(story.evidence()))
    closed = {each["rule"]: each["closed_by"] for each in story.findings("--all")}
    assert closed == {"unapproved-exposure": "retired", "retired-still-answering": "retired"}
    assert story.life(found["id"]) == ["opened", "seen", "resolved"]


def exceptions(evidence: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (each["fact"], each["subject"])
        for control in controls(evidence)
        for each in control["exceptions"]
    }
