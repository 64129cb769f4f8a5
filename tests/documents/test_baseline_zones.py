"""Zones of a baseline: apart from each other, of one meaning with the vantages, and asked for."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from documents.loaders import VANTAGES
from documents.writing import faults_in, written
from portproof.documents import load_baseline, load_waivers
from portproof.model.baseline import Baseline

ZONES = """\
zones:
  - {name: internet}
  - {name: office, networks: 192.0.2.0/25}
  - {name: cde, networks: [192.0.2.128/25, "2001:db8::/64"], protected: true, approvals: 2}
"""


def load(path: Path) -> Baseline:
    return load_baseline(path, vantages=None)


def of(folder: Path, to: str) -> Baseline:
    entry = f"entries: [{{id: one, to: {to}, ports: 443, from: internet}}]\n"
    return load(written(folder, ZONES + entry))


def test_a_zone_denies_asks_for_one_approval_and_is_unprotected_unless_it_says_so(
    tmp_path: Path,
) -> None:
    internet, _, cde = of(tmp_path, "192.0.2.1").zones
    assert (internet.networks, internet.approvals, internet.protected) == ((), 1, False)
    assert (cde.approvals, cde.protected, cde.location.line) == (2, True, 4)


def test_an_entry_may_lead_to_all_of_a_zone(tmp_path: Path) -> None:
    (entry,) = of(tmp_path, '"zone:cde"').entries
    assert [str(each) for each in entry.networks] == ["192.0.2.128/25", "2001:db8::/64"]
    assert entry.hosts_text == ("zone:cde",)


@pytest.mark.parametrize(
    ("to", "zones", "approvals"),
    [
        ("192.0.2.7", ["office"], 1),
        ("192.0.2.200", ["cde"], 2),
        ("192.0.2.120-130", ["office", "cde"], 2),
        ("192.0.2.0/24", ["office", "cde"], 2),
        ('"2001:db8::7"', ["cde"], 2),
        ("203.0.113.1", [], 1),
        ("db.example.com", [], 1),
    ],
)
def test_an_entry_needs_the_approvals_of_the_strictest_zone_it_leads_to(
    tmp_path: Path, to: str, zones: list[str], approvals: int
) -> None:
    baseline = of(tmp_path, to)
    (entry,) = baseline.entries
    assert [each.name for each in baseline.zones_towards(entry)] == zones
    assert baseline.approvals_needed(entry) == approvals


def test_an_address_lies_in_one_zone_or_in_none(tmp_path: Path) -> None:
    baseline = of(tmp_path, "192.0.2.1")
    held = {text: baseline.zone_of(ip_address(text)) for text in ("192.0.2.129", "203.0.113.1")}
    assert held["192.0.2.129"] is baseline.zone("cde")
    assert held["203.0.113.1"] is None
    assert baseline.zone("moon") is None


def test_zones_of_both_documents_may_be_named_by_an_entry(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        zones: [{name: plant}]
        entries: [{id: one, to: 192.0.2.1, ports: 443, from: [plant, internet, moon]}]
        """,
    )
    faults = faults_in(lambda each: load_baseline(each, vantages=VANTAGES), path)
    assert [fault.partition(";")[0] for fault in faults] == ["2:72 unknown zone 'moon'"]


def test_zones_that_contain_each_other_are_told_with_both_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        zones:
          - {name: a, networks: ["2001:db8::/32", 10.1.0.0/16, 10.0.0.0/24]}
          - {name: b, networks: [10.0.0.64/26, 10.0.0.128/26]}
          - {name: c, networks: 10.1.0.0/16}
        entries: []
        """,
    )
    assert [fault.partition(";")[0] for fault in faults_in(load, path)] == [
        "3:5 zone 'b' overlaps zone 'a' (line 2): both hold 10.0.0.64/26",
        "4:5 zone 'c' overlaps zone 'a' (line 2): both hold 10.1.0.0/16",
    ]


def test_a_zone_of_both_documents_is_the_same_in_both(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        zones:
          - {name: cde, networks: 192.0.2.128/25}
          - {name: office, networks: 192.0.2.0/26}
          - {name: local, networks: ["::1", 127.0.0.0/9, 127.128.0.0/9]}
        entries: []
        """,
    )
    faults = faults_in(lambda each: load_baseline(each, vantages=VANTAGES), path)
    assert [fault.partition(";")[0] for fault in faults] == [
        "2:5 zone 'cde' is protected in the vantages document",
        "3:5 zone 'office' has other networks in the vantages document (192.0.2.0/25, 2001:db8:0:1::/64)",
    ]


def test_a_waiver_may_be_for_a_zone_of_the_baseline(tmp_path: Path) -> None:
    baseline = of(tmp_path, "192.0.2.1")
    path = written(
        tmp_path,
        """\
        waivers:
          - {id: w, rules: [unapproved-exposure], hosts: "zone:office", reason: r, requester: a,
             approver: b, begins: 2026-11-01, expires: 2026-12-01}
        """,
    )
    waivers = load_waivers(path, baseline=baseline, vantages=None, rules=["unapproved-exposure"])
    assert [str(each) for each in waivers.waivers[0].networks] == ["192.0.2.0/25"]
