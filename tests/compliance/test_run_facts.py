"""Facts about a run itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

import factories as make
from portproof.compliance.run_facts import coverage_gap, run_facts
from portproof.model.finding import Judgement, Verdict
from portproof.model.observation import LocalFault
from portproof.model.rule import Polarity
from portproof.model.scan import (
    ClockFacts,
    Control,
    ControlKind,
    ControlSample,
    Resolution,
    RunRecord,
    RunStatus,
)

DEFINED = make.fact_definitions(
    make.fact("scan_clean", polarity=Polarity.SUPPORT),
    make.fact("scan_incomplete"),
    make.fact("scan_interference"),
    make.fact("clock_unsynced"),
)


def told(run: RunRecord, *judgements: Judgement) -> dict[str, str]:
    facts = run_facts(run, make.evaluation(*judgements), DEFINED)
    return {each.fact: each.because for each in facts}


def test_a_complete_run_without_a_deviation_is_clean() -> None:
    assert set(told(make.run())) == {"scan_clean"}


@pytest.mark.parametrize(
    "judgement",
    [
        make.judgement(),
        make.judgement(verdict=Verdict.WAIVED),
        make.judgement(verdict=Verdict.UNKNOWN, required=True),
    ],
    ids=["deviates", "waived", "required and unknown"],
)
def test_a_deviation_waived_or_not_and_a_required_unknown_are_not_clean(
    judgement: Judgement,
) -> None:
    assert not told(make.run(), judgement)


def test_one_port_that_was_not_measured_makes_a_run_incomplete() -> None:
    run = make.run(make.host_outcome(unmeasured={LocalFault.NO_ROUTE: "80"}))
    facts = told(run)
    assert set(facts) == {"scan_incomplete"}
    assert facts["scan_incomplete"] == "65534 of 65535 endpoints were measured (1 no-route)"


def test_a_missing_outcome_is_told_as_missing() -> None:
    assert "65535 missing" in str(coverage_gap(make.run(make.host_outcome(fill=None))))


@pytest.mark.parametrize("status", [RunStatus.INCONCLUSIVE, RunStatus.INTERRUPTED])
def test_a_run_that_did_not_conclude_is_incomplete_whatever_it_measured(status: RunStatus) -> None:
    facts = told(make.run(status=status, status_reason="the canary fell silent"))
    assert facts["scan_incomplete"] == f"the run is {status}: the canary fell silent"
    assert "scan_clean" not in facts


def test_a_run_of_nothing_is_not_clean() -> None:
    assert set(told(make.run(make.host_outcome(make.planned_host(tcp=""))))) == {"scan_incomplete"}


def test_a_name_that_did_not_resolve_makes_a_run_incomplete() -> None:
    gone = Resolution(name="gone.example.com", addresses=(), at=make.NOON)
    run = make.run(plan={"resolutions": (gone,)})
    assert told(run) == {"scan_incomplete": "gone.example.com did not resolve"}


def test_a_control_that_did_not_show_what_it_must_is_interference() -> None:
    control = Control(
        id="blackhole",
        kind=ControlKind.NEGATIVE,
        endpoint=make.endpoint("192.0.2.1:9/tcp"),
        networks=(),
    )
    samples = (
        ControlSample(control_id="blackhole", at_ms=0, as_expected=True, seen="closed"),
        ControlSample(control_id="blackhole", at_ms=900, as_expected=False, seen="open (syn-ack)"),
    )
    facts = told(make.run(samples=samples, plan={"controls": (control,)}))
    assert "negative control blackhole showed open (syn-ack)" in facts["scan_interference"]


def test_silence_without_a_witness_is_interference() -> None:
    run = make.run(make.host_outcome(unmeasured={LocalFault.CONTROL_FAILED: "1-100"}))
    assert told(run)["scan_interference"] == "100 endpoints were silent without a witness"


@pytest.mark.parametrize("synchronised", [False, None])
def test_a_clock_of_which_nothing_good_is_known_is_unsynced(synchronised: bool | None) -> None:  # noqa: FBT001
    clock = ClockFacts(source="unknown", synchronised=synchronised)
    assert "clock_unsynced" in told(replace(make.run(), clock=clock))
