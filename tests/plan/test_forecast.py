"""What `--dry-run` says is what a scan would send, and it is said at once whatever the size."""

from __future__ import annotations

import re
import time
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, VANTAGE, endpoint
from portproof.errors import AuthorisationError, BudgetError, SettingsError
from portproof.model.authorisation import Authorisation, Exclusion
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports
from portproof.model.rates import Rates
from portproof.model.scan import Control, ControlKind, Resolution, Timing
from portproof.model.targetspec import parse_target
from portproof.plan.build import PlanRequest, lay_out
from portproof.plan.forecast import Forecast, forecast


def authorisation(*networks: str, **changes: Any) -> Authorisation:
    held = Authorisation(
        id="AUTH-1",
        owner="network team",
        contact="security team",
        networks=tuple(map(ip_network, networks or ("10.0.0.0/8", "2001:db8::/32"))),
        exclusions=(),
        names=(),
        valid_from=NOON - timedelta(days=1),
        valid_until=NOON + timedelta(days=1),
        rates=Rates(),
        max_probes=1 << 50,
        controls=(),
        allow_fragile=PortSet.empty(),
        digest="a" * 64,
    )
    return replace(held, **changes)


def request(*targets: str, ports: str = "22,80", **changes: Any) -> PlanRequest:
    asked = PlanRequest(
        scope="shop",
        targets=tuple(map(parse_target, targets)),
        ports=parse_ports(ports),
        vantage=VANTAGE,
    )
    return replace(asked, **changes)


def told(asked: PlanRequest, held: Authorisation | None = None, *names: Resolution) -> Forecast:
    return forecast(asked, authorisation=held or authorisation(), resolutions=names, at=NOON)


def excluding(*targets: str) -> dict[str, Any]:
    return {"exclude": tuple(map(parse_target, targets))}


def test_all_ports_of_a_slash_eight_are_told_without_listing_an_address() -> None:
    tracemalloc.start()
    began = time.process_time()
    whole = told(request("10.0.0.0/8", ports="-"))
    # The processor's time, not the wall's: a list of 16 million addresses takes a minute of it.
    spent_s = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert whole.addresses == 1 << 24
    assert whole.endpoints[Transport.TCP] == (1 << 24) * 65_535
    assert peak < 8 << 20
    assert spent_s < 5


def test_addresses_listed_twice_count_once_over_the_union_of_their_ports() -> None:
    whole = told(request("10.0.0.0/30", "10.0.0.1:22,443", "10.0.0.1-2"))
    assert whole.addresses == 4
    assert whole.endpoints[Transport.TCP] == 4 * 2 + 1


ADDRESSES = st.integers(0, 15).map(lambda n: f"10.0.0.{n}")
TARGETS = st.one_of(
    ADDRESSES,
    st.sampled_from(["10.0.0.0/29", "10.0.0.8/30", "10.0.0.2-9", "10.0.0.4:443", "10.0.0.0/30:80"]),
)


@given(st.lists(TARGETS, min_size=1, max_size=6), st.lists(ADDRESSES, max_size=4))
def test_it_counts_what_the_plan_lists(listed: list[str], left_out: list[str]) -> None:
    held = authorisation(
        exclusions=(Exclusion(network=ip_network("10.0.0.6/31"), reason="printers"),)
    )
    asked = request(*listed, ports="22,80,U:53", **excluding(*left_out))
    try:
        layout = lay_out(asked, authorisation=held, resolutions=(), at=NOON)
    except AuthorisationError as refusal:
        with pytest.raises(AuthorisationError, match=re.escape(str(refusal))):
            told(asked, held)
        return
    whole = told(asked, held)
    assert whole.addresses == len(layout.hosts)
    assert whole.endpoints[Transport.TCP] == sum(len(each.tcp) for each in layout.hosts)
    assert whole.endpoints[Transport.UDP] == sum(len(each.udp) for each in layout.hosts)


def test_exclusions_are_named_with_the_addresses_that_they_hold() -> None:
    held = authorisation(
        exclusions=(
            Exclusion(network=ip_network("10.0.0.0/26"), reason="pumps"),
            Exclusion(network=ip_network("10.9.0.0/16"), reason="elsewhere"),
        )
    )
    whole = told(request("10.0.0.0/24", **excluding("10.0.0.60-69")), held)
    assert [(each.text, each.addresses) for each in whole.left_out] == [
        ("10.0.0.0/26", 64),
        ("10.0.0.60-69", 6),
    ]
    assert whole.addresses == 256 - 70


def test_the_budget_that_is_left_is_told_and_more_is_refused() -> None:
    asked = request("10.0.0.0/24", ports="1-100")
    assert told(asked, authorisation(max_probes=26_000)).budget_left == 400
    with pytest.raises(BudgetError, match=r"25,600 endpoints.*allows 25,599"):
        told(asked, authorisation(max_probes=25_599))


def test_what_overlaps_is_refused_as_the_plan_refuses_it() -> None:
    asked = request("10.0.0.1", "10.0.0.1", ports="1-100")
    with pytest.raises(BudgetError):
        told(asked, authorisation(max_probes=150))


def test_probes_are_bounded_by_one_try_and_by_all_of_them() -> None:
    patient = Timing(max_retries=2, most_retries=9)
    probes = told(request("10.0.0.1", ports="1-100,U:53", timing=patient)).probes
    assert (probes.least, probes.silent, probes.most) == (101, 303, 1_003)


