from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from documents.loaders import VANTAGES
from documents.writing import baseline_of, faults_in, written
from portproof.documents import load_waivers
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.waiver import Waiver, Waivers

LEAST = {
    "id": "w-1",
    "rules": "unexpected_open",
    "reason": "waits for delivery",
    "requester": "storage team",
    "approver": "head of infrastructure",
    "begins": "2026-11-02",
    "expires": "2026-11-30",
}


def document(folder: Path, **keys: str) -> Path:
    pairs = ", ".join(f"{key}: {value}" for key, value in (LEAST | keys).items())
    return written(folder, f"waivers: [{{{pairs}}}]\n")


def waiver(folder: Path, **keys: str) -> Waiver:
    return load_waivers(document(folder, **keys)).waivers[0]


def test_a_waiver_without_selectors_covers_all_of_its_rules(tmp_path: Path) -> None:
    read = waiver(tmp_path)
    assert (read.networks, read.names, read.transport, read.ports, read.zones) == (
        (),
        (),
        None,
        None,
        (),
    )


def test_the_day_on_which_it_expires_still_counts(tmp_path: Path) -> None:
    read = waiver(tmp_path)
    assert read.in_force(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    assert not read.in_force(datetime(2026, 12, 1, tzinfo=UTC))


def test_a_whole_year_is_allowed_and_a_day_more_is_not(tmp_path: Path) -> None:
    waiver(tmp_path, begins="2026-01-01", expires="2026-12-31")
    faults = faults_in(load_waivers, document(tmp_path, begins="2026-01-01", expires="2027-01-01"))
    assert "at most 365 days" in faults[0]


@pytest.mark.parametrize(
    ("ports", "transport", "covers"),
    [
        ("22", None, (Transport.TCP, [22])),
        ("53", "udp", (Transport.UDP, [53])),
        ("53/udp", None, (Transport.UDP, [53])),
        ("[53/tcp, 53/udp]", None, (None, [53])),
    ],
)
def test_ports_without_a_transport_are_tcp_as_everywhere(
    tmp_path: Path, ports: str, transport: str | None, covers: tuple[Transport | None, list[int]]
) -> None:
    read = waiver(tmp_path, ports=ports, **({"transport": transport} if transport else {}))
    assert (read.transport, read.ports) == (covers[0], PortSet.from_iterable(covers[1]))


def test_a_transport_without_ports_covers_all_of_them(tmp_path: Path) -> None:
    read = waiver(tmp_path, transport="udp")
    assert (read.transport, read.ports) == (Transport.UDP, None)


def test_assets_of_the_baseline_are_known_when_it_is_given(tmp_path: Path) -> None:
    baseline = baseline_of(tmp_path, "ports: 443", assets="[{id: nas, addresses: 192.0.2.40}]")
    path = document(tmp_path, hosts="nas")
    assert load_waivers(path, baseline=baseline).waivers[0].networks == (ip_network("192.0.2.40"),)
    assert faults_in(load_waivers, path)


def test_zones_and_rules_are_checked_when_they_are_given(tmp_path: Path) -> None:
    path = document(tmp_path, rules="[unexpected_opn]", zones="[moon]")
    faults = faults_in(
        lambda each: load_waivers(each, vantages=VANTAGES, rules=["unexpected_open"]), path
    )
    assert ["unknown rule 'unexpected_opn'" in faults[0], "unknown zone 'moon'" in faults[1]] == [
        True,
        True,
    ]


def test_an_organisation_may_have_no_waivers(tmp_path: Path) -> None:
    path = written(tmp_path, "waivers: []\n")
    read = load_waivers(path)
    assert read == Waivers(waivers=(), digest=read.digest)
    assert len(read.digest) == 64
