from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from documents.writing import faults_in, written
from portproof.documents import load_authorisation
from portproof.model.authorisation import Authorisation, Exclusion, PermittedName
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.ports import PortSet
from portproof.model.scan import Control, ControlKind, Rates

LEAST = {
    "id": "auth-1",
    "owner": "head of infrastructure",
    "contact": "network team",
    "networks": "192.0.2.0/24",
    "valid_from": "2026-11-02",
    "valid_until": "2026-11-30",
}


def document(folder: Path, **keys: str) -> Path:
    return written(folder, "".join(f"{key}: {value}\n" for key, value in (LEAST | keys).items()))


def authorisation(folder: Path, **keys: str) -> Authorisation:
    return load_authorisation(document(folder, **keys))


def test_the_least_authorisation_has_careful_defaults(tmp_path: Path) -> None:
    read = authorisation(tmp_path)
    assert read.networks == (ip_network("192.0.2.0/24"),)
    assert (read.exclusions, read.names, read.controls) == ((), (), ())
    assert (read.rates, read.max_probes) == (Rates(max_flows=16_384), 50_000_000)
    assert read.allow_fragile == PortSet.empty()


def test_bare_dates_are_whole_days_in_utc(tmp_path: Path) -> None:
    read = authorisation(tmp_path)
    assert read.valid_from == datetime(2026, 11, 2, tzinfo=UTC)
    assert read.valid_until == datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-30T18:00:00Z", 18),
        ("2026-11-30 18:00:00z", 18),
        ("2026-11-30T18:00:00.5+01:00", 17),
        ("2026-11-30T18:00:00-02:00", 20),
    ],
)
def test_times_are_read_with_their_zone(tmp_path: Path, text: str, hour: int) -> None:
    until = authorisation(tmp_path, valid_until=text).valid_until
    assert (until.tzinfo, until.day, until.hour) == (UTC, 30, hour)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30T18:00:00",
        "2026-11-30T18:00Z",
        "30.11.2026",
        "2026-11-31",
        "2026-11-30T24:00:00Z",
        "20261130",
    ],
)
def test_times_that_are_not_exact_are_faults(tmp_path: Path, text: str) -> None:
    faults = faults_in(load_authorisation, document(tmp_path, valid_until=text))
    assert [fault.startswith("6:") for fault in faults] == [True]


def test_one_day_is_valid_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    read = authorisation(tmp_path, valid_from="2026-11-02", valid_until="2026-11-02")
    assert (read.valid_until - read.valid_from).days == 1


def test_exclusions_names_and_controls_are_kept(tmp_path: Path) -> None:
    read = authorisation(
        tmp_path,
        exclusions="[{network: 192.0.2.66, reason: stops when connected to}]",
        names="[{name: Shop.Example.com, provider: Example CDN, networks: 198.51.100.0/24}]",
        controls='[{id: canary, kind: positive, endpoint: "[2001:db8::1]:443", networks: "2001:db8::/64"}]',
        rates="{global_pps: 100}",
        allow_fragile="[9100, 47808/udp]",
    )
    assert read.exclusions == (
        Exclusion(network=ip_network("192.0.2.66"), reason="stops when connected to"),
    )
    assert read.names == (
        PermittedName(
            name="shop.example.com",
            networks=(ip_network("198.51.100.0/24"),),
            provider="Example CDN",
        ),
    )
    assert read.controls == (
        Control(
            id="canary",
            kind=ControlKind.POSITIVE,
            endpoint=Endpoint(ip_address("2001:db8::1"), Transport.TCP, 443),
            networks=(ip_network("2001:db8::/64"),),
        ),
    )
    assert read.rates == Rates(global_pps=100, max_flows=16_384)
    assert read.allow_fragile == PortSet.of(9100, 47808)
    assert not read.permits(ip_address("192.0.2.66"))


def test_an_octet_range_may_be_excluded(tmp_path: Path) -> None:
    read = authorisation(tmp_path, exclusions="[{network: 192.0.2.1-3, reason: printers}]")
    assert [str(each.network) for each in read.exclusions] == ["192.0.2.1/32", "192.0.2.2/31"]


def test_what_is_missing_hides_no_other_fault(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        id: auth-1
        networks: 192.0.2.0/24
        names: [{name: 192.0.2.9, networks: 192.0.2.0/28}]
        allow_fragile: 443
        """,
    )
    assert [fault.partition(" ")[0] for fault in faults_in(load_authorisation, path)] == [
        *["1:1"] * 4,
        "3:16",
        "4:16",
    ]
