from __future__ import annotations

import hashlib
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from time import process_time

import pytest
from ruamel.yaml import YAML

from documents.loaders import VANTAGES
from documents.writing import baseline_of, faults_in, written
from portproof.documents import load_baseline
from portproof.model.baseline import Approval, Direction, Mitigation, Presence, SourceLocation, Tier
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet

ASSETS = """[
  {id: web-1, addresses: [192.0.2.10, web.example.com], tags: [web]},
  {id: web-2, addresses: "2001:db8::/64", tags: [web, new], tier: 1, owner: shop team},
]"""


def load(path: Path) -> object:
    return load_baseline(path, vantages=None)


def test_an_entry_with_the_least_keys_is_inbound_allowed_tcp_of_tier_3(tmp_path: Path) -> None:
    entry = baseline_of(tmp_path, "ports: 443").entries[0]
    assert (entry.transport, entry.ports) == (Transport.TCP, PortSet.of(443))
    assert (entry.presence, entry.direction, entry.tier) == (
        Presence.ALLOWED,
        Direction.INBOUND,
        Tier.THREE,
    )
    assert entry.approval == Approval()
    assert entry.mitigation is None


def test_an_entry_keeps_what_was_written(tmp_path: Path) -> None:
    entry = baseline_of(
        tmp_path,
        """
        service: ftp
        presence: required
        tier: 1
        direction: outbound
        mitigation: {measure: Reachable from one network only., checked_by: quarterly scan}
        approval: {requester: a, approver: b, approved_on: 2026-11-02, review_by: 2027-04-30, ticket: CHG-1}
        """,
    ).entries[0]
    assert (entry.service, entry.presence, entry.tier) == ("ftp", Presence.REQUIRED, Tier.ONE)
    assert entry.direction is Direction.OUTBOUND
    assert entry.mitigation == Mitigation(
        measure="Reachable from one network only.", checked_by="quarterly scan"
    )
    assert entry.approval == Approval(
        requester="a",
        approver="b",
        approved_on=date(2026, 11, 2),
        review_by=date(2027, 4, 30),
        ticket="CHG-1",
    )


@pytest.mark.parametrize(
    ("ports", "transport", "numbers"),
    [
        ("ports: 443", Transport.TCP, [443]),
        ("ports: [22, '80-82', https]", Transport.TCP, [22, 80, 81, 82, 443]),
        ("ports: 22,80", Transport.TCP, [22, 80]),
        ("ports: 53/udp", Transport.UDP, [53]),
        ("ports: ['U:53', 123/udp]", Transport.UDP, [53, 123]),
        ("ports: [53, 123]\ntransport: udp", Transport.UDP, [53, 123]),
        ("ports: snmp\ntransport: udp", Transport.UDP, [161]),
        ("ports: 22\ntransport: tcp", Transport.TCP, [22]),
    ],
)
def test_ports_are_written_in_many_ways(
    tmp_path: Path, ports: str, transport: Transport, numbers: list[int]
) -> None:
    entry = baseline_of(tmp_path, ports).entries[0]
    assert (entry.transport, list(entry.ports)) == (transport, numbers)


def test_all_ports_are_a_dash_in_quotes(tmp_path: Path) -> None:
    assert baseline_of(tmp_path, 'ports: "-"').entries[0].ports == PortSet.all_ports()


def test_hosts_are_addresses_networks_ranges_and_names(tmp_path: Path) -> None:
    entry = baseline_of(
        tmp_path,
        "hosts: [192.0.2.1, 198.51.100.0/25, 203.0.113.4-5, '2001:db8::1', DB.Example.com]",
    ).entries[0]
    assert [str(network) for network in entry.networks] == [
        "192.0.2.1/32",
        "198.51.100.0/25",
        "203.0.113.4/31",
        "2001:db8::1/128",
    ]
    assert entry.names == ("db.example.com",)
    assert entry.hosts_text[-1] == "DB.Example.com"


def test_hosts_may_be_asset_ids_and_tags(tmp_path: Path) -> None:
    entry = baseline_of(tmp_path, "hosts: [web-1, 'tag:web']", assets=ASSETS).entries[0]
    assert entry.networks == (ip_network("192.0.2.10"), ip_network("2001:db8::/64"))
    assert entry.names == ("web.example.com",)
    assert entry.hosts_text == ("web-1", "tag:web")


def test_assets_carry_their_owner_tier_and_tags(tmp_path: Path) -> None:
    asset = baseline_of(tmp_path, "ports: 443", assets=ASSETS).assets[1]
    assert (asset.id, asset.owner, asset.tier) == ("web-2", "shop team", Tier.ONE)
    assert asset.tags == {"web", "new"}


