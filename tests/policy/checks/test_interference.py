"""A host on which far too many ports answer is one finding, and proves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import factories as make
from policy.judging import judge, only
from portproof.model.finding import Severity, Verdict
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.scan import HostOutcome, RunStatus
from portproof.policy.crowds import MANY_OPEN

RULE = "scan-interference"
EVERYTHING = make.host_outcome(fill=PortState.OPEN, services={22: Service("ssh")})


def test_all_ports_open_is_one_finding_and_not_thousands() -> None:
    found = only(RULE, EVERYTHING)
    assert found.verdict is Verdict.DEVIATES
    assert set(found.facts) == {"scan_interference", "unexpected_open"}
    assert "65534 ports accepted a connection" in found.because
    assert len(found.because) < 500


def test_the_title_names_the_middlebox() -> None:
    assert "middlebox" in only(RULE, EVERYTHING).title


def test_the_same_answer_on_everything_is_no_identity() -> None:
    captive = make.host_outcome(
        make.planned_host(tcp="1-1000"),
        fill=PortState.OPEN,
        services={port: Service("http", "captive portal") for port in range(1, 1001)},
    )
    deviations = judge(make.run(captive)).deviations
    assert [each.rule for each in deviations] == [RULE]


def test_a_busy_host_whose_services_differ_is_judged_port_by_port() -> None:
    busy = make.host_outcome(
        make.planned_host(tcp="1-200"),
        fill=PortState.OPEN,
        services={port: Service("http", f"shop {port}") for port in range(1, 201)},
    )
    assert len(judge(make.run(busy)).deviations) == 200


def not_asked(outcome: HostOutcome) -> HostOutcome:
    return replace(
        outcome, observations=tuple(replace(each, asked=False) for each in outcome.observations)
    )


def test_ports_that_nobody_asked_are_no_interference() -> None:
    cut_short = make.run(not_asked(EVERYTHING), status=RunStatus.INTERRUPTED, status_reason="x")
    found = [each for each in judge(cut_short).judgements if each.rule == RULE]
    assert [each.facts for each in found] == [("unexpected_open",)]
    assert "not asked" in found[0].title
    assert "nterference" not in found[0].title + found[0].because


def test_a_few_ports_that_nobody_asked_are_exposures_like_any() -> None:
    few = make.host_outcome(states={PortState.OPEN: "10001-10100"})
    deviations = judge(make.run(not_asked(few))).deviations
    assert {each.rule for each in deviations} == {"unapproved-exposure"}


def network(hosts: int, tcp: str = "1-20", **changes: Any) -> list[HostOutcome]:
    given: dict[str, Any] = {"fill": PortState.OPEN, **changes}
    return [
        make.host_outcome(make.planned_host(f"10.0.9.{number}", tcp=tcp), **given)
        for number in range(1, hosts + 1)
    ]


def test_a_network_that_answers_like_one_is_one_finding() -> None:
    (found,) = judge(make.run(*network(254))).deviations
    assert found.rule == RULE
    assert found.subject.asset == "10.0.9.0/24"
    assert "middlebox" in found.title
    assert "254 addresses of 10.0.9.0/24" in found.title
    assert len(found.because) < 600


def test_hosts_that_are_crowded_each_are_one_finding_of_their_network() -> None:
    assert len(judge(make.run(*network(20, "-"))).deviations) == 1


def test_each_network_has_its_own_finding() -> None:
    other = [
        make.host_outcome(make.planned_host(f"10.0.8.{number}", tcp="1-20"), fill=PortState.OPEN)
        for number in range(1, 21)
    ]
    found = judge(make.run(*network(20), *other)).deviations
    assert {each.subject.asset for each in found} == {"10.0.9.0/24", "10.0.8.0/24"}


def test_a_network_in_which_hosts_differ_is_judged_host_by_host() -> None:
    closed = network(10, fill=PortState.CLOSED)
    differing = [*network(20)[10:], *closed]
    assert {each.rule for each in judge(make.run(*differing)).deviations} == {"unapproved-exposure"}


def test_a_farm_of_servers_that_say_what_they_are_is_no_middlebox() -> None:
    farm = network(60, "80,443", services={80: Service("http", "shop"), 443: Service("https")})
    assert {each.rule for each in judge(make.run(*farm)).deviations} == {"unapproved-exposure"}


def test_hosts_that_are_not_there_do_not_hide_the_network() -> None:
    gone = make.host_outcome(
        make.planned_host("10.0.9.200", tcp="1-20"),
        unmeasured={LocalFault.NO_NEIGHBOUR: "1-20"},
        fill=None,
    )
    deviations = judge(make.run(*network(30), gone)).deviations
    assert [each.subject.asset for each in deviations] == ["10.0.9.0/24"]


def test_what_identified_itself_is_judged_all_the_same() -> None:
    deviations = judge(make.run(EVERYTHING)).deviations
    assert {each.rule for each in deviations} == {RULE, "unapproved-exposure"}
    assert len(deviations) == 2


def test_it_is_as_bad_as_the_worst_of_its_ports_by_number() -> None:
    assert only(RULE, EVERYTHING).severity is Severity.HIGH


def test_a_host_at_the_limit_is_judged_port_by_port() -> None:
    at_limit = make.host_outcome(states={PortState.OPEN: f"10001-{10000 + MANY_OPEN}"})
    deviations = judge(make.run(at_limit)).deviations
    assert len(deviations) == MANY_OPEN
    assert {each.rule for each in deviations} == {"unapproved-exposure"}


def test_approved_ports_do_not_count_towards_the_limit() -> None:
    busy = make.host_outcome(states={PortState.OPEN: "30000-31000"})
    assert not judge(make.run(busy), make.entry(port_text="30000-32767")).deviations


def test_many_open_ports_at_loopback_are_at_least_medium() -> None:
    host = make.planned_host("127.0.0.1", tcp="10000-20000")
    assert only(RULE, make.host_outcome(host, fill=PortState.OPEN)).severity is Severity.MEDIUM
