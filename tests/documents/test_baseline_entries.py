"""Templates, environments and spellings: what an entry is in the end, and where each part stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import pytest

from documents.writing import faults_in, written
from portproof.documents import load_baseline
from portproof.model.baseline import (
    Baseline,
    BaselineEntry,
    ChangedKey,
    Presence,
    SourceLocation,
    Status,
    Tier,
    TlsVersion,
)
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet

TEMPLATE = """\
templates:
  web-https:
    ports: 443
    from: internet
    service: https
    tls: {at_least: "1.2"}
    presence: required
    tier: 1
    breaks: Nobody can buy.
    justification: Customers reach the shop.
    approval: {requester: a, approver: b, approved_on: 2026-11-02, ticket: CHG-1}
"""


def load(path: Path, environment: str | None = None) -> Baseline:
    return load_baseline(path, vantages=None, environment=environment)


def entry_of(folder: Path, keys: str) -> BaselineEntry:
    """Load a baseline of one entry that takes the template above."""
    text = f"{TEMPLATE}entries:\n  - {{id: one, to: 192.0.2.1, use: web-https, {keys}}}\n"
    return load(written(folder, text)).entries[0]


# ---------------------------------------------------------------- spellings and status


@pytest.mark.parametrize("keys", ["hosts: {0}, zones: {1}", "to: {0}, from: {1}"])
def test_to_means_hosts_and_from_means_zones(tmp_path: Path, keys: str) -> None:
    said = keys.format("192.0.2.1", "[office, internet]")
    (entry,) = load(written(tmp_path, f"entries: [{{id: one, {said}, ports: 1}}]\n")).entries
    assert (entry.networks, entry.zones) == ((ip_network("192.0.2.1"),), ("office", "internet"))


@pytest.mark.parametrize(
    ("word", "long"),
    [("allow", "presence: allowed"), ("require", "presence: required"), ("allow", "tier: 3")],
)
def test_allow_and_require_say_ports_and_presence_in_one(
    tmp_path: Path, word: str, long: str
) -> None:
    row = "entries: [{{id: one, to: 192.0.2.1, from: office, {0}}}]\n"
    (short,) = load(written(tmp_path, row.format(f"{word}: [https, 8443]"))).entries
    (plain,) = load(written(tmp_path, row.format(f"ports: [https, 8443], {long}"))).entries
    assert replace(short, location=plain.location) == plain


def test_an_entry_may_change_what_its_template_allows(tmp_path: Path) -> None:
    assert entry_of(tmp_path, "allow: 8443").presence is Presence.ALLOWED
    assert entry_of(tmp_path, "allow: 8443").ports == PortSet.of(8443)
    assert entry_of(tmp_path, "ports: 8443").presence is Presence.REQUIRED


def test_an_environment_may_require_what_is_allowed(tmp_path: Path) -> None:
    text = """\
        entries: [{id: one, to: 192.0.2.1, from: office, allow: 443}]
        environments: {prod: {entries: {one: {require: 443}}}}
        """
    (entry,) = load(written(tmp_path, text), "prod").entries
    assert entry.presence is Presence.REQUIRED
    assert {each.key for each in entry.changed} == {"ports", "presence"}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("allow: 1, ports: 2", "'allow' says the ports and the presence; write it without 'ports'"),
        ("require: 1, presence: allowed", "'require' says the ports and the presence"),
        ("allow: 1, require: 2", "'allow' and 'require' in one entry; write one of them"),
        ("presence: required", "the key 'ports', 'allow' or 'require' is required"),
        ("allow: 22:22", "22:22 is a bare pair of numbers"),
        ("require: [1/tcp, 2/udp]", "tcp and udp ports in one entry"),
        ("require: 22,443", "'443' stands alone, without a value; a list stands in [ ]"),
    ],
)
def test_one_way_to_say_the_ports_stands_alone(tmp_path: Path, keys: str, told: str) -> None:
    row = f"entries: [{{id: one, to: 192.0.2.1, from: office, {keys}}}]\n"
    found = faults_in(load, written(tmp_path, row))
    assert any(told in str(each) for each in found), found


def test_an_entry_is_approved_unless_it_is_called_proposed(tmp_path: Path) -> None:
    row = "{{id: e{0}, to: 192.0.2.1, ports: {0}, from: office{1}}}"
    rows = [row.format(1, ""), row.format(2, ", status: proposed")]
    baseline = load(written(tmp_path, f"entries: [{', '.join(rows)}]\n"))
    assert [each.status for each in baseline.entries] == [Status.APPROVED, Status.PROPOSED]
    assert [each.id for each in baseline.approved] == ["e1"]


def test_a_proposed_entry_overlaps_nothing_because_it_grants_nothing(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        entries:
          - {id: a, to: 192.0.2.1, ports: 443, from: office}
          - {id: b, to: 192.0.2.0/24, ports: 1-1000, from: office, status: proposed}
        """,
    )
    assert len(load(path).entries) == 2


