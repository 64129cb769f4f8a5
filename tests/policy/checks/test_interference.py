"""A host on which far too many ports answer is one finding, and proves nothing."""

from __future__ import annotations

import factories as make
from policy.judging import judge, only
from portproof.model.finding import Severity, Verdict
from portproof.model.observation import PortState, Service
from portproof.policy.scene import MANY_OPEN

RULE = "scan-interference"
EVERYTHING = make.host_outcome(fill=PortState.OPEN, services={22: Service("ssh")})


def test_all_ports_open_is_one_finding_and_not_thousands() -> None:
    found = only(RULE, EVERYTHING)
    assert found.verdict is Verdict.DEVIATES
    assert set(found.facts) == {"scan_interference", "unexpected_open"}
    assert "65534 ports accepted a connection" in found.because
    assert len(found.because) < 500


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
