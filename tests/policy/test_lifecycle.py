"""How findings are opened, seen, waived, resolved and reopened, and what moves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories as make
from policy.histories import SIGHTINGS, Findings, History, dated, happened
from policy.judging import judge
from policy.worlds import baselines, runs, waiver_documents
from portproof.model.baseline import Baseline, Mitigation
from portproof.model.endpoint import Transport
from portproof.model.finding import (
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    Severity,
    Verdict,
)
from portproof.model.observation import LocalFault, PortState, Service, TlsFacts
from portproof.model.scan import HostOutcome, RunRecord, RunStatus
from portproof.model.waiver import Waivers
from portproof.policy.lifecycle import with_standing
from portproof.policy.lifecycle_projection import after
from portproof.policy.subjects import endpoints_of

OPEN = FindingStatus.OPEN
EXPOSED = make.open_host(p8080=None)
CLOSED = make.open_host()
LATER = make.NOON + timedelta(days=1)


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
    assert history.because == ["10.0.0.5:8080/tcp was closed, which conforms"]


def test_the_times_of_a_finding_are_those_of_measuring() -> None:
    history = History()
    history.run(EXPOSED)
    history.run(EXPOSED)
    assert (history.only.first_seen, history.only.last_seen) == (make.NOON, LATER)
    history.run(CLOSED)
    assert history.only.resolved_at == history.only.measured_at == LATER + timedelta(days=1)


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
    assert "10.0.0.5:8080/tcp was closed, and no entry requires it any more" in not_needed.because


def test_a_missing_service_stays_missing_when_its_approval_lapses() -> None:
    needed = make.required(port_text="8080", approval=make.approval(review_by=make.TODAY))
    history = History()
    assert history.run(CLOSED, entries=(needed,)) == ["opened"]
    assert history.run(CLOSED, entries=(needed,), at=LATER) == ["seen"]


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
    assert history.run(make.host_outcome(make.planned_host(tcp="22"))) == []
    assert history.run(CLOSED) == ["resolved"]


def test_interference_is_resolved_once_all_that_was_doubtful_was_asked_again() -> None:
    def answering(ports: str, asked: str) -> HostOutcome:
        return make.host_outcome(make.planned_host(tcp=asked), states={PortState.OPEN: ports})

    history = History()
    assert history.run(answering("1-200", "1-1000")) == ["opened"]
    assert history.run(answering("150-300", "150-300")) == ["seen"]
    assert history.run(make.host_outcome(make.planned_host(tcp="150-300"))) == []
    assert history.run(make.host_outcome(make.planned_host(tcp="1-299"))) == []
    assert history.run(make.host_outcome(make.planned_host(tcp="1-300"))) == ["resolved"]


def test_interference_on_two_addresses_is_not_resolved_by_a_look_at_one() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    other = make.host_outcome(make.planned_host("10.0.0.6"), fill=PortState.OPEN)
    history = History()
    assert history.run(make.host_outcome(fill=PortState.OPEN), other, baseline=shop) == ["opened"]
    assert history.run(CLOSED, baseline=shop) == []
    assert history.run(make.host_outcome(fill=PortState.OPEN), baseline=shop) == ["seen"]
    assert history.run(CLOSED, baseline=shop) == []
    assert history.run(CLOSED, make.open_host("10.0.0.6"), baseline=shop) == ["resolved"]


def test_interference_is_not_resolved_while_the_whole_network_shows_it() -> None:
    def everywhere(number: int) -> HostOutcome:
        return make.host_outcome(make.planned_host(f"10.0.0.{number}"), fill=PortState.OPEN)

    history = History()
    assert history.run(everywhere(5)) == ["opened"]
    assert history.run(*map(everywhere, range(1, 11))) == ["opened"]
    assert history.run(everywhere(5)) == ["seen"]
    quiet = [make.host_outcome(make.planned_host(f"10.0.0.{number}")) for number in range(1, 11)]
    assert sorted(history.run(*quiet)) == ["resolved", "resolved"]


def test_a_named_host_with_a_new_address_is_still_the_same_subject() -> None:
    def at(address: str, state: PortState) -> HostOutcome:
        host = make.planned_host(address, name="www.example.com", tcp="8080")
        return make.host_outcome(host, fill=state)

    history = History()
    history.run(at("192.0.2.1", PortState.OPEN))
    assert history.run(at("192.0.2.2", PortState.OPEN)) == ["seen"]


def test_another_address_of_a_name_settles_nothing_on_the_one_that_was_open() -> None:
    def at(address: str, state: PortState) -> HostOutcome:
        host = make.planned_host(address, name="www.example.com", tcp="8080")
        return make.host_outcome(host, fill=state)

    history = History()
    history.run(at("192.0.2.1", PortState.CLOSED), at("2001:db8::1", PortState.OPEN))
    assert history.run(at("192.0.2.1", PortState.CLOSED)) == []
    assert history.run(at("2001:db8::1", PortState.CLOSED)) == ["resolved"]


def test_an_address_stays_in_the_finding_until_it_was_looked_at_again() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    other = make.open_host("10.0.0.6", p8080=None)
    history = History()
    history.run(EXPOSED, other, baseline=shop)
    assert history.run(EXPOSED, baseline=shop) == ["seen"]
    assert [str(each) for each in history.only.judgement.also] == ["10.0.0.6:8080/tcp"]
    assert "not settled since: 10.0.0.6:8080/tcp." in history.only.judgement.because
    assert history.run(CLOSED, baseline=shop) == []
    assert history.run(EXPOSED, make.open_host("10.0.0.6"), baseline=shop) == ["seen"]
    assert history.only.judgement.also == ()
    assert history.run(CLOSED, baseline=shop) == ["resolved"]


def test_a_waiver_of_the_address_that_was_seen_accepts_nothing_on_the_one_that_was_not() -> None:
    shop = make.baseline(assets=(make.asset("shop", "10.0.0.5,10.0.0.6"),))
    here = make.waivers(make.waiver(networks=(make.network("10.0.0.5"),)))
    history = History()
    history.run(EXPOSED, make.open_host("10.0.0.6", p8080=None), baseline=shop, waivers=here)
    assert history.run(EXPOSED, baseline=shop, waivers=here) == ["seen"]
    assert history.only.status is OPEN


APPROVED_TLS = (make.entry(port_text="443"),)
EXPIRED = make.certificate(not_after=make.NOON - timedelta(days=1))


def tls_host(facts: TlsFacts | None, name: str | None = None) -> HostOutcome:
    return make.host_outcome(
        make.planned_host(name=name),
        states={PortState.OPEN: "443"},
        services={443: Service("http", tls=facts)},
    )


def test_a_certificate_is_settled_by_a_certificate_or_a_closed_port() -> None:
    history = History()
    assert history.run(tls_host(make.tls(EXPIRED)), entries=APPROVED_TLS) == ["opened"]
    assert history.run(tls_host(None), entries=APPROVED_TLS) == []
    assert history.run(tls_host(make.tls()), entries=APPROVED_TLS) == ["resolved"]
    assert history.run(tls_host(make.tls(EXPIRED)), entries=APPROVED_TLS) == ["reopened"]
    assert history.run(CLOSED, entries=APPROVED_TLS) == ["resolved"]


def test_a_certificate_of_another_name_is_settled_only_when_the_name_was_sent() -> None:
    name = "shop.example.com"
    shop = make.baseline(
        make.entry(port_text="443"), assets=(make.asset("shop", make.HOST, names=(name,)),)
    )
    right = make.certificate(names=(name,))
    history = History()
    assert history.run(tls_host(make.tls(server_name=name), name), baseline=shop) == ["opened"]
    assert history.run(tls_host(make.tls()), baseline=shop) == []
    assert history.run(tls_host(make.tls(right, server_name=name), name), baseline=shop) == [
        "resolved"
    ]


def store_host(auth: str | None) -> HostOutcome:
    return make.open_host(p6379=Service("redis", attributes={"auth": auth} if auth else {}))


def test_a_store_without_authentication_is_settled_by_authentication_or_a_closed_port() -> None:
    approved = (make.entry(port_text="6379", service="redis"),)
    history = History()
    assert history.run(store_host("none"), entries=approved) == ["opened"]
    for weaker in ("unknown", None):
        assert history.run(store_host(weaker), entries=approved) == []
    assert history.run(store_host("required"), entries=approved) == ["resolved"]
    assert history.run(store_host("none"), entries=approved) == ["reopened"]
    assert history.run(CLOSED, entries=approved) == ["resolved"]


def test_an_insecure_service_that_lost_its_approval_moves_to_its_exposure() -> None:
    history = History()
    history.run(store_host("none"), entries=(make.entry(port_text="6379", service="redis"),))
    assert history.run(store_host("none")) == ["opened", "resolved"]
    assert history.because[1] == (
        "10.0.0.5:6379/tcp was open, and is no longer approved: that is a finding of its own"
    )


def test_an_insecure_service_is_settled_by_its_mitigation_or_by_another_service() -> None:
    mitigated = make.entry(port_text="23", mitigation=Mitigation(measure="bastion only"))
    plain = make.entry(port_text="23")
    telnet = make.open_host(p23=Service("telnet"))
    insecure = "insecure-service"
    history = History()
    history.run(telnet, entries=(plain,))
    history.run(telnet, entries=(mitigated,))
    assert history.of(insecure).status is FindingStatus.CLOSED
    history.run(telnet, entries=(plain,))
    history.run(make.open_host(p23=None), entries=(plain,))
    assert history.of(insecure).status is OPEN
    history.run(make.open_host(p23=Service("ssh")), entries=(plain,))
    assert history.of(insecure).status is FindingStatus.CLOSED


# ---------------------------------------------------------------- runs judged again, or late


def test_an_older_run_judged_late_neither_closes_nor_reopens() -> None:
    closes, opens = History(), History()
    closes.judge(dated(make.run(EXPOSED), 2))
    assert closes.judge(dated(make.run(CLOSED), 1)) == []
    opens.judge(dated(make.run(EXPOSED), 1))
    opens.judge(dated(make.run(CLOSED), 2))
    assert opens.judge(dated(make.run(EXPOSED), 1)) == []
    assert opens.only.status is FindingStatus.CLOSED


def test_runs_judged_by_turns_are_counted_once_each() -> None:
    history = History()
    for number in (1, 2, 1, 2, 1):
        history.judge(dated(make.run(EXPOSED), number))
    assert history.only.times_seen == 2


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
    happened(findings, evaluation, run, baseline)
    first = with_standing([], evaluation, run, baseline)
    assert happened(findings, evaluation, run, baseline) == ()
    assert with_standing(list(findings.values()), evaluation, run, baseline) == first


@given(st.data(), st.lists(runs(), min_size=2, max_size=4), baselines())
@settings(max_examples=100, deadline=None)
def test_judging_older_runs_again_in_any_order_changes_nothing(
    data: st.DataObject, held: list[RunRecord], baseline: Baseline
) -> None:
    ordered = [dated(run, number) for number, run in enumerate(held)]
    findings: Findings = {}
    for run in ordered:
        happened(findings, judge(run, baseline=baseline), run, baseline)
    known = dict(findings)
    for run in data.draw(st.lists(st.sampled_from(ordered), max_size=6)):
        assert happened(findings, judge(run, baseline=baseline), run, baseline) == ()
    assert findings == known


@given(st.data(), st.lists(runs(RunStatus.COMPLETE), min_size=1, max_size=3), baselines())
@settings(max_examples=100, deadline=None)
def test_in_whatever_order_runs_are_judged_each_counts_once_and_the_latest_decides(
    data: st.DataObject, held: list[RunRecord], baseline: Baseline
) -> None:
    ordered = [dated(run, number) for number, run in enumerate(held)]
    findings: Findings = {}
    seen: dict[str, list[str]] = {}
    moved: dict[str, datetime] = {}
    for run in data.draw(st.lists(st.sampled_from(ordered), max_size=8)):
        for event in happened(findings, judge(run, baseline=baseline), run, baseline):
            assert event.at == run.finished
            assert moved.get(event.finding, event.at) <= event.at
            moved[event.finding] = event.at
            if event.kind in SIGHTINGS:
                seen.setdefault(event.finding, []).append(event.run_id)
    for name, finding in findings.items():
        assert finding.times_seen == len(seen[name]) == len(set(seen[name]))
        assert finding.measured_at == moved[name]


@given(runs(), runs(), baselines())
@settings(max_examples=100, deadline=None)
def test_only_what_a_conclusive_run_measured_is_resolved(
    first: RunRecord, second: RunRecord, baseline: Baseline
) -> None:
    findings: Findings = {}
    happened(findings, judge(first, baseline=baseline), first, baseline)
    second = dated(second, 1)
    evaluation = judge(second, baseline=baseline)
    known = dict(findings)
    events = happened(findings, evaluation, second, baseline)
    assert second.conclusive or not events
    unknown = {each.fingerprint for each in evaluation.of(Verdict.UNKNOWN)}
    for event in events:
        if event.kind is FindingEventKind.RESOLVED:
            assert event.finding not in unknown
            for place in endpoints_of(known[event.finding].judgement):
                assert any(
                    isinstance(each.state_of(place.port), PortState)
                    for each in second.hosts
                    if (each.host.address, each.transport) == (place.address, place.transport)
                )
