"""Which facts are asserted, which denied, and which nobody may deny."""

from __future__ import annotations

from dataclasses import replace

import pytest

import factories as make
from portproof.compliance.facts import Facts, assert_facts
from portproof.errors import DocumentError
from portproof.model.finding import Evaluation, Judgement, Verdict
from portproof.model.observation import LocalFault, Service
from portproof.model.rule import Polarity
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.vantage import Trust

DEFINED = make.fact_definitions(
    make.fact("unexpected_open", "baseline", "completed_probe"),
    make.fact("missing_service", "baseline", "completed_probe"),
    make.fact("service_mismatch", "baseline", "service_id"),
    make.fact("insecure_service", "service_rules"),
    make.fact("unknown_service", "service_id"),
    make.fact("datastore_exposed", "zones"),
    make.fact("tls_cert_problem", "tls_probe"),
    make.fact("tls_weak", "tls_probe"),
    make.fact("approval_missing", "baseline"),
    make.fact("scan_incomplete"),
    make.fact("scan_interference", "control_probe"),
    make.fact("scan_clean", "baseline", "coverage_ok", polarity=Polarity.SUPPORT),
    make.fact("change_unscanned", "change_feed"),
)
COMPLETE = make.run(make.open_host(p443=Service("https", tls=make.tls())))
OBSERVED = {
    "unexpected_open",
    "missing_service",
    "service_mismatch",
    "insecure_service",
    "unknown_service",
    "datastore_exposed",
    "tls_cert_problem",
}


def facts(
    *judgements: Judgement, run: RunRecord = COMPLETE, evaluation: Evaluation | None = None
) -> Facts:
    return assert_facts(run, evaluation or make.evaluation(*judgements), make.baseline(), DEFINED)


def test_a_complete_run_denies_what_it_looked_for() -> None:
    assert facts().decided == OBSERVED | {
        "approval_missing",
        "scan_incomplete",
        "scan_interference",
        "scan_clean",
    }


def test_what_this_version_does_not_look_for_is_never_denied() -> None:
    known = facts()
    assert not {"tls_weak", "internal_address_leak"} & known.decided
    assert known.why_open("tls_weak") == "not seen, and one run cannot show that there is none"
    assert known.why_open("internal_address_leak") == "not looked for by this version"
    assert known.why_open("change_unscanned") == "needs change_feed"


def test_a_deviation_asserts_its_facts_and_leads_to_its_finding() -> None:
    judged = make.judgement(facts=("unexpected_open",), evidence=("e1",))
    (asserted,) = facts(judged).asserted
    assert asserted.finding == judged.fingerprint
    assert asserted.subject == "10.0.0.5:8080/tcp from internet"
    assert (asserted.evidence, asserted.waived) == (("e1",), False)


def test_a_waived_deviation_still_asserts_its_facts_and_says_that_it_is_waived() -> None:
    waived = make.judgement(verdict=Verdict.WAIVED, facts=("unexpected_open",))
    (asserted,) = facts(waived).asserted
    assert asserted.waived


def test_an_approved_port_asserts_what_its_approval_does_not_change() -> None:
    approved = make.judgement(verdict=Verdict.CONFORMS, facts=("datastore_exposed",))
    asserted = {each.fact: each for each in facts(approved).asserted}
    assert asserted["datastore_exposed"].finding == ""


@pytest.mark.parametrize("status", [RunStatus.INCONCLUSIVE, RunStatus.INTERRUPTED])
def test_a_run_that_did_not_conclude_denies_nothing_that_it_looked_for(status: RunStatus) -> None:
    known = facts(run=replace(COMPLETE, status=status, status_reason="canary silent"))
    assert not known.decided & OBSERVED
    assert known.why_open("unexpected_open") == f"the run is {status}: canary silent"
    assert "approval_missing" in known.decided


def test_one_unmeasured_port_is_enough_to_deny_nothing() -> None:
    run = make.run(make.host_outcome(unmeasured={LocalFault.NO_SOCKETS: "443"}))
    assert not facts(run=run).decided & OBSERVED


@pytest.mark.parametrize("trust", [Trust.TRUSTED, None])
def test_exposure_to_the_outside_is_denied_from_the_outside_only(trust: Trust | None) -> None:
    known = facts(evaluation=make.evaluation(trust=trust))
    assert "datastore_exposed" not in known.decided
    assert "zone internet only" in known.why_open("datastore_exposed")


