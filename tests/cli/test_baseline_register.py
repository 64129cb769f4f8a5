"""`portproof baseline register`: the list of PCI DSS 1.2.5, for spreadsheets, reviews and assessors."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from command import portproof

HOSTILE = "=cmd|' /C calc'!A0 <b>|`bold`"
BASELINE = f"""\
scope: shop
reviewed: {{on: 2026-11-02, by: security team}}
entries:
  - id: web
    to: 192.0.2.1
    ports: 443
    service: https
    from: internet
    owner: shop team
    justification: "{HOSTILE}"
    approval: {{requester: shop team, approver: head of sales, approved_on: 2026-11-02, ticket: CHG-1}}
  - id: old-ftp
    to: 192.0.2.2
    ports: 21
    from: internet
    approval: {{approver: head of sales, approved_on: 2024-01-01, review_by: 2024-12-31}}
  - {{id: wish, to: 192.0.2.3, ports: 8443, from: internet, status: proposed}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a configured baseline of two approved entries and a proposed one."""
    configured = "baseline: baseline.yaml\nvantages: vantages.yaml\n"
    (tmp_path / "portproof.yaml").write_text(configured, encoding="utf-8")
    vantages = "zones: [{name: internet, trust: untrusted}]\nvantages: [{id: a, zone: internet}]\n"
    (tmp_path / "vantages.yaml").write_text(vantages, encoding="utf-8")
    (tmp_path / "baseline.yaml").write_text(BASELINE, encoding="utf-8")
    return tmp_path


def test_every_approved_service_is_a_row_with_its_reason_owner_and_approval(site: Path) -> None:
    answer = portproof("baseline", "register", "--format", "csv", cwd=site)
    assert answer.code == 0
    web, ftp = csv.DictReader(io.StringIO(answer.out))
    assert (web["entry"], web["ports"], web["from_zones"]) == ("web", "443/tcp", "internet")
    assert (web["owner"], web["ticket"], web["standing"]) == ("shop team", "CHG-1", "in force")
    assert web["approval"].startswith("self-declared: head of sales")
    assert ftp["standing"] == "its approval ended with its review date 2024-12-31"
    assert (ftp["owner"], ftp["justification"]) == ("", "")


def test_a_spreadsheet_runs_nothing_of_it(site: Path) -> None:
    answer = portproof("baseline", "register", "--format", "csv", cwd=site)
    assert next(csv.DictReader(io.StringIO(answer.out)))["justification"].startswith("'=cmd")


@pytest.mark.parametrize("form", ["md", "html"])
def test_a_reader_sees_what_lapsed_what_is_missing_and_what_is_only_proposed(
    site: Path, form: str
) -> None:
    answer = portproof("baseline", "register", "--format", form, cwd=site)
    assert answer.code == 0
    assert "2 approved, of which 1 grants nothing on that day; 1 more is proposed" in answer.out
    assert "no reason is given" in answer.out
    assert "Reviewed 2026-11-02 by security team." in answer.out
    assert "wish" not in answer.out
    assert "<b>|" not in answer.out


def test_the_page_admits_nothing_but_its_own_style(site: Path) -> None:
    page = portproof("baseline", "register", "--format", "html", cwd=site).out
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_baseline_with_faults_is_no_register(site: Path) -> None:
    (site / "baseline.yaml").write_text("entries: 5\n", encoding="utf-8")
    answer = portproof("baseline", "register", cwd=site)
    assert (answer.code, answer.out) == (2, "")
    assert "baseline.yaml:1:10" in answer.err
