"""The verdict table, and what must hold for every run and every baseline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories as make
from policy.judging import judge, judge_in_full
from policy.worlds import baselines, runs, waiver_documents
from portproof.model.baseline import Baseline, Presence
from portproof.model.endpoint import Transport
from portproof.model.finding import Judgement, Severity, Verdict
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.waiver import Waivers
from portproof.policy.checks import RULES
from portproof.policy.subjects import endpoints_of

PORT = 9999
EXPOSURE, MISSING = "unapproved-exposure", "missing-service"
SUMS = ("not-measured", "no-response")

Row = PortState | LocalFault | str
ROWS: tuple[Row, ...] = (*PortState, *LocalFault, "missing", "not asked", "no host", "doubtful")
COLUMNS = ("none", "expired", "allowed", "required")


def verdict_table(row: Row, column: str) -> set[tuple[str, Verdict, bool]]:
    """Say what the package docstring promises: rule, verdict, required."""
    in_force = column in ("allowed", "required")
    if row == "doubtful":
        expected = {("scan-interference", Verdict.DEVIATES, False)}
        return expected | ({(MISSING, Verdict.UNKNOWN, True)} if column == "required" else set())
    if row is PortState.OPEN:
        verdict = Verdict.CONFORMS if in_force else Verdict.DEVIATES
        expected = {(EXPOSURE, verdict, False)}
        if column == "expired":
            expected.add(("approval-expired", Verdict.DEVIATES, False))
        return expected | ({(MISSING, Verdict.CONFORMS, True)} if column == "required" else set())
    if row in (PortState.CLOSED, PortState.FILTERED):
        return {(MISSING, Verdict.DEVIATES, True)} if column == "required" else set()
    required = {(MISSING, Verdict.UNKNOWN, True)} if column == "required" else set()
    if row in ("not asked", "no host"):
        return required
    rule = "no-response" if row is PortState.OPEN_FILTERED else "not-measured"
    return required | {(rule, Verdict.UNKNOWN, False)}


def run_showing(row: Row) -> RunRecord:
    host = make.planned_host(tcp=str(PORT))
    match row:
        case PortState():
            return make.run(make.host_outcome(host, states={row: str(PORT)}))
        case LocalFault():
            return make.run(make.host_outcome(host, unmeasured={row: str(PORT)}, fill=None))
        case "missing":
            return make.run(make.host_outcome(host, fill=None))
        case "not asked":
            return make.run(make.host_outcome(make.planned_host(tcp="1")))
        case "doubtful":
            everything = make.planned_host(tcp="9000-9999")
            return make.run(make.host_outcome(everything, fill=PortState.OPEN))
        case _:
            return make.run(make.host_outcome(make.planned_host("10.9.9.9", tcp="1")))


def baseline_saying(column: str) -> Baseline:
    if column == "none":
        return make.baseline()
    presence = Presence.REQUIRED if column == "required" else Presence.ALLOWED
    review_by = make.TODAY - timedelta(days=1) if column == "expired" else None
    approval = make.approval(review_by=review_by)
    return make.baseline(make.entry(port_text=str(PORT), presence=presence, approval=approval))


@pytest.mark.parametrize(("row", "column"), list(product(ROWS, COLUMNS)))
def test_the_verdict_table_holds_for_every_state_and_kind_of_entry(row: Row, column: str) -> None:
    told = judge_in_full(run_showing(row), baseline=baseline_saying(column))
    seen = {(each.rule, each.verdict, each.required) for each in told}
    assert seen == verdict_table(row, column)


def test_a_run_without_surprises_has_neither_deviations_nor_unknowns() -> None:
    evaluation = judge(make.run(make.open_host(p22=Service("ssh"))), make.entry(service="ssh"))
    assert not evaluation.deviations
    assert not evaluation.unknown


def test_judgements_come_worst_first() -> None:
    host = make.open_host(p80=Service("http"), p6379=Service("redis"), p8080=None)
    severities = [each.severity for each in judge(make.run(host)).deviations]
    assert severities == [Severity.CRITICAL, Severity.MEDIUM, Severity.LOW]


def test_portproofs_own_listeners_are_no_findings() -> None:
    run = make.run(
        make.open_host(p40123=None), own_listeners=(make.endpoint("10.0.0.5:40123/tcp"),)
    )
    assert not judge(run).judgements


def test_an_own_listener_of_udp_does_not_hide_the_tcp_port_of_its_number() -> None:
    run = make.run(make.open_host(p5353=None), own_listeners=(make.endpoint("10.0.0.5:5353/udp"),))
    assert judge(run).deviations


def test_silence_over_udp_is_one_unknown_for_the_host_and_no_finding() -> None:
    host = make.planned_host(udp="53,123,161")
    silent = make.host_outcome(host, transport=Transport.UDP, fill=PortState.OPEN_FILTERED)
    evaluation = judge(make.run(silent))
    (unknown,) = evaluation.judgements
    assert unknown.verdict is Verdict.UNKNOWN
    assert "53,123,161" in unknown.because


def test_unmeasured_ports_are_one_unknown_per_cause_whatever_their_number() -> None:
    host = make.host_outcome(
        unmeasured={LocalFault.NO_ROUTE: "1-30000", LocalFault.NO_SOCKETS: "30001-65535"}, fill=None
    )
    titles = [each.title for each in judge(make.run(host)).unknown]
    assert sorted(titles) == [
        "30000 TCP ports of 10.0.0.5 not measured: no-route",
        "35535 TCP ports of 10.0.0.5 not measured: no-sockets",
    ]


def test_a_zone_that_nobody_declared_counts_as_untrusted() -> None:
    vantage = replace(make.VANTAGE, zone="somewhere")
    run = make.run(make.open_host(p6379=Service("redis")), plan={"vantage": vantage})
    evaluation = judge(run)
    assert evaluation.trust is None
    assert "zones" not in evaluation.available
    assert evaluation.deviations[0].severity is Severity.CRITICAL


def test_two_addresses_of_one_asset_are_one_finding_with_both_endpoints() -> None:
    shop = make.asset("shop", "10.0.0.5,2001:db8::5")
    hosts = (make.open_host("10.0.0.5", p8080=None), make.open_host("2001:db8::5", p8080=None))
    evaluation = judge(make.run(*hosts), baseline=make.baseline(assets=(shop,)))
    (deviation,) = evaluation.deviations
    assert [str(each) for each in endpoints_of(deviation)] == [
        "10.0.0.5:8080/tcp",
        "[2001:db8::5]:8080/tcp",
    ]


def test_every_rule_id_is_known_to_waivers() -> None:
    assert {
        "unapproved-exposure",
        "missing-service",
        "service-mismatch",
        "approval-missing",
        "approval-self",
        "approval-expired",
        "insecure-service",
        "plaintext-administration",
        "tls-certificate",
    } <= RULES


@given(runs(), baselines(), waiver_documents())
@settings(max_examples=150, deadline=None)
def test_every_run_can_be_judged_against_every_baseline(
    run: RunRecord, baseline: Baseline, waivers: Waivers
) -> None:
    evaluation = judge(run, baseline=baseline, waivers=waivers)
    for each in evaluation.judgements:
        assert each.rule in RULES
        assert each.title
        assert each.because
        assert each.location is not None
        wrong = each.verdict in (Verdict.DEVIATES, Verdict.WAIVED)
        assert (each.severity is not None) == wrong
        assert bool(each.trace) == wrong
        assert not wrong or each.trace[-1].severity is each.severity
        assert bool(each.waiver_id) == (each.verdict is Verdict.WAIVED)


@given(runs(), baselines())
@settings(max_examples=150, deadline=None)
def test_only_what_was_measured_conforms_or_deviates(run: RunRecord, baseline: Baseline) -> None:
    measured = {
        (each.host.address, each.transport, port)
        for each in run.hosts
        for ports in each.states.values()
        for port in ports
    }
    for each in judge(run, baseline=baseline).judgements:
        if each.verdict is not Verdict.UNKNOWN:
            told = {(one.address, one.transport, one.port) for one in endpoints_of(each)}
            assert told <= measured


@given(runs(), baselines())
@settings(max_examples=100, deadline=None)
def test_only_open_ports_are_exposures(run: RunRecord, baseline: Baseline) -> None:
    opened = {
        (each.host.address, each.transport, port)
        for each in run.hosts
        for port in each.states.get(PortState.OPEN, ())
    }
    about_open = [
        each
        for each in judge(run, baseline=baseline).judgements
        if each.subject.zone and each.verdict is Verdict.DEVIATES and each.rule != MISSING
    ]
    for each in about_open:
        assert {(one.address, one.transport, one.port) for one in endpoints_of(each)} <= opened


@given(runs(), baselines())
@settings(max_examples=100, deadline=None)
def test_no_two_judgements_of_one_verdict_share_a_fingerprint(
    run: RunRecord, baseline: Baseline
) -> None:
    evaluation = judge(run, baseline=baseline)
    wrong = [each.fingerprint for each in (*evaluation.deviations, *evaluation.waived)]
    unknown = [each.fingerprint for each in evaluation.unknown]
    conforming = [each.fingerprint for each in evaluation.of(Verdict.CONFORMS)]
    for told in (wrong, unknown, conforming):
        assert len(told) == len(set(told))
    assert not set(conforming) & {*wrong, *unknown}


@given(runs(), baselines(), waiver_documents())
@settings(max_examples=150, deadline=None)
def test_waivers_turn_deviations_into_waived_and_touch_nothing_else(
    run: RunRecord, baseline: Baseline, waivers: Waivers
) -> None:
    # A self-approved waiver is a deviation of its own; those of these worlds are not.
    before = judge(run, baseline=baseline)
    after = judge(run, baseline=baseline, waivers=waivers)
    assert before.unknown == after.unknown
    assert before.of(Verdict.CONFORMS) == after.of(Verdict.CONFORMS)
    wrong = {each.fingerprint for each in before.deviations}
    assert {each.fingerprint for each in (*after.deviations, *after.waived)} == wrong


def banner_and_time_changed(run: RunRecord) -> RunRecord:
    """Give the same run a day later, every product text and round-trip time another."""
    hosts = tuple(
        replace(
            host,
            observations=tuple(
                replace(
                    each,
                    at=each.at + timedelta(days=1),
                    rtt_us=1,
                    service=each.service and replace(each.service, product="Another 9.9"),
                )
                for each in host.observations
            ),
        )
        for host in run.hosts
    )
    return replace(run, hosts=hosts, plan=replace(run.plan, run_id="another"))


@given(runs(), baselines())
@settings(max_examples=100, deadline=None)
def test_fingerprints_do_not_change_with_banners_times_or_runs(
    run: RunRecord, baseline: Baseline
) -> None:
    one = judge(run, baseline=baseline)
    other = judge(banner_and_time_changed(run), baseline=baseline)
    assert prints(one.judgements) == prints(other.judgements)


def prints(judgements: tuple[Judgement, ...]) -> list[tuple[str, Verdict, Severity | None]]:
    return [(each.fingerprint, each.verdict, each.severity) for each in judgements]


@given(st.sampled_from(RunStatus), runs(), baselines())
@settings(max_examples=50, deadline=None)
def test_the_status_of_a_run_does_not_change_what_was_seen(
    status: RunStatus, run: RunRecord, baseline: Baseline
) -> None:
    assert judge(run, baseline=baseline) == judge(replace(run, status=status), baseline=baseline)
