"""The shipped facts, service rules and frameworks, judged with as in an audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import factories as make
from portproof.compliance.attest import attest
from portproof.compliance.facts import DECIDED, assert_facts
from portproof.documents import load_facts, load_framework, load_service_rules
from portproof.model.baseline import Baseline
from portproof.model.compliance import ControlWord
from portproof.model.finding import Verdict
from portproof.model.observation import Service
from portproof.model.scan import RunRecord, RunStatus
from portproof.policy.evaluate import Criteria, evaluate

POLICIES = Path(__file__).parents[2] / "policies"
FACTS = load_facts(POLICIES / "facts.yaml")
RULES = load_service_rules(POLICIES / "service-rules.yaml")
PCI = load_framework(POLICIES / "frameworks" / "pci-dss-4.0.1.yaml", FACTS)
SOC2 = load_framework(POLICIES / "frameworks" / "soc2-tsc-2017.yaml", FACTS)

HTTPS = Service("http", tls=make.tls())
CLEAN = make.run(make.open_host(p443=HTTPS))
APPROVED = make.baseline(make.entry(port_text="443", service="https"))


def criteria(baseline: Baseline) -> Criteria:
    return Criteria(baseline=baseline, waivers=make.waivers(), rules=RULES, vantages=make.VANTAGES)


def words(run: RunRecord, baseline: Baseline) -> Mapping[str, ControlWord]:
    evaluation = evaluate(run, criteria(baseline), at=make.NOON)
    facts = assert_facts(run, evaluation, baseline, FACTS)
    results = [each for framework in (PCI, SOC2) for each in attest(framework, facts, run).results]
    return {each.control.id: each.word for each in results}


def test_every_fact_that_is_looked_for_is_defined() -> None:
    assert {each for each in DECIDED if FACTS.get(each) is None} == set()


@pytest.mark.parametrize(
    ("control", "word"),
    [
        ("1.2.5", ControlWord.SUPPORTED),
        ("1.2.6", ControlWord.SUPPORTED),
        ("1.4.1", ControlWord.SUPPORTED),
        ("2.2.4", ControlWord.SUPPORTED),
        ("2.2.5", ControlWord.SUPPORTED),
        ("CC6.8", ControlWord.SUPPORTED),
        ("1.2.1", ControlWord.INSUFFICIENT),  # nobody compares baseline versions yet
        ("2.2.7", ControlWord.INSUFFICIENT),  # weak TLS versions are not tried
        ("1.4.2", ControlWord.INSUFFICIENT),  # no inventory
        ("CC7.1", ControlWord.INSUFFICIENT),  # no inventory, change feed or schedule
        ("6.5.2", ControlWord.NOT_EVALUATED),
        ("12.5.1", ControlWord.NOT_EVALUATED),
        ("2.2.1", ControlWord.CONTEXT),
        ("11.3.2", ControlWord.CONTEXT),
        ("11.5.2", ControlWord.OUT_OF_SCOPE),
        ("11.4.1", ControlWord.OUT_OF_SCOPE),
    ],
)
def test_a_clean_run_from_outside_says_this_of(control: str, word: ControlWord) -> None:
    assert words(CLEAN, APPROVED)[control] is word


def test_an_unapproved_port_is_an_exception_wherever_it_counts() -> None:
    told = words(CLEAN, make.baseline())
    for control in ("1.2.5", "1.3.1", "1.4.2", "2.2.4", "CC6.6", "CC7.1", "CC8.1"):
        assert told[control] is ControlWord.EXCEPTIONS


def test_an_approved_data_store_that_the_internet_reaches_is_still_an_exception() -> None:
    run = make.run(make.open_host(p5432=Service("postgresql")))
    approved = make.baseline(make.entry(port_text="5432", service="postgresql"))
    assert words(run, approved)["1.4.4"] is ControlWord.EXCEPTIONS


def test_a_run_from_a_trusted_zone_says_nothing_of_what_the_internet_reaches() -> None:
    office = replace(make.VANTAGE, id="desk", zone="office")
    run = make.run(make.open_host(), plan={"vantage": office})
    told = words(run, make.baseline())
    assert told["1.2.5"] is ControlWord.SUPPORTED
    assert told["CC6.6"] is ControlWord.INSUFFICIENT


@pytest.mark.parametrize("status", [RunStatus.INCONCLUSIVE, RunStatus.INTERRUPTED])
def test_a_run_that_did_not_conclude_supports_nothing_that_a_run_can_show(
    status: RunStatus,
) -> None:
    told = words(replace(CLEAN, status=status, status_reason="canary silent"), APPROVED)
    of_documents = {"10.6.1-10.6.3", "CC5.1", "CC5.3", "12.4.2"}
    supported = {each for each, word in told.items() if word is ControlWord.SUPPORTED}
    assert supported <= of_documents
    assert told["1.2.5"] is ControlWord.INSUFFICIENT


def test_controls_that_must_never_look_good_never_do() -> None:
    told = words(CLEAN, APPROVED)
    never = ("11.3.2", "11.3.1.2", "11.4.1", "11.5.1", "11.5.2", "1.4.3")
    assert all(told[each] in (ControlWord.CONTEXT, ControlWord.OUT_OF_SCOPE) for each in never)


def test_every_shipped_service_rule_can_be_met_at_its_own_port() -> None:
    for rule in RULES.rules:
        host = make.planned_host(
            tcp=str(rule.ports) if rule.transport is make.Transport.TCP else "",
            udp=str(rule.ports) if rule.transport is make.Transport.UDP else "",
        )
        seen = make.host_outcome(host, transport=rule.transport, fill=make.PortState.OPEN)
        evaluation = evaluate(make.run(seen), criteria(make.baseline()), at=make.NOON)
        assert len(evaluation.of(Verdict.DEVIATES)) == len(rule.ports)
