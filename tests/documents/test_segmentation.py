from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

from documents.loaders import LOADERS, VANTAGES
from documents.writing import faults_in, written
from portproof.documents import load_segmentation
from portproof.model.endpoint import Transport
from portproof.model.segmentation import Expectation, Segmentation

TESTER = "tester: {name: test team, qualification: Q-1, independent_of: network team}\n"
ZONE = "zones: [{name: cde}]\n"


def load(folder: Path, text: str) -> Segmentation:
    return load_segmentation(written(folder, TESTER + text), vantages=VANTAGES)


def test_a_zone_takes_its_networks_and_its_protection_from_the_vantages_file(
    tmp_path: Path,
) -> None:
    zone = load(tmp_path, ZONE).zone("cde")
    assert zone is not None
    assert zone.networks == (ip_network("192.0.2.128/25"),)
    assert zone.protected


def test_a_cell_that_nobody_wrote_is_denied_on_every_tcp_port(tmp_path: Path) -> None:
    rule = load(tmp_path, ZONE).cell("office", "cde")
    assert rule.expectation is Expectation.DENY
    assert rule.location is None
    assert (len(rule.tcp), len(rule.udp)) == (65_535, 0)


def test_a_cell_may_ask_other_ports_than_the_file(tmp_path: Path) -> None:
    cells = "ports: 1-1024\ncells: [{from: office, to: cde, expect: deny, ports: [22, U:53]}]\n"
    policy = load(tmp_path, ZONE + cells)
    assert str(policy.cell("office", "cde").ports(Transport.UDP)) == "53"
    assert str(policy.cell("internet", "cde").tcp) == "1-1024"


def test_an_allow_list_grants_its_ports_to_its_targets_only(tmp_path: Path) -> None:
    flow = "{ports: [443, U:53], to: 192.0.2.129, because: orders, ticket: CHG-1}"
    rule = load(tmp_path, f"{ZONE}cells: [{{from: office, to: cde, allow: [{flow}]}}]\n").cell(
        "office", "cde"
    )
    assert rule.expectation is Expectation.ALLOW
    held = ip_address("192.0.2.129")
    assert str(rule.allows(held, Transport.TCP)) == "443"
    assert str(rule.allows(held, Transport.UDP)) == "53"
    assert not rule.allows(ip_address("192.0.2.130"), Transport.TCP)


def test_a_tester_without_a_qualification_is_a_fault(tmp_path: Path) -> None:
    text = "tester: {name: test team, independent_of: network team}\n" + ZONE
    (fault,) = faults_in(LOADERS["segmentation"], written(tmp_path, text))
    assert "'qualification' is required" in fault


def test_a_list_of_targets_is_for_hosts_and_not_for_sweeps(tmp_path: Path) -> None:
    text = f"{TESTER}zones: [{{name: big, networks: 10.0.0.0/8, targets: 10.0.0.0/15}}]\n"
    (fault,) = faults_in(LOADERS["segmentation"], written(tmp_path, text))
    assert "more than 65,536 targets" in fault
