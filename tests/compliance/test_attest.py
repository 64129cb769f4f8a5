"""The word of a control, in every case that the package docstring lists."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories as make
from portproof.compliance.attest import attest
from portproof.compliance.facts import assert_facts
from portproof.model.compliance import ControlResult, ControlWord
from portproof.model.finding import Evaluation, Judgement, Verdict
from portproof.model.observation import LocalFault
from portproof.model.rule import FrameworkControl, Polarity, Strength
from portproof.model.scan import RunRecord, RunStatus

DEFINED = make.fact_definitions(
    make.fact("unexpected_open", "baseline", "completed_probe"),
    make.fact("missing_service", "baseline", "completed_probe"),
    make.fact("approval_self", "baseline"),
    make.fact("insecure_mitigated", "service_rules", polarity=Polarity.SUPPORT),
    make.fact("scan_clean", "baseline", "coverage_ok", polarity=Polarity.SUPPORT),
    make.fact("scan_incomplete"),
    make.fact("clock_unsynced"),
    make.fact("change_unscanned", "change_feed"),
    make.fact("change_scanned", "change_feed", polarity=Polarity.SUPPORT),
    make.fact("inventory_unseen", "inventory", polarity=Polarity.CONTEXT),
    make.fact("exception_expiring", "baseline", polarity=Polarity.CONTEXT),
)
FACT_IDS = tuple(each.id for each in DEFINED.facts)
COMPLETE = make.run()
EXPOSED = make.judgement(facts=("unexpected_open",))
CUT_SHORT = replace(COMPLETE, status=RunStatus.INCONCLUSIVE, status_reason="the canary fell silent")


def result(
    control: FrameworkControl, *judgements: Judgement, run: RunRecord = COMPLETE
) -> ControlResult:
    evaluation: Evaluation = make.evaluation(*judgements)
    facts = assert_facts(run, evaluation, make.baseline(), DEFINED)
    return attest(make.framework(control), facts, run).results[0]


def word(
    *facts: str, judgements: tuple[Judgement, ...] = (), run: RunRecord = COMPLETE
) -> ControlWord:
    return result(make.control("C-1", *facts), *judgements, run=run).word


def test_a_control_whose_deficiencies_were_looked_for_and_not_found_is_supported() -> None:
    found = result(make.control("C-1", "unexpected_open", "missing_service", "scan_clean"))
    assert found.word is ControlWord.SUPPORTED
    assert found.because == (
        "Looked for and not observed: unexpected_open, missing_service. Observed: scan_clean."
    )
    assert [each.fact for each in found.supporting] == ["scan_clean"]


def test_a_deficiency_is_an_exception() -> None:
    found = result(make.control("C-1", "unexpected_open", "scan_clean"), EXPOSED)
    assert found.word is ControlWord.EXCEPTIONS
    assert found.because == "1 exception: unexpected_open."
    assert [each.finding for each in found.exceptions] == [EXPOSED.fingerprint]


def test_a_waived_deficiency_is_an_exception_too() -> None:
    waived = replace(EXPOSED, verdict=Verdict.WAIVED)
    found = result(make.control("C-1", "unexpected_open"), waived)
    assert found.word is ControlWord.EXCEPTIONS
    assert found.because == "1 exception: unexpected_open, 1 of them waived."


def test_a_control_that_no_fact_touches_is_out_of_scope() -> None:
    assert word() is ControlWord.OUT_OF_SCOPE
    assert word(run=CUT_SHORT) is ControlWord.OUT_OF_SCOPE


def test_a_control_of_which_nothing_could_be_looked_for_is_not_evaluated() -> None:
    found = result(make.control("C-1", "change_unscanned", "change_scanned"))
    assert found.word is ControlWord.NOT_EVALUATED
    assert found.not_evaluated == ("change_unscanned", "change_scanned")


def test_a_control_whose_other_half_was_not_looked_for_is_not_supported() -> None:
    found = result(make.control("C-1", "unexpected_open", "change_unscanned", "scan_clean"))
    assert found.word is ControlWord.INSUFFICIENT
    assert found.because == "Not decided: change_unscanned (needs change_feed)."
    assert found.not_evaluated == ("change_unscanned",)
    assert [each.fact for each in found.supporting] == ["scan_clean"]


def test_an_exception_wins_over_what_was_not_looked_for_and_both_are_told() -> None:
    found = result(make.control("C-1", "unexpected_open", "change_unscanned"), EXPOSED)
    assert found.word is ControlWord.EXCEPTIONS
    assert "Not decided: change_unscanned (needs change_feed)." in found.because


def test_a_supporting_fact_that_could_not_be_looked_for_takes_nothing_away() -> None:
    assert word("unexpected_open", "change_scanned") is ControlWord.SUPPORTED


def test_a_control_of_supporting_facts_alone_needs_one_of_them() -> None:
    assert word("scan_clean") is ControlWord.SUPPORTED
    assert word("insecure_mitigated") is ControlWord.INSUFFICIENT
    assert word("change_scanned") is ControlWord.NOT_EVALUATED


@pytest.mark.parametrize("status", [RunStatus.INCONCLUSIVE, RunStatus.INTERRUPTED])
def test_a_run_that_did_not_conclude_is_insufficient_evidence_whatever_it_saw(
    status: RunStatus,
) -> None:
    run = replace(CUT_SHORT, status=status)
    found = result(make.control("C-1", "unexpected_open", "scan_clean"), EXPOSED, run=run)
    assert found.word is ControlWord.INSUFFICIENT
    assert found.because == f"The run is {status}: the canary fell silent."
    assert found.exceptions


def test_a_control_about_documents_does_not_hang_on_the_run() -> None:
    assert word("approval_self", run=CUT_SHORT) is ControlWord.SUPPORTED
    own = make.judgement("approval-self", facts=("approval_self",))
    assert word("approval_self", judgements=(own,), run=CUT_SHORT) is ControlWord.EXCEPTIONS


def test_a_port_that_was_not_measured_is_insufficient_evidence() -> None:
    run = make.run(make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "443"}))
    found = result(make.control("C-1", "unexpected_open"), run=run)
    assert found.word is ControlWord.INSUFFICIENT
    assert "65534 of 65535 endpoints were measured" in found.because


def test_an_incomplete_run_is_lacking_evidence_and_not_an_exception() -> None:
    run = make.run(make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "443"}))
    assert word("scan_incomplete", run=run) is ControlWord.INSUFFICIENT
    assert word("scan_incomplete") is ControlWord.SUPPORTED


@pytest.mark.parametrize("judgements", [(), (EXPOSED,)], ids=["clean", "with an exception"])
def test_a_context_control_gets_context_and_never_a_verdict(
    judgements: tuple[Judgement, ...],
) -> None:
    context = make.control("C-1", "unexpected_open", strength=Strength.CONTEXT)
    assert result(context, *judgements).word is ControlWord.CONTEXT


def test_a_context_control_without_anything_decided_is_not_evaluated() -> None:
    context = make.control("C-1", "unexpected_open", strength=Strength.CONTEXT)
    nothing = make.control("C-1", "change_unscanned", strength=Strength.CONTEXT)
    assert result(context, run=CUT_SHORT).word is ControlWord.NOT_EVALUATED
    assert result(nothing).word is ControlWord.NOT_EVALUATED


def test_controls_come_in_the_order_of_their_framework() -> None:
    facts = assert_facts(COMPLETE, make.evaluation(), make.baseline(), DEFINED)
    framework = make.framework(make.control("B"), make.control("A"))
    results = attest(framework, facts, COMPLETE).results
    assert [each.control.id for each in results] == ["B", "A"]


@given(
    st.sets(st.sampled_from(FACT_IDS)),
    st.lists(st.sampled_from(FACT_IDS), max_size=3),
    st.sampled_from(RunStatus),
    st.sampled_from(Strength),
    st.sampled_from(["", "443"]),
)
def test_supported_means_looked_for_completely_and_not_found(
    touching: set[str],
    asserted: list[str],
    status: RunStatus,
    strength: Strength,
    unmeasured: str,
) -> None:
    host = make.host_outcome(
        make.planned_host(tcp="22,443"), unmeasured={LocalFault.NO_ROUTE: unmeasured}
    )
    run = make.run(host, status=status)
    judgements = [make.judgement(facts=(each,)) for each in asserted]
    facts = assert_facts(run, make.evaluation(*judgements), make.baseline(), DEFINED)
    control = make.control("C-1", *sorted(touching), strength=strength)
    (found,) = attest(make.framework(control), facts, run).results
    if found.word is ControlWord.SUPPORTED:
        assert strength is not Strength.CONTEXT
        against = {each for each in touching if facts.polarity(each) is Polarity.DEFICIENCY}
        assert against <= facts.decided
        assert not found.exceptions
        assert run.conclusive or not touching & {"unexpected_open", "missing_service", "scan_clean"}
    assert found.because.endswith(".")
