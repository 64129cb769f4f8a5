"""What a check's exit code says: 3 wins over 1, and 1 over 0."""

from __future__ import annotations

import pytest

import factories as make
from portproof.model.finding import Severity, Verdict
from portproof.model.scan import RunStatus
from portproof.policy.exit_code import exit_code

COMPLETE = make.run()
UNKNOWN = make.judgement(verdict=Verdict.UNKNOWN)
REQUIRED = make.judgement(verdict=Verdict.UNKNOWN, required=True)
WAIVED = make.judgement(verdict=Verdict.WAIVED, severity=Severity.CRITICAL)


def test_nothing_found_is_0() -> None:
    assert exit_code(make.evaluation(), COMPLETE, Severity.MEDIUM) == 0


@pytest.mark.parametrize(
    ("severity", "code"), [(Severity.LOW, 0), (Severity.MEDIUM, 1), (Severity.CRITICAL, 1)]
)
def test_a_deviation_counts_from_the_given_severity_on(severity: Severity, code: int) -> None:
    found = make.evaluation(make.judgement(severity=severity))
    assert exit_code(found, COMPLETE, Severity.MEDIUM) == code


def test_a_waived_deviation_does_not_count() -> None:
    assert exit_code(make.evaluation(WAIVED), COMPLETE, Severity.INFO) == 0


def test_an_unknown_counts_only_when_something_required_hangs_on_it() -> None:
    assert exit_code(make.evaluation(UNKNOWN), COMPLETE, Severity.INFO) == 0
    assert exit_code(make.evaluation(REQUIRED), COMPLETE, Severity.INFO) == 3


@pytest.mark.parametrize("status", [RunStatus.INCONCLUSIVE, RunStatus.INTERRUPTED])
def test_a_run_that_is_not_conclusive_is_3_whatever_it_saw(status: RunStatus) -> None:
    run = make.run(status=status)
    assert exit_code(make.evaluation(), run, Severity.INFO) == 3


def test_3_wins_over_1() -> None:
    found = make.evaluation(make.judgement(severity=Severity.CRITICAL), REQUIRED)
    assert exit_code(found, COMPLETE, Severity.INFO) == 3
