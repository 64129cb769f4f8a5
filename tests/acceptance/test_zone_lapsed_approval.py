"""An approval lapses: the cache of the cde, approved for the office until a day, is reached after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_repos import Repo
from zone_story import Story, baseline, day, entry
from zoned import TARGET, ZonedLab

pytestmark = pytest.mark.privileged
CACHE = 6379
MITIGATION = "{measure: only behind the office, checked_by: each audit}"


@pytest.fixture(scope="module")
def lab() -> Iterator[ZonedLab]:
    with ZonedLab() as lab:
        yield lab


def approved_until(review_by: str) -> str:
    return baseline(
        entry(
            "cache",
            str(CACHE),
            zones="office",
            service="redis",
            mitigation=MITIGATION,
            review_by=review_by,
        )
    )


def test_the_same_run_is_clean_the_day_before_a_review_date_and_a_finding_the_day_after(
    lab: ZonedLab, tmp_path: Path
) -> None:
    story, repo = Story(tmp_path, lab), Repo(tmp_path)
    story.documents(vantage="desk", ports=f"{CACHE},{CACHE + 1}")
    story.put(".gitignore", "out/\n*.sqlite*\n")
    story.put("baseline.yaml", approved_until(day(+1)))
    repo.commit("CHG-1: the cache")
    command = ["redis-server", "--bind", TARGET, "--port", str(CACHE), "--protected-mode", "no"]
    lab.serve(lab.server, [*command, "--save", "", "--dir", str(tmp_path)], port=CACHE)
    write = ("--out", "out", "--report", "json")

    with story.peer():
        story.portproof(lab.office, "audit", *write, code=0)
    run = story.evidence()["run"]["id"]

    # The review date is one that has gone by, and nothing else is different: not even the run.
    over = day(-1)
    story.put("baseline.yaml", approved_until(over))
    shortened = repo.commit("CHG-2: reviewed earlier", "dev@example.com")
    told = story.here("check", "--run", run, code=1).out
    assert "Approval expired, port 6379/tcp still open" in told
    assert f"its approval ended with its review date {over}" in " ".join(told.split())

    sarif = json.loads(story.here("check", "--format", "sarif", code=1).out)
    for result in sarif["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "baseline.yaml"
        assert place["region"] == {"startLine": 3, "startColumn": 5}

    forms = ("--format", "html", "--format", "json")
    story.here("report", "--out", "out", *forms)
    evidence = story.evidence()
    assert evidence["run"]["id"] == run
    found = {each["rule"]: each for each in evidence["findings"]}
    assert set(found) == {"unapproved-exposure", "approval-expired"}
    assert found["unapproved-exposure"]["severity"] == "critical"
    for each in found.values():
        assert each["blame"]["location"] == "baseline.yaml:3:5"
        assert each["blame"]["commit"] == shortened[:12]
        assert each["blame"]["author"] == "dev <dev@example.com>"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "baseline.yaml:3:5" in page
    assert shortened[:12] in page

    # The review is made up for: the next run closes both, by the approval.
    story.put("baseline.yaml", approved_until(day(+300)))
    repo.commit("CHG-3: reviewed")
    with story.peer():
        story.portproof(lab.office, "audit", *write, code=0)
    closed = {each["rule"]: each["closed_by"] for each in story.findings("--all")}
    assert closed == {"unapproved-exposure": "approval", "approval-expired": "approval"}
