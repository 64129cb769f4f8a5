from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

from documents.writing import written
from portproof.documents import load_vantages
from portproof.model.rates import Rates
from portproof.model.vantage import Trust, Vantage, Zone


def test_zones_and_vantages_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        zones:
          - {name: internet, trust: untrusted}
          - {name: cde, trust: trusted, protected: true, networks: 192.0.2.0/24, description: cards}
        vantages:
          - id: probe-1
            zone: internet
            operator: network team
            location: elsewhere
            public_addresses: [198.51.100.1, "2001:db8::1"]
        """,
    )
    read = load_vantages(path)
    assert read.zones == (
        Zone(name="internet", trust=Trust.UNTRUSTED),
        Zone(
            name="cde",
            trust=Trust.TRUSTED,
            networks=(ip_network("192.0.2.0/24"),),
            protected=True,
            description="cards",
        ),
    )
    assert read.vantages == (
        Vantage(
            id="probe-1",
            zone="internet",
            operator="network team",
            location="elsewhere",
            public_addresses=(ip_address("198.51.100.1"), ip_address("2001:db8::1")),
        ),
    )


def test_a_vantage_limits_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        zones: [{name: internet, trust: untrusted}]
        vantages: [{id: probe-1, zone: internet, rates: {global_pps: 500, per_subnet_pps: 50}}]
        """,
    )
    own = load_vantages(path).vantages[0].rates
    assert own is not None
    assert Rates(max_flows=100).stricter(own) == Rates(
        global_pps=500, per_subnet_pps=50, max_flows=100
    )


def test_a_network_inside_that_of_another_zone_is_a_zone_of_its_own(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """\
        zones:
          - {name: office, trust: trusted, networks: 192.0.2.0/24}
          - {name: cde, trust: trusted, networks: 192.0.2.128/25}
        vantages: [{id: local, zone: office}]
        """,
    )
    read = load_vantages(path)
    assert read.zone_of(ip_address("192.0.2.200")) == read.zone("cde")
