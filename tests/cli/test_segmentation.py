from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import portproof
from listeners import listener
from site_documents import Site

POLICY = """\
tester: {name: test team, qualification: Q-1, independent_of: network team}
ports: "1-10"
zones:
  - {name: here, networks: 127.0.0.0/8}
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A port that takes connections and ends them, as long as the test runs."""
    with listener() as number:
        yield number


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose segmentation policy keeps the internet out of this machine."""
    site = Site(folder=tmp_path, networks=["127.0.0.1"], targets=["127.0.0.1"], ports="1-10")
    site.write()
    (tmp_path / "segmentation.yaml").write_text(POLICY)
    with (tmp_path / "portproof.yaml").open("a") as configuration:
        configuration.write("segmentation: segmentation.yaml\n")
    return site


def test_a_forbidden_path_is_a_finding_of_an_ordinary_check(site: Site, port: int) -> None:
    portproof("scan", "127.0.0.1", "-p", str(port), cwd=site.folder)
    answer = portproof("check", "--format", "json", cwd=site.folder)
    assert answer.code == 1, answer.err
    found = {each["rule"]: each for each in json.loads(answer.out)["findings"]}
    crossing = found["segmentation-open"]
    assert crossing["severity"] == "high"
    assert "segmentation.yaml" in crossing["location"]
    assert "denied by default" in crossing["because"]


def test_a_check_is_kept_and_shown_as_it_was_without_its_policy(site: Site, port: int) -> None:
    portproof("scan", "127.0.0.1", "-p", str(port), cwd=site.folder)
    first = portproof("segmentation", "check", "--format", "json", cwd=site.folder)
    assert first.code == 3, first.err
    assert "kept as leaf 2" in first.err
    record = json.loads(first.out)["record"]
    assert record["leaf"] == 2
    assert len(record["runs"][0]["outcome_sha256"]) == 64

    (site.folder / "segmentation.yaml").unlink()
    shown = portproof("segmentation", "show", "--record", "2", "--format", "json", cwd=site.folder)
    assert json.loads(shown.out) == json.loads(first.out)
    told = portproof("segmentation", "clocks", "--format", "json", cwd=site.folder)
    (pair,) = [each for each in json.loads(told.out)["pairs"] if each["to"] == "here"]
    assert (pair["last_supported"], pair["last_complete"]) == (None, None)
    then = portproof("segmentation", "history", pair["from"], "here", cwd=site.folder)
    assert "exceptions" in then.out, then.err


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (("history", "here"), "name both zones, FROM and TO"),
        (("check", "--policy", "missing.yaml"), "missing.yaml: cannot be read"),
        (("check", "--until", "2026-11-21T12:00:00"), "the time zone is missing"),
        (("test", "--to", "vault"), "no target zone 'vault'; it has here"),
    ],
)
def test_bad_input_is_one_clear_line(site: Site, command: tuple[str, ...], part: str) -> None:
    answer = portproof("segmentation", *command, cwd=site.folder)
    assert answer.code == 2
    assert part in answer.err
    assert "Traceback" not in answer.err


def test_an_egress_check_needs_its_sink_inside_the_authorisation(site: Site) -> None:
    answer = portproof("egress", "--to", "192.0.2.7", "-p", "80,U:53", cwd=site.folder)
    assert answer.code == 2
    assert "refused (outside): 192.0.2.7" in answer.err