def test_an_asset_of_a_name_without_a_dot_is_a_host_name(tmp_path: Path) -> None:
    entry = baseline_of(
        tmp_path, "hosts: printer", assets="[{id: printer, addresses: [localhost]}]"
    ).entries[0]
    assert entry.names == ("localhost",)


def test_an_entry_knows_where_it_stands(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        entries:
          # a comment
          - id: one
            hosts: 192.0.2.1
            ports: 443
            zones: office
        """,
    )
    entry = load_baseline(path, vantages=None).entries[0]
    assert entry.location == SourceLocation(file=str(path), line=3, column=5)


def test_the_baseline_has_its_scope_review_and_digest(tmp_path: Path) -> None:
    path = written(
        tmp_path, "scope: all\nreviewed: {on: 2026-11-02, by: network team}\nentries: []\n"
    )
    baseline = load_baseline(path, vantages=None)
    assert (baseline.scope, baseline.reviewed_on, baseline.reviewed_by, baseline.entries) == (
        "all",
        date(2026, 11, 2),
        "network team",
        (),
    )
    assert baseline.file == str(path)
    assert baseline.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_zones_are_checked_only_when_vantages_are_given(tmp_path: Path) -> None:
    path = written(
        tmp_path, "entries: [{id: a, hosts: 192.0.2.1, ports: 443, zones: [office, moon]}]\n"
    )
    assert load_baseline(path, vantages=None).entries[0].zones == ("office", "moon")
    assert faults_in(lambda each: load_baseline(each, vantages=VANTAGES), path) == [
        "1:65 unknown zone 'moon'; known: cde, internet, local, office"
    ]


def test_a_faulty_asset_is_no_unknown_asset(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        assets:
          - id: web
            adresses: 192.0.2.1
            tags: front
        entries:
          - {id: a, hosts: web, ports: 443, zones: office}
          - {id: b, hosts: "tag:front", ports: 443, zones: office}
        """,
    )
    assert faults_in(load, path) == [
        "2:5 the key 'addresses' is required and has no value here",
        "3:5 unknown key 'adresses'; did you mean 'addresses'?",
    ]


def test_a_faulty_entry_is_judged_as_far_as_it_goes_but_overlaps_nothing(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        entries:
          - {id: a, hosts: 192.0.2.1, ports: 443, zones: office}
          - {id: b, hosts: [192.0.2.1, web], ports: 443, zones: office, transprt: udp}
        """,
    )
    assert faults_in(load, path) == [
        "3:32 unknown asset 'web' (a host name has a dot in it)",
        "3:65 unknown key 'transprt'; did you mean 'transport'?",
    ]


def test_a_fault_in_quoted_ports_is_shown_inside_the_quotes(tmp_path: Path) -> None:
    path = written(
        tmp_path, 'entries: [{id: a, hosts: 192.0.2.1, ports: "80, 99999", zones: office}]\n'
    )
    assert [fault.partition(" ")[0] for fault in faults_in(load, path)] == ["1:49"]


def test_a_fault_in_folded_text_is_shown_at_its_beginning(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        entries:
          - id: a
            hosts: 192.0.2.1
            ports: >-
              80,
              99999
            zones: office
        """,
    )
    assert [fault.partition(" ")[0] for fault in faults_in(load, path)] == ["4:12"]


def test_ids_follow_the_pattern_that_the_file_sets(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        naming: {pattern: "[a-z]+"}
        entries:
          - {id: abc, hosts: 192.0.2.1, ports: 443, zones: office}
          - {id: abc-1, hosts: 192.0.2.1, ports: 444, zones: office}
        """,
    )
    assert faults_in(load, path) == [
        "4:10 the id 'abc-1' does not match the naming pattern [a-z]+ of this file"
    ]


def test_loading_costs_at_most_three_times_what_the_yaml_library_needs(tmp_path: Path) -> None:
    approval = (
        "approval: {requester: a, approver: b, approved_on: 2026-11-02, review_by: 2027-04-30}"
    )
    entry = (
        "  - {{id: e-{0}, hosts: 192.0.2.{1}, ports: {0}, zones: [office], service: ssh, {2}}}\n"
    )
    rows = (entry.format(number, number % 9, approval) for number in range(1, 501))
    path = written(tmp_path, "entries:\n" + "".join(rows))
    started = process_time()
    YAML().load(path.read_text(encoding="utf-8"))
    library_s, started = process_time() - started, process_time()
    assert len(load_baseline(path, vantages=None).entries) == 500
    assert process_time() - started <= 3 * library_s
