"""Packets that crossed a closed boundary to ports on which nobody listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

import factories as make
from policy.judging import judge
from policy.segmentation_world import (
    DESK,
    ROUTER,
    TARGET,
    case,
    host,
    outside,
    policy,
    rule,
    silent_but,
    within,
)
from portproof.model.baseline import SourceLocation
from portproof.model.endpoint import Address, Transport
from portproof.model.finding import (
    ClosedBy,
    Evaluation,
    Finding,
    FindingEventKind,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.observation import PortState, Reason
from portproof.model.scan import HostOutcome, RunRecord
from portproof.model.segmentation import AllowedFlow, Segmentation
from portproof.policy.checks import RULES
from portproof.policy.checks.segmentation_crossed import RULE
from portproof.policy.lifecycle import finding_events

CLOSED = silent_but(Reason.RESET, "79,90-92")
DIGEST = "e" * 64
LATER = make.NOON + timedelta(hours=1)


def seen(
    *hosts: HostOutcome,
    held: Segmentation | None = None,
    senders: Mapping[str, Address | None] | None = None,
    run: RunRecord | None = None,
) -> Evaluation:
    return judge(
        run or outside(*hosts),
        vantages=case().vantages,
        segmentation=held or policy(),
        senders=senders or {},
    )


def told(evaluation: Evaluation) -> list[Judgement]:
    return [each for each in evaluation.judgements if each.rule == RULE]


def unreachable(sender: str | None) -> Evaluation:
    """The target's port 80 was refused by an ICMP error from somebody."""
    place = make.endpoint(f"{TARGET}:80/tcp")
    observed = make.observation(
        place, PortState.FILTERED, reason=Reason.PORT_UNREACH, evidence=DIGEST
    )
    senders = {DIGEST: ip_address(sender) if sender else None}
    return seen(silent_but(Reason.PORT_UNREACH, "80", (observed,)), senders=senders)


def test_resets_behind_a_closed_boundary_are_one_finding_of_the_host() -> None:
    (found,) = told(seen(CLOSED))
    assert (found.verdict, found.severity) == (Verdict.DEVIATES, Severity.HIGH)
    assert found.facts == ("segmentation_open",)
    assert (found.subject.asset, found.subject.port) == (TARGET, None)
    assert "4 TCP ports refused desk in the target's own name" in found.because
    assert "a reset on 79,90-92" in found.because
    assert [(str(each.address), str(each.ports)) for each in found.extent] == [(TARGET, "79,90-92")]


def test_a_reset_that_the_boundary_is_known_to_send_proves_neither() -> None:
    held = policy(cells=(rule(boundary_resets=make.ports("79,90-92")),))
    (found,) = told(seen(CLOSED, held=held))
    assert (found.verdict, found.required) == (Verdict.UNKNOWN, False)
    assert found.facts == ()
    assert f"{TARGET} on 79,90-92" in found.because


def test_a_refusal_that_may_be_a_reset_or_an_icmp_error_proves_neither() -> None:
    (found,) = told(seen(silent_but(Reason.CONN_REFUSED, "80")))
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("sender", "verdicts"),
    [(TARGET, [Verdict.DEVIATES]), (ROUTER, []), (None, [Verdict.UNKNOWN])],
)
def test_an_icmp_error_counts_by_who_sent_it(sender: str | None, verdicts: list[Verdict]) -> None:
    found = told(unreachable(sender))
    assert [each.verdict for each in found] == verdicts
    if sender == TARGET:
        assert found[0].evidence == (DIGEST,)


def test_what_the_cell_allows_may_be_closed() -> None:
    flow = AllowedFlow(
        networks=policy().zones[0].networks,
        hosts_text=("10.66.0.0/16",),
        tcp=make.ports("79,90-92"),
        udp=make.ports(""),
        because="orders",
        ticket="CHG-1",
        location=SourceLocation(file="segmentation.yaml", line=9),
    )
    assert told(seen(CLOSED, held=policy(cells=(rule(allowed=(flow,)),)))) == []


def test_inside_a_zone_and_without_a_policy_nothing_is_said() -> None:
    assert told(seen(run=within(CLOSED))) == []
    assert [each for each in judge(outside(CLOSED)).judgements if each.rule == RULE] == []


def test_silence_is_the_boundary_at_work() -> None:
    assert told(seen(host())) == []


def test_portproofs_own_listeners_are_nobodys_ports() -> None:
    ours = tuple(make.endpoint(f"{TARGET}:{each}/tcp") for each in (79, 90, 91, 92))
    assert told(seen(run=replace(outside(CLOSED), own_listeners=ours))) == []


def test_doubtful_refusals_of_many_hosts_are_one_unknown_of_the_cell() -> None:
    many = [
        replace(host(f"10.66.0.{each}"), reasons={Reason.HOST_PROHIBITED: make.ports("1-100")})
        for each in range(2, 30)
    ]
    (found,) = told(seen(*many))
    assert found.subject.asset == "zone cde"
    assert "2800 TCP ports" in found.because
    assert "and 25 more hosts" in found.because


def opened(evaluation: Evaluation) -> Finding:
    (found,) = told(evaluation)
    return make.finding(found)


def gone(finding: Finding, *hosts: HostOutcome) -> list[ClosedBy | None]:
    """What a later run does to the finding."""
    run = outside(*hosts, at=LATER)
    events = finding_events([finding], seen(run=run), run)
    return [each.closed_by for each in events if each.kind is FindingEventKind.RESOLVED]


def test_it_is_closed_when_all_its_ports_are_measured_and_the_target_refuses_none() -> None:
    finding = opened(seen(CLOSED))
    assert gone(finding, host()) == [ClosedBy.RESCAN]
    assert gone(finding, silent_but(Reason.RESET, "90")) == []
    assert gone(finding, host(asked="1-80")) == []


def test_without_a_policy_nothing_of_it_is_settled() -> None:
    finding, run = opened(seen(CLOSED)), outside(host(), at=LATER)
    bare = judge(run, vantages=case().vantages)
    assert finding_events([finding], bare, run) == ()


def test_it_stays_while_nobody_knows_who_refuses() -> None:
    finding = opened(seen(CLOSED))
    assert gone(finding, silent_but(Reason.HOST_PROHIBITED, "5")) == []


def test_it_has_an_id_that_waivers_may_name_and_its_own_zone() -> None:
    assert RULE in RULES
    (found,) = told(seen(CLOSED))
    assert (found.subject.zone, found.subject.transport) == (DESK.zone, Transport.TCP)
