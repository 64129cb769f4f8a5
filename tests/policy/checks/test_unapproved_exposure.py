"""Open ports that nothing grants, and open ports that something does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

import factories as make
from policy.judging import judge, judged, only
from portproof.model.finding import Verdict
from portproof.model.observation import Identification, PortState, Service

RULE = "unapproved-exposure"
YESTERDAY = make.TODAY - timedelta(days=1)
OFFICE = replace(make.VANTAGE, id="desk", zone="office")


def test_the_sentence_says_what_was_seen_from_where_and_when() -> None:
    found = only(RULE, make.open_host(p6379=Service("redis")))
    assert found.because.startswith(
        "TCP 6379 on 10.0.0.5 accepted a connection from ext-1 at 2026-11-21T12:00:00Z (1 attempt); "
        "it identified itself as redis (protocol answer); no approval in force grants it"
    )
    assert found.title == "Unapproved exposure: redis on port 6379/tcp"
    assert (found.service, found.identified_by) == ("redis", "protocol answer")
    assert found.evidence == ("e" * 64,)


def test_a_banner_never_reaches_the_sentence() -> None:
    loud = Service("ssh", "<script>alert(1)</script>")
    found = only(RULE, make.open_host(p22=loud))
    assert "script" not in found.because + found.title + found.action


def test_an_approval_grants_through_its_last_day_and_not_the_day_after() -> None:
    entry = make.entry(approval=make.approval(review_by=make.TODAY))
    host = make.open_host(p22=None)
    assert only(RULE, host, entry).verdict is Verdict.CONFORMS
    tomorrow = make.NOON + timedelta(days=1)
    assert only(RULE, host, entry, at=tomorrow).verdict is Verdict.DEVIATES


def test_an_expired_approval_counts_as_never_approved_and_the_title_says_so() -> None:
    entry = make.entry(approval=make.approval(review_by=YESTERDAY))
    found = only(RULE, make.open_host(p22=None), entry)
    assert found.verdict is Verdict.DEVIATES
    assert found.title.startswith("Exposure whose approval does not hold")
    assert found.entry_id == "web"
    assert found.location == entry.location


def test_an_exposure_without_any_entry_points_to_the_baseline() -> None:
    found = only(RULE, make.open_host(p22=None))
    assert (found.location and found.location.file, found.entry_id) == ("baseline.yaml", "")


def test_an_asset_gives_its_name_and_owner() -> None:
    shop = make.asset("shop-1", "10.0.0.0/24", owner="Shop team")
    found = only(RULE, make.open_host(p22=None), baseline=make.baseline(assets=(shop,)))
    assert (found.subject.asset, found.owner) == ("shop-1", "Shop team")
    assert found.subject.address == "10.0.0.5"


def test_a_host_without_an_asset_goes_by_the_name_it_was_listed_by() -> None:
    host = make.planned_host(name="www.example.com", tcp="22")
    found = only(RULE, make.host_outcome(host, states={make.PortState.OPEN: "22"}))
    assert found.subject.asset == "www.example.com"


@pytest.mark.parametrize(
    ("service", "port", "facts"),
    [
        (Service("redis"), 6379, {"unexpected_open", "datastore_exposed"}),
        (Service("ssh"), 22, {"unexpected_open", "admin_exposed"}),
        (Service("telnet"), 23, {"unexpected_open", "admin_exposed", "insecure_service"}),
        (Service("ftp"), 21, {"unexpected_open", "insecure_service"}),
        (Service("http"), 80, {"unexpected_open"}),
        (None, 9999, {"unexpected_open", "unknown_service"}),
        (
            Service("ssh", identified_by=Identification.PORT_NUMBER),
            9999,
            {"unexpected_open", "unknown_service"},
        ),
        (
            Service("redis", attributes={"auth": "none"}),
            6379,
            {"unexpected_open", "datastore_exposed", "insecure_service"},
        ),
    ],
)
def test_an_exposure_asserts_what_it_is(
    service: Service | None, port: int, facts: set[str]
) -> None:
    found = only(RULE, make.open_host(**{f"p{port}": service}))
    assert set(found.facts) == facts


def test_a_port_that_was_not_asked_is_not_said_to_be_unknown() -> None:
    host = make.open_host(p9999=None)
    unasked = replace(host, observations=tuple(replace(e, asked=False) for e in host.observations))
    found = only(RULE, unasked)
    assert found.facts == ("unexpected_open",)
    assert "it was not asked what it is" in found.because


def test_nothing_is_exposed_to_the_outside_when_seen_from_a_trusted_zone() -> None:
    run = make.run(make.open_host(p6379=Service("redis")), plan={"vantage": OFFICE})
    (found,) = judge(run).deviations
    assert set(found.facts) == {"unexpected_open"}


def test_an_approval_does_not_make_a_fact_untrue() -> None:
    found = only(RULE, make.open_host(p6379=Service("redis")), make.entry(port_text="6379"))
    assert found.verdict is Verdict.CONFORMS
    assert found.facts == ("datastore_exposed",)


def test_an_approved_port_is_classed_by_what_answers_or_was_approved_never_by_its_number() -> None:
    silent = make.open_host(p6379=None)
    unnamed = only(RULE, silent, make.entry(port_text="6379"))
    named = only(RULE, silent, make.entry(port_text="6379", service="redis"))
    assert unnamed.facts == ("unknown_service",)
    assert named.facts == ("unknown_service", "datastore_exposed")


def test_one_unapproved_port_among_many_approved_is_found() -> None:
    host = make.open_host(p22=None, p80=None, p443=None, p8080=None)
    verdicts = {
        each.subject.port: each.verdict
        for each in judged(RULE, host, make.entry(port_text="22,80,443"))
    }
    assert verdicts == {
        22: Verdict.CONFORMS,
        80: Verdict.CONFORMS,
        443: Verdict.CONFORMS,
        8080: Verdict.DEVIATES,
    }


def test_what_is_approved_for_one_name_of_an_address_is_approved_for_the_address() -> None:
    host = replace(make.planned_host(name="a.example.com"), also_named=("b.example.com",))
    outcome = make.host_outcome(host, states={PortState.OPEN: "443"})
    approved = make.entry("", "443", names=("b.example.com",))
    assert only(RULE, outcome, approved).verdict is Verdict.CONFORMS
