"""One audit after another on live sockets: findings open, are waived, close, and come back."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from command import Answer, portproof
from listeners import listener
from site_documents import Site, entry


def day(offset: int) -> str:
    """Give a date so many days from now: waivers are judged by the real clock."""
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def audit(site: Site, *options: str) -> tuple[Answer, dict[str, Any]]:
    """Audit, with the evidence alone as report: drawing it is another test's business."""
    answer = portproof("audit", "--out", "out", "--report", "json", *options, cwd=site.folder)
    assert "Traceback" not in answer.err
    path = site.folder / "out" / "evidence.json"
    return answer, json.loads(path.read_text()) if path.exists() else {}


def exposures(evidence: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        each["endpoint"]: each
        for each in evidence["findings"]
        if each["rule"] == "unapproved-exposure"
    }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(folder=tmp_path, networks=["127.0.0.1"], targets=["127.0.0.1"], ports="1-64")


def test_the_life_of_a_finding_over_five_audits(site: Site) -> None:
    with listener() as port:
        site.ports = f"{port},1"
        place = f"127.0.0.1:{port}/tcp"
        site.write()
        answer, first = audit(site)
        assert answer.code == 1
        opened = exposures(first)[place]
        assert opened["status"] == "open"

        waiver = (
            f"{{id: known, rules: [unapproved-exposure], hosts: [127.0.0.1], ports: '{port}', reason: moving, "
            f"requester: web team, approver: security team, begins: {day(-30)}, expires: {day(30)}, ticket: R-1}}"
        )
        site.waivers = [waiver]
        site.write()
        answer, waived = audit(site)
        assert exposures(waived)[place]["verdict"] == "WAIVED"
        assert answer.code == 0

        site.waivers = []
        site.entries = [entry("known-service", "127.0.0.1", port, "''")]
        site.write()
        answer, approved = audit(site)
        assert place not in exposures(approved)
        assert any(each["kind"] == "finding resolved" for each in approved["changes"])

        site.entries = []
        site.write()
        _, back = audit(site)
        again = exposures(back)[place]
        assert again["reopened"] == 1
        assert again["first_seen"] == opened["first_seen"]
        assert again["id"] == opened["id"]

    _, gone = audit(site)
    assert place not in exposures(gone)


def test_a_clean_run_exits_0_and_says_so_in_neutral_words(site: Site) -> None:
    site.write()
    answer, evidence = audit(site)
    assert answer.code == 0, answer.err
    assert (
        evidence["summary"]["sentence"] == "No deviation was observed within the stated coverage."
    )


def test_a_required_service_that_cannot_be_measured_makes_it_exit_3(site: Site) -> None:
    site.targets = ["127.0.0.1", "gone.invalid"]
    site.entries = [entry("shop-database", "gone.invalid", 5432, "postgresql", presence="required")]
    site.write()
    answer, evidence = audit(site)
    assert answer.code == 3
    (unknown,) = [each for each in evidence["unknown"] if each["required"]]
    assert unknown["entry"] == "shop-database"
    assert "Insufficient evidence" in evidence["summary"]["sentence"]


def test_exit_zero_reports_only(site: Site) -> None:
    with listener() as port:
        site.ports = str(port)
        site.write()
        answer, evidence = audit(site, "--exit-zero")
    assert answer.code == 0
    assert exposures(evidence)


def test_findings_below_the_threshold_do_not_change_the_exit_code(site: Site) -> None:
    with listener() as port:
        site.ports = str(port)
        site.write()
        answer, _ = audit(site, "--fail-on", "critical")
    assert answer.code == 0


def test_the_report_is_drawn_again_from_its_evidence_alone(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site.write()
    portproof("audit", "--out", "out", cwd=site.folder)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "evidence.json").write_bytes((site.folder / "out" / "evidence.json").read_bytes())
    answer = portproof("report", "--from", "evidence.json", "--out", "again", cwd=elsewhere)
    assert answer.code == 0, answer.err
    for name in ("report.html", "report.pdf", "evidence.json"):
        assert (elsewhere / "again" / name).read_bytes() == (
            site.folder / "out" / name
        ).read_bytes()


@pytest.mark.parametrize(
    ("form", "mark"),
    [("json", '"schema"'), ("jsonl", '"type"'), ("sarif", "sarif"), ("junit", "<testsuite")],
)
def test_a_stored_run_is_judged_again_in_every_form(site: Site, form: str, mark: str) -> None:
    site.write()
    audit(site)
    answer = portproof("check", "--format", form, cwd=site.folder)
    assert answer.code == 0, answer.err
    assert mark in answer.out


def test_two_runs_are_compared_as_ndiff_does(site: Site) -> None:
    site.write()
    with listener() as port:
        site.ports = str(port)
        site.write()
        audit(site)
        audit(site)
        same = portproof("diff", cwd=site.folder)
    audit(site)
    different = portproof("diff", cwd=site.folder)
    assert (same.code, different.code) == (0, 1)
    assert f"127.0.0.1:{port}/tcp" in different.out
    portproof("scan", "127.0.0.1", "-p", "7", cwd=site.folder)
    unlike = portproof("diff", cwd=site.folder)
    assert unlike.code == 2
    assert "not comparable" in unlike.out


def test_every_claim_leads_to_a_raw_record_that_gives_its_digest_again(site: Site) -> None:
    with listener() as port:
        site.ports = str(port)
        site.write()
        _, evidence = audit(site)
    (claimed,) = exposures(evidence).values()
    assert claimed["evidence"]
    for digest in claimed["evidence"]:
        record = portproof("evidence", "show", digest, cwd=site.folder).out
        assert hashlib.sha256(record.encode()).hexdigest() == digest
        assert f"127.0.0.1:{port}/tcp" in record
