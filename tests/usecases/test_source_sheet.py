"""The source sheet says what the probes say themselves, and the rates that hold."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest

from portproof.model.authorisation import Authorisation
from portproof.model.ports import PortSet
from portproof.model.probe import Probe
from portproof.model.rates import Rates
from portproof.model.vantage import Trust, Vantage, Vantages, Zone
from portproof.probes import PROBES
from portproof.usecases.source_sheet import Here, SourcePorts, as_text, mark_of, source_sheet

HERE = Here(
    vantage="local",
    addresses=(ip_address("192.0.2.7"),),
    ports=(SourcePorts(engine="connect", first=32_768, last=60_999),),
)
ELSEWHERE = Vantage(
    id="probe-1",
    zone="internet",
    public_addresses=(ip_address("192.0.2.250"),),
    rates=Rates(global_pps=100, max_flows=50),
)
VANTAGES = Vantages(
    zones=(Zone(name="internet", trust=Trust.UNTRUSTED),),
    vantages=(Vantage(id="local", zone="internet"), ELSEWHERE),
    digest="",
)
HELD = Authorisation(
    id="auth-1",
    owner="network team",
    contact="security team",
    networks=(ip_network("192.0.2.0/24"),),
    exclusions=(),
    names=(),
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_until=datetime(2027, 1, 1, tzinfo=UTC),
    rates=Rates(global_pps=2_000, max_flows=500),
    max_probes=1,
    controls=(),
    allow_fragile=PortSet.empty(),
    digest="d",
)


def test_each_vantage_has_its_addresses_and_the_stricter_rates() -> None:
    here, elsewhere = source_sheet(VANTAGES, HELD, HERE, PROBES).vantages
    assert here.addresses == (ip_address("192.0.2.7"),)
    assert here.ports == HERE.ports
    assert here.rates == HELD.rates
    assert elsewhere.addresses == (ip_address("192.0.2.250"),)
    assert elsewhere.ports == ()
    assert elsewhere.rates is not None
    assert (elsewhere.rates.global_pps, elsewhere.rates.max_flows) == (100, 50)


def test_it_says_from_when_to_when_and_whom_to_call() -> None:
    sheet = source_sheet(VANTAGES, HELD, HERE, PROBES)
    assert sheet.window == (HELD.valid_from, HELD.valid_until)
    assert (sheet.contact, sheet.authorisation) == ("security team", "auth-1")


def test_without_an_authorisation_nothing_is_allowed() -> None:
    sheet = source_sheet(VANTAGES, None, HERE, PROBES)
    assert sheet.window is None
    assert {each.rates for each in sheet.vantages} == {None}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.name}-{probe.transport}")
def test_every_probe_of_the_registry_has_its_mark(probe: Probe) -> None:
    mark = mark_of(probe)
    assert mark.probe == f"{probe.name}/{probe.transport}"
    assert mark.ports == tuple(probe.default_ports)
    # Over UDP somebody has to speak first, and a server that greets is listened to.
    assert mark.says or probe.speaks_first


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ("http/tcp", "User-Agent: portproof"),
        ("smtp/tcp", "EHLO portproof.invalid"),
        ("dns/udp", "version\\x04bind"),
        ("tls/tcp", "TLS ClientHello"),
    ],
)
def test_what_an_ids_can_look_for_is_what_the_probe_says(probe: str, said: str) -> None:
    marks = {each.probe: each for each in map(mark_of, PROBES)}
    assert any(said in text for text in marks[probe].says)


def test_a_long_message_is_cut_and_its_length_told() -> None:
    assert as_text(b"x" * 500) == "x" * 160 + "… (500 bytes)"
