from __future__ import annotations

from datetime import timedelta

import factories as make
from policy.judging import judge
from policy.segmentation_world import case, host, outside, policy, rule
from portproof.model.baseline import SourceLocation
from portproof.model.finding import (
    Evaluation,
    Finding,
    FindingEventKind,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.observation import PortState
from portproof.model.scan import RunRecord
from portproof.model.segmentation import AllowedFlow, Segmentation
from portproof.policy.checks import RULES
from portproof.policy.checks.segmentation_open import RULE
from portproof.policy.lifecycle import finding_events

OPEN = host(states={PortState.OPEN: "50"})


def seen(run: RunRecord, held: Segmentation | None) -> Evaluation:
    return judge(run, vantages=case().vantages, segmentation=held)


def crossing(held: Segmentation | None = None) -> Judgement:
    (found,) = (
        each for each in seen(outside(OPEN), held or policy()).judgements if each.rule == RULE
    )
    return found


def allowing(port_text: str) -> Segmentation:
    flow = AllowedFlow(
        networks=policy().zones[0].networks,
        hosts_text=("10.66.0.0/16",),
        tcp=make.ports(port_text),
        udp=make.ports(""),
        because="orders",
        ticket="CHG-1",
        location=SourceLocation(file="segmentation.yaml", line=9),
    )
    return policy(cells=(rule(allowed=(flow,)),))


def test_an_open_port_across_a_closed_boundary_deviates_and_is_high() -> None:
    found = crossing()
    assert (found.verdict, found.severity) == (Verdict.DEVIATES, Severity.HIGH)
    assert found.facts == ("segmentation_open",)
    assert "denied by default" in found.because


def test_it_points_at_the_cell_that_forbids_it() -> None:
    place = SourceLocation(file="segmentation.yaml", line=7)
    assert crossing(policy(cells=(rule(location=place),))).location == place


def test_a_waiver_may_name_it() -> None:
    assert RULE in RULES


def test_what_the_allow_list_names_conforms() -> None:
    assert crossing(allowing("50")).verdict is Verdict.CONFORMS


def test_a_host_outside_the_target_zones_is_none_of_its_business() -> None:
    elsewhere = outside(host("10.0.0.5", {PortState.OPEN: "50"}))
    assert not [each for each in seen(elsewhere, policy()).judgements if each.rule == RULE]


def test_inside_its_own_zone_nothing_crosses() -> None:
    inside = outside(OPEN, plan={"vantage": case().vantages.vantages[1]})
    assert not [each for each in seen(inside, policy()).judgements if each.rule == RULE]


def test_without_a_policy_nothing_is_judged_and_nothing_that_is_open_is_closed() -> None:
    finding = make.finding(crossing(), last_seen=make.NOON - timedelta(days=1))
    again = outside(OPEN)
    assert kinds(finding, again, None) == []
    assert kinds(finding, outside(host()), None) == [FindingEventKind.RESOLVED]


def test_an_open_path_is_settled_by_the_allow_list_alone() -> None:
    finding = make.finding(crossing(), last_seen=make.NOON - timedelta(days=1))
    assert kinds(finding, outside(OPEN), policy()) == [FindingEventKind.SEEN]
    assert kinds(finding, outside(OPEN), allowing("50")) == [FindingEventKind.RESOLVED]


def kinds(finding: Finding, run: RunRecord, held: Segmentation | None) -> list[FindingEventKind]:
    events = finding_events((finding,), seen(run, held), run)
    return [each.kind for each in events if each.finding == finding.fingerprint]