def test_udp_ports_without_a_probe_are_planned_and_not_asked() -> None:
    whole = told(request("10.0.0.1", ports="U:53,9999"))
    assert whole.endpoints[Transport.UDP] == 2
    assert (whole.not_asked, whole.probes.least) == (1, 1)


@pytest.mark.parametrize(
    ("target", "rates", "seconds", "limit"),
    [
        ("10.0.0.0/24", Rates(global_pps=100), 256.0, "100 probes/s in all"),
        ("10.0.0.1", Rates(per_host_pps=10), 10.0, "10 probes/s per host"),
        ("10.0.0.0/23", Rates(per_subnet_pps=10), 2560.0, "10 probes/s per subnet"),
        ("2001:db8::/120", Rates(per_subnet_pps=10), 2560.0, "10 probes/s per subnet"),
    ],
)
def test_the_limit_that_binds_is_named(
    target: str, rates: Rates, seconds: float, limit: str
) -> None:
    bound = told(request(target, ports="1-100"), authorisation(rates=rates)).answered
    assert (round(bound.seconds, 3), bound.limit) == (seconds, limit)


def test_silence_takes_the_time_outs_of_all_tries_through_the_connections_at_once() -> None:
    slow = Rates(max_connections=100)
    patient = Timing(timeout_ms=2_000, max_retries=1)
    asked = request("10.0.0.0/24", ports="1-100", timing=patient)
    bound = told(asked, authorisation(rates=slow)).silent
    assert (bound.seconds, bound.limit) == (25_600 * 2 * 2 / 100, "100 connections at once")


def test_limits_that_are_asked_for_never_raise_the_authorised_ones() -> None:
    held = authorisation(rates=Rates(global_pps=500))
    assert told(request("10.0.0.1", limits=Rates(global_pps=50)), held).rates.global_pps == 50
    assert told(request("10.0.0.1", limits=Rates(global_pps=9_000)), held).rates.global_pps == 500


def test_a_lowest_rate_beyond_the_authorisation_is_refused() -> None:
    held = authorisation(rates=Rates(global_pps=500))
    assert told(request("10.0.0.1", min_rate=500), held)
    with pytest.raises(AuthorisationError, match=r"refused \(rate\).*allow 500/s"):
        told(request("10.0.0.1", min_rate=501), held)
    with pytest.raises(AuthorisationError, match="allow 50/s"):
        told(request("10.0.0.1", min_rate=500, limits=Rates(global_pps=50)), held)


def test_a_target_without_a_port_left_is_refused() -> None:
    asked = request("10.0.0.1", "10.0.0.2:443", exclude_ports=parse_ports("443"))
    with pytest.raises(AuthorisationError, match=r"10\.0\.0\.2:443: every port"):
        told(asked)


def test_a_target_of_the_other_ip_version_is_refused_rather_than_left_out() -> None:
    with pytest.raises(SettingsError, match="2001:db8::1 is an IPv6 target, but -4"):
        told(request("10.0.0.1", "2001:db8::1", ip_version=4))


DOUBLE = Resolution(
    name="db.example.com", addresses=(ip_address("10.0.0.7"), ip_address("2001:db8::7")), at=NOON
)


def test_a_name_is_asked_by_its_addresses_of_the_wanted_version() -> None:
    asked = request("db.example.com", ip_version=6)
    assert told(request("db.example.com"), None, DOUBLE).addresses == 2
    assert told(asked, None, DOUBLE).addresses == 1
    layout = lay_out(asked, authorisation=authorisation(), resolutions=(DOUBLE,), at=NOON)
    assert [str(each) for each in layout.addresses] == ["2001:db8::7"]


def test_a_name_without_an_address_of_the_wanted_version_is_one_that_does_not_resolve() -> None:
    old = replace(DOUBLE, addresses=(ip_address("10.0.0.7"),))
    (resolution,) = told(request("db.example.com", ip_version=6), None, old).resolutions
    assert (resolution.addresses, resolution.detail) == ((), "it has no IPv6 address")


def test_only_controls_that_speak_for_a_target_are_counted() -> None:
    def canary(network: str) -> Control:
        place = endpoint("192.0.2.1:443/tcp")
        nets = (ip_network(network),)
        return Control(id=network, kind=ControlKind.POSITIVE, endpoint=place, networks=nets)

    held = authorisation(controls=(canary("10.0.0.0/24"), canary("10.9.0.0/16")))
    assert told(request("10.0.0.5"), held).controls == 1


def test_the_state_table_of_a_router_that_is_spared_has_its_own_bound() -> None:
    sparing = authorisation(rates=Rates(max_flows=1_000))
    asked = request("10.0.0.0/24", ports="1-100")
    bound = told(asked, sparing).routed
    assert bound is not None
    assert (round(bound.seconds), bound.limit) == (2977, "1,000 entries in its state table")
    assert told(asked, authorisation(rates=Rates(max_flows=None))).routed is None
    assert told(request("10.0.0.1", ports="1-100"), sparing).routed is None


def test_half_open_probes_wait_without_a_connection() -> None:
    asked = request("10.0.0.0/24", ports="1-100", engine="syn")
    bound = told(asked, authorisation(rates=Rates(max_connections=100))).silent
    assert bound.limit == "20,000 probes/s in all"
