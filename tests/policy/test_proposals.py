"""Which entries are proposed for what was seen open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import factories as make
from portproof.model.baseline import Baseline, BaselineEntry, Status, Tier
from portproof.model.endpoint import Transport
from portproof.model.inventory import AddressSpan, KnownTarget
from portproof.model.observation import PortState, Service
from portproof.model.scan import HostOutcome, RunRecord
from portproof.model.source import SourcedTarget
from portproof.policy.proposals import Ground, Proposal, propose
from portproof.policy.seen_open import seen_in_run

HTTPS, SSH = Service("http", tls=make.tls()), Service("ssh")


def proposed(
    run: RunRecord, baseline: Baseline | None = None, *inventory: KnownTarget
) -> tuple[Proposal, ...]:
    held = baseline or make.baseline()
    ground = Ground(baseline=held, vantages=make.VANTAGES, zone="internet", inventory=inventory)
    return propose(seen_in_run(run, held, make.TODAY).seen, ground)


def named(address: str, name: str, *ports: int) -> HostOutcome:
    host = make.planned_host(address, name=name)
    services = dict.fromkeys(ports, HTTPS)
    return make.host_outcome(
        host, states={PortState.OPEN: ",".join(map(str, ports))}, services=services
    )


def sourced(address: str, owner: str, source: str = "cmdb") -> KnownTarget:
    target = SourcedTarget(
        id=address,
        kind="host",
        addresses=(ip_address(address),),
        owner=owner,
        tier=Tier.ONE,
        seen_at=make.NOON,
    )
    return KnownTarget(
        source=source,
        target=target,
        first_listed=make.NOON,
        last_listed=make.NOON,
        spans=(AddressSpan(ip_address(address), make.NOON, make.NOON),),
    )


def test_hosts_with_the_same_service_on_the_same_ports_are_one_decision() -> None:
    hosts = [make.open_host(f"10.0.0.{each}", p22=SSH) for each in (5, 6, 7, 9)]
    (ssh,) = proposed(make.run(*hosts))
    assert (ssh.id, ssh.service, ssh.zone, ssh.seen_on) == ("ssh-hosts", "ssh", "internet", 4)
    assert ssh.hosts == ("10.0.0.5-7", "10.0.0.9")


def test_hosts_in_other_zones_with_other_owners_or_other_names_are_decisions_of_their_own() -> None:
    assets = (make.asset("shop", "10.0.0.6", owner="Shop team"),)
    run = make.run(
        make.open_host("10.0.0.5", p22=SSH),
        make.open_host("10.0.0.6", p22=SSH),
        make.open_host("10.66.0.7", p22=SSH),
        make.open_host("10.66.0.8", p22=SSH),
    )
    found = proposed(run, make.baseline(assets=assets))
    assert {each.id: (each.hosts, each.belongs.owner, each.towards) for each in found} == {
        "ssh-10.0.0.5": (("10.0.0.5",), "", ""),
        "ssh-10.0.0.6": (("10.0.0.6",), "Shop team", ""),
        "ssh-cde": (("10.66.0.7", "10.66.0.8"), "", "cde"),
    }


def test_names_that_differ_by_their_numbers_are_of_one_kind() -> None:
    run = make.run(
        named("10.0.0.5", "web-1.example.com", 443),
        named("10.0.0.6", "web-2.example.com", 443),
        named("10.0.0.7", "mail.example.com", 443),
    )
    mail, web = proposed(run)
    assert (web.id, web.hosts) == ("https-web", ("web-1.example.com", "web-2.example.com"))
    assert (mail.id, mail.hosts) == ("https-mail", ("mail.example.com",))


def test_a_name_is_proposed_only_for_what_all_its_addresses_show() -> None:
    run = make.run(
        named("10.0.0.5", "www.example.com", 443, 8443), named("10.0.0.6", "www.example.com", 443)
    )
    both, one = sorted(proposed(run), key=lambda each: each.seen_on, reverse=True)
    assert (both.hosts, both.seen_on, str(both.ports)) == (("www.example.com",), 2, "443")
    assert (one.hosts, str(one.ports)) == (("10.0.0.5",), "8443")


def test_ports_that_nobody_identified_are_never_one_entry_and_suggest_only() -> None:
    ssh, known, unknown = proposed(make.run(make.open_host(p22=SSH, p3306=None, p4711=None)))
    assert (known.id, known.service, known.suggested) == ("tcp-3306-10.0.0.5", "", "mysql")
    assert (unknown.id, unknown.suggested) == ("tcp-4711-10.0.0.5", "")
    assert (ssh.service, ssh.suggested, len(ssh.how)) == ("ssh", "", 1)


def test_all_ports_of_one_service_of_a_host_are_one_entry() -> None:
    (https,) = proposed(make.run(make.open_host(p443=HTTPS, p8443=HTTPS)))
    assert (https.service, str(https.ports)) == ("https", "443,8443")


def covering(**changes: object) -> BaselineEntry:
    return replace(make.entry(port_text="22"), **changes)  # type: ignore[arg-type]


def test_what_an_entry_covers_approved_lapsed_or_proposed_is_not_proposed_again() -> None:
    lapsed = make.approval(review_by=make.TODAY - timedelta(days=1))
    for entry in (
        covering(),
        covering(status=Status.PROPOSED),
        covering(approval=lapsed),
    ):
        assert proposed(make.run(make.open_host(p22=SSH)), make.baseline(entry)) == ()


def test_an_entry_by_the_id_of_a_target_covers_the_address_that_it_has() -> None:
    by_id = covering(networks=(), ids=(f"cmdb/{make.HOST}",))
    run = make.run(make.open_host(p22=SSH))
    assert proposed(run, make.baseline(by_id), sourced(make.HOST, "net-team")) == ()
    elsewhere = replace(sourced("10.9.9.9", "net-team"), target=sourced(make.HOST, "x").target)
    (ssh,) = proposed(run, make.baseline(by_id), elsewhere)
    assert ssh.hosts == (make.HOST,)


def test_an_entry_of_another_zone_or_transport_covers_nothing_here() -> None:
    for entry in (covering(zones=("office",)), covering(transport=Transport.UDP)):
        (ssh,) = proposed(make.run(make.open_host(p22=SSH)), make.baseline(entry))
        assert ssh.ports == make.ports("22")


def test_an_id_is_that_of_no_other_entry_and_the_same_each_time() -> None:
    entry = covering(id="ssh-10.0.0.5", networks=(make.network("10.9.9.9"),))
    run = make.run(make.open_host(p22=SSH))
    (first,), (again,) = (proposed(run, make.baseline(entry)) for _ in range(2))
    assert first == again
    assert first.id == "ssh-10.0.0.5-2"


def test_proposals_of_one_name_are_told_apart_by_their_port() -> None:
    shop = Service("http")
    hosts = [make.open_host(f"10.0.0.{each}", p80=shop) for each in (5, 9)]
    hosts += [make.open_host(f"10.0.0.{each}", p8080=shop) for each in (15, 19)]
    assert [each.id for each in proposed(make.run(*hosts))] == ["http-hosts-80", "http-hosts-8080"]


def test_an_owner_is_known_by_the_asset_then_by_sources_that_agree() -> None:
    run = make.run(make.open_host(p22=SSH))
    (by_source,) = proposed(run, None, sourced(make.HOST, "net-team"))
    assert (by_source.belongs.owner, by_source.belongs.tier) == ("net-team", Tier.ONE)
    assert by_source.belongs.known_by == "source cmdb"
    owned = make.baseline(assets=(make.asset("db", owner="db-team"),))
    (by_asset,) = proposed(run, owned, sourced(make.HOST, "net-team"))
    assert (by_asset.belongs.owner, by_asset.belongs.known_by) == ("db-team", "asset db")
    torn = (sourced(make.HOST, "net-team"), sourced(make.HOST, "web-team", "cloud"))
    (nobody,) = proposed(run, None, *torn)
    assert nobody.belongs.owner == ""
    gone = replace(torn[0], retired_at=make.NOON)
    (unowned,) = proposed(run, None, gone)
    assert unowned.belongs.owner == ""


def test_an_ipv6_host_has_a_readable_id() -> None:
    (ssh,) = proposed(make.run(make.open_host("2001:db8::5", p22=SSH)))
    assert (ssh.id, ssh.hosts) == ("ssh-2001-db8-5", ("2001:db8::5",))
