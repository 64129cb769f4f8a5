"""A waiver expires in the middle of a run: what counts is the instant at which the run finished."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from zone_story import Run, Story, baseline
from zoned import ZonedLab

pytestmark = pytest.mark.privileged
PORT = 8080
TICK = timedelta(microseconds=1)
WAIVER = """\
waivers:
  - id: move
    rules: [unapproved-exposure]
    ports: "{port}"
    zones: [internet]
    reason: the shop moves house
    requester: web-team
    approver: security-team
    begins: 2026-01-01
    expires: {expires}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, Run, Run]:
    """Give a folder with two runs that saw the same unapproved port, one after the other."""
    with ZonedLab() as lab:
        story = Story(tmp_path_factory.mktemp("kept"), lab)
        story.documents(ports=f"{PORT}-{PORT + 4}", more="waivers: waivers.yaml\n")
        story.put("baseline.yaml", baseline())
        with story.peer(PORT):
            return story, story.scan(lab.internet), story.scan(lab.internet)


@pytest.fixture
def story(kept: tuple[Story, Run, Run], tmp_path: Path) -> Story:
    """Give a copy of that folder, in which nobody has judged anything."""
    folder = shutil.copytree(kept[0].folder, tmp_path / "story")
    return replace(kept[0], folder=folder)


def test_a_waiver_that_ends_during_a_run_accepts_nothing_that_the_run_saw(
    kept: tuple[Story, Run, Run], story: Story
) -> None:
    _, before, during = kept
    # It holds when the second run begins, and before that one has finished it does not.
    assert before.finished < during.started < during.middle < during.finished
    waive(story, until=during.middle)

    (waived,) = story.judged("--run", before.id, code=0)["findings"]
    assert (waived["status"], waived["waiver"]) == ("waived", "move")

    evidence = story.judged("--run", during.id, code=1)
    (back,) = evidence["findings"]
    assert (back["status"], back["verdict"]) == ("open", "DEVIATES")
    assert f"Waiver move accepted it until {shown(during.middle)}, and has ended" in back["because"]
    (waiver,) = evidence["waivers"]
    assert waiver["status"] == "expired"
    assert waiver["covers"] == "unapproved-exposure on all hosts, ports 8080 (tcp), from internet"
    (found,) = story.findings()
    assert (found["id"], found["status"]) == (waived["id"], "open")
    assert found["first_seen"] == waived["first_seen"]
    # It ended by itself, at its own instant; the run comes after that, and sees a deviation.
    assert story.life(found["id"]) == ["opened", "waived", "waiver-ended", "seen"]


def test_the_instant_at_which_a_run_finished_is_the_first_that_a_waiver_must_cover(
    kept: tuple[Story, Run, Run], story: Story
) -> None:
    _, _, run = kept
    for until, verdict, code in (
        (run.finished, "DEVIATES", 1),
        (run.finished + TICK, "WAIVED", 0),
    ):
        waive(story, until=until)
        (found,) = story.judged("--run", run.id, code=code)["findings"]
        assert found["verdict"] == verdict


def shown(instant: datetime) -> str:
    """Give an instant as sentences do."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def waive(story: Story, *, until: datetime) -> None:
    text = WAIVER.format(port=PORT, expires=until.isoformat())
    story.put("waivers.yaml", text)
