"""What must answer and does not, and what nobody can say it of."""

from __future__ import annotations

import pytest

import factories as make
from policy.judging import judge, judged, only
from portproof.model.baseline import Direction, Tier
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity, Verdict
from portproof.model.observation import LocalFault, PortState
from portproof.model.scan import Resolution, RunStatus

RULE = "missing-service"
DOWN = make.open_host()


@pytest.mark.parametrize(
    ("tier", "severity"),
    [(Tier.ONE, Severity.HIGH), (Tier.TWO, Severity.MEDIUM), (Tier.THREE, Severity.MEDIUM)],
)
def test_a_missing_service_is_medium_and_high_where_much_depends_on_it(
    tier: Tier, severity: Severity
) -> None:
    found = only(RULE, DOWN, make.required(tier=tier))
    assert (found.verdict, found.severity) == (Verdict.DEVIATES, severity)
    assert found.facts == ("missing_service",)


def test_the_finding_says_what_breaks_and_where_the_runbook_is() -> None:
    entry = make.required(
        service="postgresql", breaks="Orders cannot be placed.", runbook="https://wiki/db"
    )
    found = only(RULE, DOWN, entry)
    assert found.because == (
        "TCP 5432 on 10.0.0.5 was closed; entry db requires postgresql there. "
        "Without it: Orders cannot be placed."
    )
    assert "https://wiki/db" in found.action
    assert found.location == entry.location


def test_each_required_port_is_judged_on_its_own() -> None:
    half = make.open_host(p5432=None)
    verdicts = {
        each.subject.port: each.verdict
        for each in judged(RULE, half, make.required(port_text="5432-5433"))
    }
    assert verdicts == {5432: Verdict.CONFORMS, 5433: Verdict.DEVIATES}


def test_a_listener_of_portproof_itself_meets_no_requirement() -> None:
    own = make.endpoint("10.0.0.5:5432/tcp")
    run = make.run(make.open_host(p5432=None), own_listeners=(own,))
    evaluation = judge(run, make.required())
    (found,) = (each for each in evaluation.judgements if each.rule == RULE)
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, True)
    assert "portproof itself listened there" in found.because
    assert not evaluation.conforming


@pytest.mark.parametrize("fault", LocalFault)
def test_a_required_port_that_was_not_measured_is_unknown(fault: LocalFault) -> None:
    host = make.host_outcome(unmeasured={fault: "5432"})
    found = only(RULE, host, make.required())
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, True)
    assert str(fault) in found.because


def test_udp_silence_at_a_required_port_is_unknown() -> None:
    host = make.planned_host(tcp="", udp="53")
    silent = make.host_outcome(host, transport=Transport.UDP, fill=PortState.OPEN_FILTERED)
    found = only(RULE, silent, make.required(port_text="53", transport=Transport.UDP))
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, True)


def test_a_required_host_that_is_not_in_the_run_is_unknown() -> None:
    found = only(RULE, DOWN, make.required("10.0.0.99"))
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, True)
    assert "10.0.0.99: not among what this run asked" in found.because


def test_a_host_that_was_asked_over_another_transport_only_is_said_to_be() -> None:
    found = only(RULE, DOWN, make.required("10.0.0.5", "53", transport=Transport.UDP))
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, True)
    assert "10.0.0.5: not asked over UDP in this run" in found.because


def test_a_required_name_that_did_not_resolve_is_unknown_and_says_why() -> None:
    gone = Resolution(name="db.example.com", addresses=(), at=make.NOON, detail="NXDOMAIN")
    run = make.run(DOWN, plan={"resolutions": (gone,)})
    (found,) = (
        each for each in judge(run, make.required("db.example.com")).unknown if each.rule == RULE
    )
    assert found.required
    assert "did not resolve (NXDOMAIN)" in found.because


def test_a_name_is_looked_at_through_each_address_it_resolved_to() -> None:
    hosts = [
        make.host_outcome(make.planned_host(address, name="db.example.com", tcp="5432"))
        for address in ("10.0.0.5", "2001:db8::5")
    ]
    (found,) = judge(make.run(*hosts), make.required("db.example.com")).deviations
    assert [str(each) for each in found.also] == ["[2001:db8::5]:5432/tcp"]


def test_an_assets_name_is_looked_at_when_its_address_was() -> None:
    database = make.asset("db-1", make.HOST, names=("db.example.com",))
    entry = make.required("10.0.0.5,db.example.com")
    baseline = make.baseline(entry, assets=(database,))
    assert not judge(make.run(DOWN), baseline=baseline).unknown


def test_a_network_that_was_only_half_looked_at_is_unknown_for_the_rest() -> None:
    verdicts = judged(RULE, DOWN, make.required("10.0.0.4/30"))
    assert {each.verdict for each in verdicts} == {Verdict.DEVIATES, Verdict.UNKNOWN}
    (unknown,) = (each for each in verdicts if each.verdict is Verdict.UNKNOWN)
    assert "3 of the addresses of 10.0.0.4/30" in unknown.because


@pytest.mark.parametrize(
    "entry",
    [
        make.required(zones=("office",)),
        make.required(direction=Direction.OUTBOUND),
        make.required(approval=make.approval(approved_on=make.date(2026, 11, 22))),
        make.entry(port_text="5432"),
    ],
    ids=["another zone", "outbound", "not yet approved", "allowed only"],
)
def test_what_is_not_required_from_here_and_now_is_not_missing(entry: make.BaselineEntry) -> None:
    assert not judged(RULE, DOWN, entry)


def test_a_cut_short_run_still_says_what_it_saw() -> None:
    run = make.run(DOWN, status=RunStatus.INTERRUPTED)
    assert [each.rule for each in judge(run, make.required()).deviations] == [RULE]


def test_a_host_on_which_everything_answers_proves_no_service() -> None:
    everywhere = make.host_outcome(fill=PortState.OPEN)
    found = only(RULE, everywhere, make.required())
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, True)


def test_a_lapsed_approval_ends_no_demand() -> None:
    lapsed = make.required(approval=make.approval(review_by=make.date(2026, 1, 1)))
    found = only(RULE, DOWN, lapsed)
    assert found.verdict is Verdict.DEVIATES
    assert "ended with its review date 2026-01-01; the demand stands." in found.because
    unmeasured = make.host_outcome(unmeasured={LocalFault.CONTROL_FAILED: "5432"})
    unknown = only(RULE, unmeasured, lapsed)
    assert (unknown.verdict, unknown.required) == (Verdict.UNKNOWN, True)
