"""How findings are opened, seen, waived, resolved and reopened, and what moves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

import factories as make
from policy.judging import judge
from policy.worlds import baselines, runs, waiver_documents
from portproof.model.baseline import Baseline, BaselineEntry
from portproof.model.endpoint import Transport
from portproof.model.finding import (
    Evaluation,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    Severity,
    Verdict,
)
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.scan import HostOutcome, RunRecord, RunStatus
from portproof.model.waiver import Waivers
from portproof.policy.lifecycle import after, finding_events

OPEN = FindingStatus.OPEN
EXPOSED = make.open_host(p8080=None)
CLOSED = make.open_host()
LATER = make.NOON + timedelta(days=1)

Findings = dict[str, Finding]


def told(findings: Findings, evaluation: Evaluation, run: RunRecord) -> list[str]:
    """Give the kinds of events, and let the findings have them."""
    events = finding_events(list(findings.values()), evaluation, run, LATER)
    judged = {each.fingerprint: each for each in evaluation.judgements}
    for event in events:
        findings[event.finding] = after(
            findings.get(event.finding), event, judged.get(event.finding)
        )
    return [each.kind.value for each in events]


class History:
    """Findings over several runs, each a day after the one before."""

    def __init__(self) -> None:
        self.findings: Findings = {}
        self.number = 0

    def run(
        self, *hosts: HostOutcome, entries: tuple[BaselineEntry, ...] = (), **changes: object
    ) -> list[str]:
        self.number += 1
        status = changes.pop("status", RunStatus.COMPLETE)
        vantage = changes.pop("vantage", make.VANTAGE)
        run = make.run(
            *hosts, status=status, plan={"run_id": f"run-{self.number}", "vantage": vantage}
        )
        return told(self.findings, judge(run, *entries, **changes), run)

    @property
    def only(self) -> Finding:
        (finding,) = self.findings.values()
        return finding


def test_a_deviation_opens_a_finding_and_the_next_run_sees_it_again() -> None:
    history = History()
    assert history.run(EXPOSED) == ["opened"]
    assert history.run(EXPOSED) == ["seen"]
    assert (history.only.status, history.only.times_seen) == (OPEN, 2)


def test_a_finding_is_resolved_when_its_port_was_measured_closed() -> None:
    history = History()
    history.run(EXPOSED)
    assert history.run(CLOSED) == ["resolved"]
    assert history.only.status is FindingStatus.CLOSED
    assert history.only.resolved_at == LATER


def test_a_finding_is_resolved_when_its_port_was_approved() -> None:
    history = History()
    history.run(EXPOSED)
    assert history.run(EXPOSED, entries=(make.entry(port_text="8080"),)) == ["resolved"]


def test_a_finding_that_comes_back_is_reopened_with_its_original_first_sighting() -> None:
    history = History()
    history.run(EXPOSED)
    first_seen = history.only.first_seen
    history.run(CLOSED)
    assert history.run(EXPOSED) == ["reopened"]
    back = history.only
    assert (back.status, back.reopened, back.first_seen) == (OPEN, 1, first_seen)
    assert back.resolved_at is None


@pytest.mark.parametrize("status", [each for each in RunStatus if each is not RunStatus.COMPLETE])
def test_a_run_that_is_not_conclusive_moves_nothing(status: RunStatus) -> None:
    history = History()
    assert history.run(EXPOSED, status=status) == []
    history.run(EXPOSED)
    assert history.run(CLOSED, status=status) == []


@pytest.mark.parametrize(
    "host",
    [
        make.host_outcome(unmeasured={LocalFault.CONTROL_FAILED: "8080"}),
        make.host_outcome(make.planned_host(tcp="1-1024")),
        make.host_outcome(fill=None),
        make.open_host("10.0.0.77"),
    ],
    ids=["unmeasured", "not asked", "missing", "another host"],
)
def test_what_was_not_measured_resolves_nothing(host: HostOutcome) -> None:
    history = History()
    history.run(EXPOSED)
    assert history.run(host) == []
    assert history.only.status is OPEN


def test_a_run_from_another_zone_resolves_nothing() -> None:
    history = History()
    history.run(EXPOSED)
    office = replace(make.VANTAGE, id="desk", zone="office")
    assert history.run(CLOSED, vantage=office) == []


def test_silence_over_udp_does_not_resolve_what_answered_before() -> None:
    host = make.planned_host(tcp="", udp="53")
    answers = make.host_outcome(host, transport=Transport.UDP, states={PortState.OPEN: "53"})
    silent = make.host_outcome(host, transport=Transport.UDP, fill=PortState.OPEN_FILTERED)
    history = History()
    assert history.run(answers) == ["opened"]
    assert history.run(silent) == []


def test_a_waiver_is_an_event_and_so_is_its_end() -> None:
    waived = make.waivers(make.waiver("unapproved-exposure"))
    history = History()
    history.run(EXPOSED)
    assert history.run(EXPOSED, waivers=waived) == ["seen", "waived"]
    assert history.only.status is FindingStatus.WAIVED
    assert history.run(EXPOSED, waivers=waived) == ["seen"]
    assert history.run(EXPOSED) == ["seen", "waiver-ended"]
    assert history.only.status is OPEN


def test_a_new_finding_may_be_waived_from_its_first_day() -> None:
    waived = make.waivers(make.waiver("unapproved-exposure"))
    assert History().run(EXPOSED, waivers=waived) == ["opened", "waived"]


def test_a_waived_finding_that_disappears_is_resolved() -> None:
    history = History()
    history.run(EXPOSED, waivers=make.waivers(make.waiver("unapproved-exposure")))
    assert history.run(CLOSED) == ["resolved"]


def test_a_missing_service_is_resolved_when_it_answers_or_is_no_longer_required() -> None:
    needed = (make.required(port_text="8080"),)
    answers, not_needed = History(), History()
    answers.run(CLOSED, entries=needed)
    assert answers.run(EXPOSED, entries=needed) == ["resolved"]
    not_needed.run(CLOSED, entries=needed)
    assert not_needed.run(CLOSED) == ["resolved"]


def test_a_mismatch_is_not_resolved_by_a_service_that_says_nothing() -> None:
    expected = (make.entry(port_text="22", service="ssh"),)
    history = History()
    assert history.run(make.open_host(p22=Service("http")), entries=expected) == ["opened"]
    assert history.run(make.open_host(p22=None), entries=expected) == []
    assert history.run(make.open_host(p22=Service("ssh")), entries=expected) == ["resolved"]


def test_a_finding_on_a_document_is_resolved_by_the_document() -> None:
    poor = make.entry("10.9.9.9", owner="")
    history = History()
    assert history.run(CLOSED, entries=(poor,)) == ["opened"]
    assert history.run(CLOSED, entries=(make.entry("10.9.9.9"),)) == ["resolved"]


def test_a_finding_on_another_scopes_document_stays() -> None:
    history = History()
    history.run(CLOSED, entries=(make.entry("10.9.9.9", owner=""),))
    for scope in ("another", "sho", "shop/web"):
        assert history.run(CLOSED, baseline=make.baseline(scope=scope)) == []


def test_a_host_that_suddenly_answers_everywhere_resolves_nothing() -> None:
    history = History()
    history.run(EXPOSED)
    assert history.run(make.host_outcome(fill=PortState.OPEN)) == ["opened"]


def test_interference_is_resolved_by_a_whole_look_at_the_host() -> None:
    history = History()
    history.run(make.host_outcome(fill=PortState.OPEN))
    assert history.run(make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "1"})) == []
    assert history.run(CLOSED) == ["resolved"]


def test_a_named_host_with_a_new_address_is_still_the_same_subject() -> None:
    def at(address: str, state: PortState) -> HostOutcome:
        host = make.planned_host(address, name="www.example.com", tcp="8080")
        return make.host_outcome(host, fill=state)

    history = History()
    history.run(at("192.0.2.1", PortState.OPEN))
    half = make.host_outcome(
        make.planned_host("192.0.2.3", name="www.example.com", tcp="8080"), fill=None
    )
    assert history.run(at("192.0.2.2", PortState.CLOSED), half) == []
    assert history.run(at("192.0.2.2", PortState.CLOSED)) == ["resolved"]


def test_both_addresses_of_an_asset_must_be_measured_before_it_is_resolved() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    history = History()
    history.run(EXPOSED, make.open_host("10.0.0.6", p8080=None), baseline=shop)
    assert history.run(CLOSED, baseline=shop) == []
    assert history.run(CLOSED, make.open_host("10.0.0.6"), baseline=shop) == ["resolved"]


def test_the_first_event_of_a_finding_is_that_it_was_opened() -> None:
    event = FindingEvent(
        finding="f",
        kind=FindingEventKind.SEEN,
        at=LATER,
        run_id="r",
        severity=Severity.LOW,
        because="",
    )
    with pytest.raises(ValueError, match="begins with seen"):
        after(None, event, make.judgement())


@given(runs(RunStatus.COMPLETE), baselines(), waiver_documents())
@settings(max_examples=100, deadline=None)
def test_judging_the_same_run_twice_says_nothing_new(
    run: RunRecord, baseline: Baseline, waivers: Waivers
) -> None:
    findings: Findings = {}
    evaluation = judge(run, baseline=baseline, waivers=waivers)
    told(findings, evaluation, run)
    assert told(findings, evaluation, run) == []


@given(runs(), runs(), baselines())
@settings(max_examples=100, deadline=None)
def test_only_what_a_conclusive_run_measured_is_resolved(
    first: RunRecord, second: RunRecord, baseline: Baseline
) -> None:
    findings: Findings = {}
    told(findings, judge(first, baseline=baseline), first)
    second = replace(second, plan=replace(second.plan, run_id="second"))
    evaluation = judge(second, baseline=baseline)
    events = finding_events(list(findings.values()), evaluation, second, LATER)
    assert second.conclusive or not events
    unknown = {each.fingerprint for each in evaluation.of(Verdict.UNKNOWN)}
    for event in events:
        if event.kind is FindingEventKind.RESOLVED:
            assert event.finding not in unknown
            place = findings[event.finding].judgement.endpoint
            measured = place is None or any(
                isinstance(each.state_of(place.port), PortState)
                for each in second.hosts
                if each.transport is place.transport
            )
            assert measured