# ---------------------------------------------------------------- templates


def test_an_entry_has_what_its_template_says(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, "")
    assert (entry.template, entry.service, entry.zones) == ("web-https", "https", ("internet",))
    assert (entry.ports, entry.presence, entry.tier) == (
        PortSet.of(443),
        Presence.REQUIRED,
        Tier.ONE,
    )
    assert entry.tls_at_least is TlsVersion.V1_2
    assert (entry.approval.approver, entry.approval.approved_on) == ("b", date(2026, 11, 2))


def test_what_the_entry_says_itself_wins_key_by_key(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, "zones: office, ports: 8443, tls: {at_least: '1.3'}, tier: 3")
    assert (entry.zones, entry.ports) == (("office",), PortSet.of(8443))
    assert (entry.tls_at_least, entry.tier) == (TlsVersion.V1_3, Tier.THREE)
    assert entry.breaks == "Nobody can buy."


def test_a_key_is_replaced_whole_so_that_nobody_approves_half_of_it(tmp_path: Path) -> None:
    approval = entry_of(tmp_path, "approval: {requester: c}").approval
    assert (approval.requester, approval.approver, approval.ticket) == ("c", "", "")


def test_an_entry_stands_where_it_is_written_and_not_where_its_template_is(tmp_path: Path) -> None:
    assert entry_of(tmp_path, "").location.line == 13


def test_a_fault_of_a_template_is_told_once_and_at_the_template(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        templates: {web: {ports: 70000, from: office}}
        entries:
          - {id: a, use: web, to: 192.0.2.1}
          - {id: b, use: web, to: 192.0.2.2}
        """,
    )
    assert faults_in(load, path) == ["1:26 a port is a number from 1 to 65535, not '70000'"]


def test_a_template_nobody_uses_is_judged_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, "templates: {web: {ports: nonsense-port}}\nentries: []\n")
    assert [fault.partition(" ")[0] for fault in faults_in(load, path)] == ["1:26"]


def test_a_faulty_template_makes_no_entry_lack_anything(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        templates: {web: {prots: 443, from: office}}
        entries: [{id: a, use: web, to: 192.0.2.1}]
        """,
    )
    assert faults_in(load, path) == ["1:19 unknown key 'prots'; did you mean 'ports'?"]


def test_templates_that_are_no_mapping_make_no_template_unknown(tmp_path: Path) -> None:
    path = written(
        tmp_path, "templates: web\nentries: [{id: a, use: web, to: 192.0.2.1, from: office}]\n"
    )
    assert faults_in(load, path) == ["1:12 expected keys with values, found the text 'web'"]


# ---------------------------------------------------------------- environments

ENVIRONMENTS = """\
entries:
  - {id: web, to: 192.0.2.1, ports: 443, from: office, service: https}
  - {id: ssh, to: 192.0.2.1, ports: 22, from: office}
environments:
  prod:
    entries:
      web:
        ports: [443, 8443]
        from: internet
    add:
      - {id: metrics, to: 192.0.2.1, ports: 9090, from: office}
    remove: ssh
  test: {}
"""


