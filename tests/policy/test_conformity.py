"""What conforms is kept as sets, and nothing is hidden by that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories as make
from policy.judging import judge, judge_in_full
from policy.segmentation_world import policy
from policy.worlds import ZONES, baselines, runs, waiver_documents
from portproof.evidence.canonical import canonical, digest
from portproof.model.baseline import Baseline, Presence, SourceLocation
from portproof.model.finding import Evaluation, Judgement, Subject, Verdict, fingerprint
from portproof.model.observation import PortState, Service
from portproof.model.observed import Observed
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, RunRecord
from portproof.model.segmentation import AllowedFlow, CellRule, Segmentation
from portproof.model.waiver import Waivers
from portproof.policy.conformity import ConformingPorts, conforming_subjects
from portproof.store.records import outcome_document, outcome_from, plan_document, plan_from

FLOW = AllowedFlow(
    networks=(ip_network("10.66.0.0/24"),),
    hosts_text=("10.66.0.0/24",),
    tcp=make.ports("22,443"),
    udp=PortSet.empty(),
    because="the shop",
    ticket="CHG-1",
    location=SourceLocation(file="segmentation.yaml", line=9),
)
CELL = CellRule(
    source="internet",
    target="cde",
    allowed=(FLOW,),
    tcp=make.ports("1-100"),
    udp=PortSet.empty(),
    boundary_resets=PortSet.empty(),
    location=SourceLocation(file="segmentation.yaml", line=8),
)
POLICIES = st.sampled_from((None, policy(), policy(cells=(CELL,))))
VANTAGES = st.sampled_from(make.VANTAGES.vantages)


@st.composite
def seen_runs(draw: st.DrawFn) -> RunRecord:
    """Draw a run from any vantage; now and then as the store gives it back."""
    run = draw(runs())
    run = replace(run, plan=replace(run.plan, vantage=draw(VANTAGES)))
    return stored(run) if draw(st.booleans()) else run


@st.composite
def approving(draw: st.DrawFn) -> Baseline:
    """Draw a baseline; most often its entries are in force, and from every zone."""
    drawn = draw(baselines())
    if draw(st.integers(0, 3)) == 0:
        return drawn
    entries = tuple(
        replace(each, zones=ZONES, approval=make.approval(), ports=each.ports | make.ports("22,80"))
        for each in drawn.entries
    )
    return replace(drawn, entries=entries)


def stored(run: RunRecord) -> RunRecord:
    plan = plan_document(run.plan)
    outcome = canonical(outcome_document(run, digest(plan)))
    return outcome_from(outcome, plan_from(canonical(plan)))


def fingerprints_kept(evaluation: Evaluation, zone: str) -> set[str]:
    """Give the fingerprints of what conforms, as judgements would have them."""
    return {
        fingerprint(
            rule,
            Subject(
                asset=each.asset,
                zone=zone,
                transport=each.transport,
                port=port,
            ),
        )
        for each in evaluation.conforming
        for rule in each.rules
        for port in each.ports
    }


def conforming_prints(judgements: Sequence[Judgement]) -> set[str]:
    return {each.fingerprint for each in judgements if each.verdict is Verdict.CONFORMS}


@given(seen_runs(), approving(), waiver_documents(), POLICIES)
@settings(max_examples=250, deadline=None)
def test_the_sets_hold_what_judgements_would_say_and_hide_nothing(
    run: RunRecord, baseline: Baseline, waivers: Waivers, policy: Segmentation | None
) -> None:
    documents: dict[str, Any] = {
        "baseline": baseline,
        "waivers": waivers,
        "segmentation": policy,
    }
    evaluation, in_full = judge(run, **documents), judge_in_full(run, **documents)
    told = [each for each in in_full if each.verdict is not Verdict.CONFORMS]
    assert [each for each in evaluation.judgements if each.verdict is not Verdict.CONFORMS] == told
    known_otherwise = {each.fingerprint for each in told}
    kept = fingerprints_kept(evaluation, run.plan.vantage.zone) - known_otherwise
    judged = conforming_prints(evaluation.judgements)
    assert kept | judged == conforming_prints(in_full)
    assert conforming_subjects(evaluation) == len(kept - judged)
    assert {fact for each in evaluation.judgements for fact in each.facts} == {
        fact for each in in_full for fact in each.facts
    }


@given(seen_runs(), approving(), POLICIES)
@settings(max_examples=150, deadline=None)
def test_each_endpoint_and_subject_is_told_as_a_judgement_would_tell_it(
    run: RunRecord, baseline: Baseline, policy: Segmentation | None
) -> None:
    evaluation = judge(run, baseline=baseline, segmentation=policy)
    conforming = ConformingPorts(evaluation)
    judged = {each.fingerprint for each in evaluation.judgements}
    for each in judge_in_full(run, baseline=baseline, segmentation=policy):
        if each.endpoint is None:
            continue
        if each.verdict is not Verdict.CONFORMS:
            assert not conforming.at(each.rule, each.endpoint)
        elif each.fingerprint not in judged:
            assert conforming.at(each.rule, each.endpoint)
            assert conforming.of(each.rule, each.subject)


@pytest.mark.parametrize("presence", Presence)
def test_what_is_approved_and_does_not_say_what_it_is_keeps_its_judgements(
    presence: Presence,
) -> None:
    host = make.host_outcome(make.planned_host(tcp="1-500"), fill=PortState.OPEN)
    desk = make.VANTAGES.vantages[1]
    run = make.run(host, plan={"vantage": desk})
    entry = make.entry(port_text="1-500", zones=("office",), presence=presence)
    told = judge(run, entry)
    sets = {(rule, len(each.ports)) for each in told.conforming for rule in each.rules}
    required = {("missing-service", 500)} if presence is Presence.REQUIRED else set()
    assert sets == required
    assert {each.facts for each in told.judgements} == {("unknown_service",)}
    assert len(told.judgements) == 500


def test_ports_that_are_alike_are_judged_once_whatever_their_number() -> None:
    hosts = [make.open_host(f"10.0.0.{number}", p22=Service("ssh")) for number in range(1, 201)]
    desk = make.VANTAGES.vantages[1]
    run = stored(make.run(*hosts, plan={"vantage": desk}))
    assert all(isinstance(each.observations, Observed) for each in run.hosts)
    evaluation = judge(run, make.entry("10.0.0.0/24", "22", service="ssh", zones=("office",)))
    rules = ("unapproved-exposure", "service-mismatch")
    assert [(each.rules, str(each.ports)) for each in evaluation.conforming] == [
        (rules, "22")
    ] * 200
    assert conforming_subjects(evaluation) == 400
    assert not evaluation.judgements


def test_a_boundary_is_held_against_each_address() -> None:
    hosts = [make.open_host(f"10.66.{net}.9", p80=Service("http")) for net in (0, 1)]
    run = make.run(*hosts)
    entry = make.entry("10.66.0.0/16", "80", service="http")
    cell = replace(CELL, allowed=(replace(FLOW, tcp=make.ports("80")),))
    evaluation = judge(run, entry, segmentation=policy(cells=(cell,)))
    opened = [each for each in evaluation.deviations if each.rule == "segmentation-open"]
    assert [each.subject.asset for each in opened] == ["10.66.1.9"]
    (conforming,) = evaluation.conforming
    assert conforming.asset == "10.66.0.9"
    assert "segmentation-open" in conforming.rules


def _speaking(host: PlannedHost, service: Service) -> HostOutcome:
    return make.host_outcome(host, states={PortState.OPEN: "443"}, services={443: service})


def test_a_certificate_is_held_against_the_name_of_each_host() -> None:
    leaf = make.certificate(names=("www.example.com",))
    spoken = Service("tls", tls=make.tls(leaf, server_name="db.example.com"))
    www, db = (
        _speaking(make.planned_host(address, name=name), spoken)
        for address, name in (("10.0.0.5", "www.example.com"), ("10.0.0.6", "db.example.com"))
    )
    run = stored(make.run(www, db, plan={"vantage": make.VANTAGES.vantages[1]}))
    evaluation = judge(run, make.entry("10.0.0.0/24", "443", zones=("office",)))
    (deviation,) = evaluation.deviations
    assert deviation.rule == "tls-certificate"
    assert deviation.subject.asset == "db.example.com"
    (conforming,) = evaluation.conforming
    assert conforming.asset == "www.example.com"


def test_an_approved_port_that_was_looked_at_and_is_closed_is_no_part_of_the_sets() -> None:
    host = make.open_host(p22=Service("ssh"))
    closed = make.observation(make.endpoint("10.0.0.5:5432/tcp"), PortState.CLOSED)
    host = replace(host, observations=(*host.observations, closed))
    elsewhere = make.open_host("10.0.0.6", p22=Service("ssh"), p5432=None)
    run = stored(make.run(elsewhere, host, plan={"vantage": make.VANTAGES.vantages[1]}))
    entry = make.entry("10.0.0.0/24", "22,5432", zones=("office",))
    told = {
        (str(each.address), port) for each in judge(run, entry).conforming for port in each.ports
    }
    assert ("10.0.0.5", 22) in told
    assert ("10.0.0.5", 5432) not in told


def test_hosts_that_show_the_same_ports_are_doubted_by_what_they_say_there() -> None:
    ports = range(1, 151)
    texts = {PortState.OPEN: "1-150"}
    hosts = [
        make.host_outcome(
            make.planned_host(address, tcp="1-150"),
            states=texts,
            services={port: Service("ssh", f"of {port}") for port in ports} if told else {},
        )
        for address, told in (("10.0.0.5", True), ("10.1.0.6", False))
    ]
    found = judge(stored(make.run(*hosts))).deviations
    interfered = {each.subject.asset for each in found if each.rule == "scan-interference"}
    assert interfered == {"10.1.0.6"}
    assert len({each.subject.port for each in found if each.subject.asset == "10.0.0.5"}) == 150
