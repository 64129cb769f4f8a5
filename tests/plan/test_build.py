"""What may be probed, and what is refused before a packet leaves (law 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, VANTAGE, endpoint, host_outcome, planned_host
from portproof.errors import AuthorisationError, BudgetError
from portproof.model.authorisation import Authorisation, Exclusion, PermittedName
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports
from portproof.model.scan import Control, ControlKind, Rates, Resolution, coverage_of
from portproof.model.targetspec import parse_target
from portproof.plan.build import (
    PlanRequest,
    RunIdentity,
    admit,
    complete,
    lay_out,
    names_to_resolve,
)


def authorisation(*networks: str, **changes: Any) -> Authorisation:
    held = Authorisation(
        id="AUTH-1",
        owner="network team",
        contact="security team",
        networks=tuple(map(ip_network, networks or ("10.0.0.0/24", "2001:db8::/64"))),
        exclusions=(),
        names=(),
        valid_from=NOON - timedelta(days=1),
        valid_until=NOON + timedelta(days=1),
        rates=Rates(),
        max_probes=1_000_000,
        controls=(),
        allow_fragile=PortSet.empty(),
        digest="a" * 64,
    )
    return replace(held, **changes)


def request(*targets: str, ports: str = "22,80", exclude: tuple[str, ...] = ()) -> PlanRequest:
    return PlanRequest(
        scope="shop",
        targets=tuple(map(parse_target, targets)),
        ports=parse_ports(ports),
        exclude=tuple(map(parse_target, exclude)),
        vantage=VANTAGE,
    )


def resolved(name: str, *addresses: str) -> Resolution:
    return Resolution(name=name, addresses=tuple(map(ip_address, addresses)), at=NOON)


def lay(asked: PlanRequest, held: Authorisation | None = None, *resolutions: Resolution) -> Any:
    return lay_out(asked, authorisation=held or authorisation(), resolutions=resolutions, at=NOON)


def refusal(asked: PlanRequest, held: Authorisation | None, *resolutions: Resolution) -> str:
    with pytest.raises(AuthorisationError) as caught:
        lay_out(asked, authorisation=held, resolutions=resolutions, at=NOON)
    assert "\n" not in str(caught.value)
    return caught.value.code


def test_without_an_authorisation_nothing_is_planned() -> None:
    assert refusal(request("10.0.0.5"), None) == "missing"


def test_an_authorisation_holds_from_its_first_instant_to_just_before_its_last() -> None:
    begins_now = authorisation(valid_from=NOON, valid_until=NOON + timedelta(microseconds=1))
    assert lay(request("10.0.0.5"), begins_now).hosts
    assert refusal(request("10.0.0.5"), authorisation(valid_until=NOON)) == "expired"
    later = authorisation(valid_from=NOON + timedelta(microseconds=1))
    assert refusal(request("10.0.0.5"), later) == "not-yet-valid"


@pytest.mark.parametrize(
    "target",
    ["10.0.1.5", "10.0.0.0/23", "10.0.0-1.7", "192.0.2.1", "2001:db8:1::1", "0.0.0.0", "::"],
)
def test_a_target_outside_the_networks_is_refused(target: str) -> None:
    assert refusal(request("10.0.0.5", target), authorisation()) == "outside"


@pytest.mark.parametrize("target", ["0.0.0.0", "224.0.0.1", "ff02::1", "::"])
def test_what_is_no_hosts_address_is_refused_even_where_everything_is_authorised(
    target: str,
) -> None:
    assert refusal(request(target), authorisation("0.0.0.0/0", "::/0")) == "outside"


def test_a_target_across_two_neighbouring_authorised_networks_is_inside() -> None:
    held = authorisation("10.0.0.0/24", "10.0.1.0/24")
    assert len(lay(request("10.0.0.0/23", ports="22"), held).hosts) == 512


def test_excluded_addresses_are_left_alone_and_named() -> None:
    printers = Exclusion(network=ip_network("10.0.0.4/31"), reason="infusion pumps")
    layout = lay(request("10.0.0.0/29"), authorisation(exclusions=(printers,)))
    assert ip_address("10.0.0.4") not in layout.addresses
    assert ip_address("10.0.0.5") not in layout.addresses
    assert len(layout.hosts) == 6
    assert layout.excluded == (ip_network("10.0.0.4/31"),)


def test_a_target_that_is_excluded_altogether_is_refused() -> None:
    printers = Exclusion(network=ip_network("10.0.0.4/31"), reason="infusion pumps")
    assert refusal(request("10.0.0.5"), authorisation(exclusions=(printers,))) == "excluded"


def test_what_a_person_excludes_is_left_alone_too() -> None:
    layout = lay(request("10.0.0.0/30", exclude=("10.0.0.1", "10.0.0.2-3")))
    assert [str(each) for each in layout.addresses] == ["10.0.0.0"]


def test_excluding_everything_is_refused_rather_than_an_empty_and_so_clean_run() -> None:
    assert refusal(request("10.0.0.5", exclude=("10.0.0.0/24",)), authorisation()) == "excluded"


def test_more_addresses_than_one_run_keeps_are_refused_before_they_are_listed() -> None:
    held = authorisation("10.0.0.0/8", max_probes=10**12)
    with pytest.raises(BudgetError, match=r"16,777,216 addresses.*1,048,576 at most.*/12s"):
        lay_out(request("10.0.0.0/8"), authorisation=held, resolutions=(), at=NOON)
    assert admit(request("10.0.0.0/8"), held, NOON) == held  # what --dry-run asks


def test_a_plan_beyond_the_budget_is_refused_before_addresses_are_listed() -> None:
    everything = authorisation("10.0.0.0/8")
    with pytest.raises(BudgetError, match=r"1,099,494,850,560 endpoints.*allows 1,000,000"):
        lay(request("10.0.0.0/8", ports="-"), everything)


def test_an_address_listed_twice_is_probed_once_over_the_union_of_ports() -> None:
    layout = lay(request("10.0.0.5:443", "10.0.0.5", ports="22,U:53"))
    (host,) = layout.hosts
    assert (str(host.tcp), str(host.udp), host.target) == ("22,443", "53", "10.0.0.5:443")


def test_a_name_is_resolved_once_and_its_addresses_carry_it() -> None:
    asked = request("db.example.com:5432", "db.example.com:5433")
    assert names_to_resolve(asked) == ("db.example.com",)
    layout = lay(asked, None, resolved("db.example.com", "10.0.0.7", "2001:db8::7"))
    assert [(str(each.address), each.name) for each in layout.hosts] == [
        ("10.0.0.7", "db.example.com"),
        ("2001:db8::7", "db.example.com"),
    ]


def test_a_name_that_does_not_resolve_is_kept_and_the_rest_goes_on() -> None:
    gone = replace(resolved("gone.example.com"), detail="no such name")
    layout = lay(request("gone.example.com", "10.0.0.5"), None, gone)
    assert [str(each) for each in layout.addresses] == ["10.0.0.5"]
    assert layout.resolutions == (replace(gone, tcp=PortSet.of(22, 80)),)


def test_a_name_that_leads_outside_the_networks_is_refused() -> None:
    led_away = resolved("www.example.com", "10.0.0.7", "198.51.100.9")
    assert refusal(request("www.example.com"), authorisation(), led_away) == "outside"


CDN = PermittedName(
    name="www.example.com", networks=(ip_network("198.51.100.0/24"),), provider="a CDN"
)


def test_a_providers_address_is_in_scope_behind_the_name_that_the_authorisation_names() -> None:
    answer = resolved("www.example.com", "198.51.100.9", "203.0.113.4")
    layout = lay(request("www.example.com"), authorisation(names=(CDN,)), answer)
    assert [str(each) for each in layout.addresses] == ["198.51.100.9"]
    assert layout.resolutions[0].outside == (ip_address("203.0.113.4"),)


def test_the_providers_address_alone_is_not_in_scope() -> None:
    assert refusal(request("198.51.100.9"), authorisation(names=(CDN,))) == "outside"


def test_a_named_name_outside_all_its_permitted_ranges_is_refused() -> None:
    moved = resolved("www.example.com", "203.0.113.4")
    held = authorisation(names=(CDN,))
    assert refusal(request("www.example.com"), held, moved) == "name-not-permitted"


def plan(held: Authorisation, *targets: str) -> Any:
    asked = request(*targets)
    identity = RunIdentity(run_id="20261121T120000Z-abcdef", seed=7)
    layout = lay(asked, held)
    return complete(layout, asked, identity=identity, authorisation=held, own_controls=())


def test_fragile_ports_are_connected_to_and_left_alone_unless_allowed() -> None:
    allowed = authorisation(allow_fragile=PortSet.of(9100))
    assert 9100 in plan(authorisation(), "10.0.0.5").silent_ports
    assert 9100 not in plan(allowed, "10.0.0.5").silent_ports
    assert 502 in plan(allowed, "10.0.0.5").silent_ports


def test_only_controls_that_speak_for_a_planned_address_are_asked() -> None:
    def canary(name: str, network: str) -> Control:
        place = endpoint("192.0.2.1:443/tcp")
        networks = (ip_network(network),)
        return Control(id=name, kind=ControlKind.POSITIVE, endpoint=place, networks=networks)

    held = authorisation(controls=(canary("near", "10.0.0.0/24"), canary("far", "172.16.0.0/12")))
    assert [each.id for each in plan(held, "10.0.0.5").controls] == ["near"]


def test_the_plan_counts_its_endpoints_by_transport() -> None:
    held = authorisation()
    asked = request("10.0.0.0/30", ports="22,80,U:53")
    identity = RunIdentity(run_id="r", seed=7)
    done = complete(lay(asked, held), asked, identity=identity, authorisation=held, own_controls=())
    assert (done.probes(Transport.TCP), done.probes(Transport.UDP)) == (8, 4)


@given(
    st.lists(st.integers(0, 255), min_size=1, max_size=20),
    st.lists(st.integers(0, 255), max_size=5),
)
def test_no_planned_address_lies_outside_the_authorisation(
    listed: list[int], left_out: list[int]
) -> None:
    exclusions = tuple(
        Exclusion(network=ip_network(f"10.0.0.{each}"), reason="no") for each in left_out
    )
    held = authorisation("10.0.0.0/25", exclusions=exclusions)
    try:
        layout = lay(request(*(f"10.0.0.{each}" for each in listed)), held)
    except AuthorisationError:
        return
    assert all(held.permits(each) for each in layout.addresses)


def test_a_name_that_does_not_resolve_counts_as_unmeasured_with_the_ports_asked_of_it() -> None:
    held = authorisation()
    asked = request("gone.example.com:5432", "10.0.0.5", ports="22")
    layout = lay(asked, held, resolved("gone.example.com"))
    identity = RunIdentity(run_id="r", seed=7)
    done = complete(layout, asked, identity=identity, authorisation=held, own_controls=())
    (coverage,) = coverage_of(done, [host_outcome(planned_host("10.0.0.5", tcp="22"))])
    assert (coverage.planned, coverage.measured, coverage.missing) == (2, 1, 0)
    assert coverage.unmeasured == {LocalFault.UNRESOLVED: 1}


@pytest.mark.parametrize(
    ("networks", "target"),
    [
        (("127.0.0.1", "127.0.0.2/31", "127.0.0.4/30", "127.0.0.8/31"), "127.0.0.1-9"),
        (("10.0.1.0/24", "10.0.2.0/24"), "10.0.1-2.5"),
        (("10.1.0.0/28", "10.2.0.0/28"), "10.1-2.0.1-9"),
        (("10.0.0.0/8",), "10.*.*.*"),
    ],
)
def test_a_range_is_inside_when_every_stretch_of_it_is(
    networks: tuple[str, ...], target: str
) -> None:
    held = authorisation(*networks, max_probes=2**40)
    assert admit(request(target, ports="22"), held, NOON) is held


@pytest.mark.parametrize(
    ("networks", "target"),
    [
        (("10.1.0.0/28", "10.3.0.0/28"), "10.1-3.0.1-9"),
        (("127.0.0.1", "127.0.0.3"), "127.0.0.1-3"),
        (("10.0.0.0/9",), "10.*.*.*"),
    ],
)
def test_a_range_with_one_stretch_outside_is_refused(
    networks: tuple[str, ...], target: str
) -> None:
    assert (
        refusal(request(target, ports="22"), authorisation(*networks, max_probes=2**40))
        == "outside"
    )


def test_an_excluded_name_is_left_alone_by_its_addresses() -> None:
    asked = request("10.0.0.4/30", exclude=("db.example.com",))
    assert names_to_resolve(asked) == ("db.example.com",)
    layout = lay(asked, None, resolved("db.example.com", "10.0.0.5"))
    assert ip_address("10.0.0.5") not in layout.addresses
    assert layout.resolutions == ()


def test_an_excluded_name_that_does_not_resolve_stops_the_plan() -> None:
    asked = request("10.0.0.4/30", exclude=("gone.example.com",))
    assert refusal(asked, authorisation(), resolved("gone.example.com")) == "excluded"


def test_a_name_with_more_addresses_than_the_budget_allows_is_refused() -> None:
    many = resolved("www.example.com", *(f"10.0.0.{each}" for each in range(1, 9)))
    asked = request("www.example.com", ports="1-100")
    assert refusal(asked, authorisation(max_probes=150), many) == "budget"


def test_a_name_that_leads_to_no_hosts_address_is_refused() -> None:
    held = authorisation("0.0.0.0/0")
    nowhere = resolved("www.example.com", "0.0.0.0")
    assert refusal(request("www.example.com"), held, nowhere) == "outside"


def test_an_address_with_two_names_is_probed_once_and_keeps_both() -> None:
    layout = lay(
        request("a.example.com:80", "b.example.com:443"),
        None,
        resolved("a.example.com", "10.0.0.5"),
        resolved("b.example.com", "10.0.0.5"),
    )
    (host,) = layout.hosts
    assert (host.name, host.also_named, str(host.tcp)) == (
        "a.example.com",
        ("b.example.com",),
        "80,443",
    )


def test_excluded_ports_are_asked_of_no_target_not_even_where_it_names_them() -> None:
    asked = replace(request("10.0.0.5:22,443", "10.0.0.6"), exclude_ports=parse_ports("22"))
    assert [str(each.tcp) for each in lay(asked).hosts] == ["443", "80"]


def test_the_plan_names_the_engine_and_the_lowest_rates() -> None:
    limits = Rates(global_pps=50)
    asked = replace(request("10.0.0.5"), engine="syn", limits=limits)
    identity = RunIdentity(run_id="r", seed=7)
    held = authorisation(rates=Rates(global_pps=900, per_host_pps=30))
    done = complete(lay(asked), asked, identity=identity, authorisation=held, own_controls=())
    assert (done.engine, done.rates.global_pps, done.rates.per_host_pps) == ("syn", 50, 30)
