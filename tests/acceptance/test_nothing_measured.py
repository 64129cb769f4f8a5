"""What was asked for and not measured never looks like a good result (law 1)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command import portproof
from netns import Lab
from site_documents import Site


def site_of(folder: Path, *targets: str, ports: str) -> Site:
    networks = ["127.0.0.1", "10.0.0.0/8"]
    site = Site(folder=folder, networks=networks, targets=list(targets), ports=ports)
    site.write()
    return site


def evidence_of(site: Site) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((site.folder / "out" / "evidence.json").read_text())
    return document


AUDIT = ("audit", "--out", "out", "--report", "json")


def test_a_name_that_does_not_resolve_is_insufficient_evidence(tmp_path: Path) -> None:
    site = site_of(tmp_path, "nosuchhost.invalid", ports="22,80")
    assert portproof(*AUDIT, cwd=site.folder).code == 3
    evidence = evidence_of(site)
    assert evidence["run"]["status"] == "inconclusive"
    assert (
        evidence["summary"]["sentence"]
        == "Insufficient evidence: Nothing was measured of 2 endpoints: 2 unresolved."
    )


def test_a_name_that_does_not_resolve_is_told_beside_what_was_measured(tmp_path: Path) -> None:
    site = site_of(tmp_path, "127.0.0.1", "nosuchhost.invalid", ports="1-8")
    assert portproof(*AUDIT, cwd=site.folder).code == 3
    evidence = evidence_of(site)
    assert evidence["run"]["status"] == "complete"
    assert evidence["summary"]["sentence"] == (
        "Insufficient evidence: 8 of 16 endpoints were measured; "
        "in what was measured, no deviation was observed."
    )
    assert portproof("check", cwd=site.folder).code == 3


def test_udp_ports_without_a_probe_do_not_make_the_rest_worse(tmp_path: Path) -> None:
    site = site_of(tmp_path, "127.0.0.1", ports="1-8,U:9")
    answer = portproof(*AUDIT, cwd=site.folder)
    assert answer.code == 0, answer.err
    sentence = evidence_of(site)["summary"]["sentence"]
    assert sentence == "No deviation was observed within the stated coverage."


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


def audit(lab: Lab, site: Site) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "portproof", *AUDIT]
    done = lab.run(lab.client, command, check=False, cwd=site.folder)
    assert "Traceback" not in done.stderr
    return done.returncode, evidence_of(site)


@pytest.mark.privileged
@pytest.mark.parametrize(
    ("target", "fault"), [("10.1.2.3", "no-route"), ("10.99.1.77", "no-neighbour")]
)
def test_a_host_that_could_not_be_reached_is_insufficient_evidence(
    lab: Lab, tmp_path: Path, target: str, fault: str
) -> None:
    code, evidence = audit(lab, site_of(tmp_path, target, ports="1-20"))
    assert code == 3
    assert evidence["run"]["status"] == "inconclusive"
    assert (
        evidence["summary"]["sentence"]
        == f"Insufficient evidence: Nothing was measured of 20 endpoints: 20 {fault}."
    )


@pytest.mark.privileged
def test_a_host_that_could_not_be_reached_is_told_beside_one_that_was(
    lab: Lab, tmp_path: Path
) -> None:
    code, evidence = audit(lab, site_of(tmp_path, "10.99.1.2", "10.1.2.3", ports="1-20"))
    assert code == 3
    assert evidence["run"]["status"] == "complete"
    assert evidence["summary"]["sentence"] == (
        "Insufficient evidence: 20 of 40 endpoints were measured; "
        "in what was measured, no deviation was observed."
    )