def test_without_an_environment_the_base_holds(tmp_path: Path) -> None:
    baseline = load(written(tmp_path, ENVIRONMENTS))
    assert [each.id for each in baseline.entries] == ["web", "ssh"]
    assert baseline.environment == ""
    assert baseline.entries[0].zones == ("office",)


def test_an_environment_changes_adds_and_removes_entries(tmp_path: Path) -> None:
    baseline = load(written(tmp_path, ENVIRONMENTS), "prod")
    assert baseline.environment == "prod"
    assert [(each.id, list(each.ports), each.zones) for each in baseline.entries] == [
        ("web", [443, 8443], ("internet",)),
        ("metrics", [9090], ("office",)),
    ]
    assert baseline.entries[0].service == "https"


def test_what_an_environment_changed_is_known_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, ENVIRONMENTS)
    web, metrics = load(path, "prod").entries
    assert web.changed == (
        ChangedKey(key="ports", location=SourceLocation(file=str(path), line=8, column=9)),
        ChangedKey(key="zones", location=SourceLocation(file=str(path), line=9, column=9)),
    )
    assert (web.location.line, web.environment) == (2, "")
    assert (metrics.location.line, metrics.environment) == (11, "prod")


def test_an_environment_without_changes_is_the_base(tmp_path: Path) -> None:
    path = written(tmp_path, ENVIRONMENTS)
    assert load(path, "test").entries == load(path).entries


def test_an_environment_that_is_not_there_is_told_with_what_there_is(tmp_path: Path) -> None:
    path = written(tmp_path, ENVIRONMENTS)
    assert faults_in(lambda each: load(each, "prd"), path) == [
        "4:1 there is no environment 'prd' in this baseline; did you mean 'prod'?"
    ]
    bare = written(tmp_path, "entries: []\n")
    assert faults_in(lambda each: load(each, "prod"), bare) == [
        "1:1 there is no environment 'prod' in this baseline; it declares none"
    ]


def test_an_environment_may_take_a_template(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        templates: {udp: {transport: udp, ports: 53, from: office, service: dns}}
        entries: [{id: one, to: 192.0.2.1, ports: 443, from: internet}]
        environments: {lab: {entries: {one: {use: udp}}}}
        """,
    )
    (entry,) = load(path, "lab").entries
    assert (entry.ports, entry.service, entry.transport) == (PortSet.of(443), "dns", Transport.UDP)
    assert entry.zones == ("internet",)


def test_names_in_an_environment_that_is_not_chosen_are_checked_as_well(tmp_path: Path) -> None:
    path = written(tmp_path, "entries: []\nenvironments: {lab: {remove: one}}\n")
    assert faults_in(load, path) == ["2:30 unknown entry 'one'"]


def test_two_files_do_not_change_one_entry_in_the_same_environment(tmp_path: Path) -> None:
    change = "environments: {{lab: {{entries: {{one: {{ports: {0}}}}}}}}}\n"
    (tmp_path / "more.yaml").write_text(change.format(2), encoding="utf-8")
    path = written(
        tmp_path,
        "include: more.yaml\nentries: [{id: one, to: 192.0.2.1, ports: 1, from: office}]\n"
        + change.format(3),
    )
    assert faults_in(load, path) == ["1:32 entry 'one' is changed in another file for lab already"]


def test_an_overlap_that_an_environment_makes_is_told_when_it_is_chosen(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        entries:
          - {id: a, to: 192.0.2.1, ports: 443, from: office}
          - {id: b, to: 192.0.2.1, ports: 444, from: office}
        environments: {lab: {entries: {b: {ports: 443}}}}
        """,
    )
    assert len(load(path).entries) == 2
    (fault,) = faults_in(lambda each: load(each, "lab"), path)
    assert "entry 'b' overlaps entry 'a' (line 2)" in fault