def test_an_open_port_that_does_not_say_what_it_is_may_be_insecure() -> None:
    silent = make.judgement(verdict=Verdict.CONFORMS, facts=("unknown_service",))
    known = facts(silent)
    assert "insecure_service" not in known.decided
    assert "unexpected_open" in known.decided
    assert known.why_open("insecure_service") == "1 open port did not identify what answers"


@pytest.mark.parametrize("own", [False, True])
def test_an_open_port_that_nobody_asked_what_it_is_may_be_insecure_or_unknown(own: bool) -> None:  # noqa: FBT001 - a case
    host = make.open_host(p9999=None)
    unasked = replace(host, observations=tuple(replace(e, asked=False) for e in host.observations))
    listeners = tuple(each.endpoint for each in unasked.observations) if own else ()
    known = facts(run=make.run(unasked, own_listeners=listeners))
    assert known.decided.isdisjoint({"insecure_service", "unknown_service"}) is not own
    assert "unexpected_open" in known.decided
    if not own:
        assert known.why_open("unknown_service") == "1 open port was not asked what answers"


@pytest.mark.parametrize(
    ("rule", "fact"),
    [
        ("missing-service", "missing_service"),
        ("service-mismatch", "service_mismatch"),
        ("tls-certificate", "tls_cert_problem"),
    ],
)
def test_an_unknown_leaves_its_fact_undecided_and_the_others_alone(rule: str, fact: str) -> None:
    known = facts(make.judgement(rule, verdict=Verdict.UNKNOWN, title="It is not known."))
    assert OBSERVED - known.decided == {fact}
    assert known.why_open(fact) == "It is not known."


def test_where_no_endpoint_spoke_tls_no_certificate_was_found_good() -> None:
    known = facts(run=make.run())
    assert "tls_cert_problem" not in known.decided
    assert known.why_open("tls_cert_problem") == "no endpoint of the run spoke TLS"


def test_udp_silence_answers_the_question_whether_something_answered() -> None:
    known = facts(make.judgement("no-response", verdict=Verdict.UNKNOWN))
    assert known.decided >= OBSERVED


def test_without_control_probes_interference_is_not_denied() -> None:
    assert "scan_interference" not in facts(run=make.run(samples=())).decided


def test_without_a_negative_control_nothing_would_unmask_interference() -> None:
    known = facts(run=make.run(plan={"controls": ()}))
    assert "scan_interference" not in known.decided
    assert "no negative control" in known.why_open("scan_interference")


def test_without_service_rules_insecure_services_are_not_denied() -> None:
    known = facts(evaluation=make.evaluation(available=frozenset({"baseline", "zones"})))
    assert "insecure_service" not in known.decided
    assert known.why_open("insecure_service") == "needs service_rules"


def test_a_fact_that_the_vocabulary_lacks_is_a_fault_of_the_document() -> None:
    with pytest.raises(DocumentError, match="the fact no_such_fact is missing"):
        facts(make.judgement(facts=("no_such_fact",)))


def test_a_standing_finding_leaves_its_facts_open_and_no_run_clean() -> None:
    standing = make.finding(make.judgement(facts=("unexpected_open",)))
    known = assert_facts(COMPLETE, make.evaluation(), make.baseline(), DEFINED, (standing,))
    told = f"finding {standing.fingerprint} stands and was not measured again"
    assert not known.decided & {"unexpected_open", "scan_clean"}
    assert known.why_open("unexpected_open") == told
    assert known.why_open("scan_clean") == told
    assert "scan_clean" not in {each.fact for each in known.asserted}
    assert "missing_service" in known.decided


@pytest.mark.parametrize("verdict", [Verdict.DEVIATES, Verdict.WAIVED])
def test_interference_hides_what_any_port_speaks_waived_or_not(verdict: Verdict) -> None:
    judged = make.judgement("scan-interference", verdict=verdict, facts=("unexpected_open",))
    known = facts(judged)
    hidden = {"service_mismatch", "insecure_service", "unknown_service", "datastore_exposed"}
    assert not known.decided & hidden
    assert known.why_open("insecure_service") == judged.title


def test_a_response_that_was_not_understood_leaves_all_observation_open() -> None:
    known = facts(make.judgement("unrecognised-response", verdict=Verdict.UNKNOWN))
    assert not known.decided & OBSERVED
