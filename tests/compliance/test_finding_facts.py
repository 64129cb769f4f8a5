"""What is overdue as a fact: asserted, denied, or open, and what frameworks make of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import factories as make
from portproof.compliance.attest import attest
from portproof.compliance.facts import Facts, assert_facts
from portproof.compliance.finding_facts import OVERDUE, with_overdue
from portproof.documents import load_facts, load_framework
from portproof.model.compliance import ControlWord
from portproof.model.deadlines import Overdue
from portproof.model.scan import RunRecord, RunStatus

POLICIES = Path(__file__).parents[2] / "policies"
FACTS = load_facts(POLICIES / "facts.yaml")
SOC2 = load_framework(POLICIES / "frameworks" / "soc2-tsc-2017.yaml", FACTS)
CLEAN = make.run(make.open_host(p443=None))
BROKEN = make.run(make.open_host(p443=None), status=RunStatus.INCONCLUSIVE)
LATE = Overdue(make.finding(), date(2026, 11, 20))


def facts(run: RunRecord = CLEAN) -> Facts:
    return assert_facts(run, make.evaluation(), make.baseline(), FACTS)


def word(known: Facts, control: str, run: RunRecord = CLEAN) -> ControlWord:
    results = attest(SOC2, known, run).results
    return next(each.word for each in results if each.control.id == control)


def test_a_finding_past_its_day_is_an_exception_that_leads_to_it() -> None:
    known = with_overdue(facts(), (LATE,))
    (told,) = (each for each in known.asserted if each.fact == OVERDUE)
    assert told.finding == LATE.finding.fingerprint
    assert told.because.endswith("due 2026-11-20")
    assert word(known, "CC4.2") is ControlWord.EXCEPTIONS


def test_nothing_overdue_is_denied_where_deadlines_were_decided() -> None:
    known = with_overdue(facts(), ())
    assert OVERDUE in known.decided
    assert word(known, "CC5.3") is ControlWord.SUPPORTED


def test_without_decided_deadlines_nobody_knows_and_the_report_says_what_is_missing() -> None:
    known = facts()
    assert OVERDUE not in known.decided
    assert known.why_open(OVERDUE) == "needs sla"
    assert word(known, "CC5.3") is ControlWord.INSUFFICIENT


@pytest.mark.parametrize("late", [(), (LATE,)])
def test_a_run_that_did_not_conclude_denies_nothing(late: tuple[Overdue, ...]) -> None:
    known = with_overdue(facts(BROKEN), late)
    assert OVERDUE not in known.decided
    assert known.why_open(OVERDUE) == "the run did not conclude"
    assert word(known, "CC5.3", BROKEN) is not ControlWord.SUPPORTED


def test_a_vocabulary_without_the_word_is_left_as_it_is() -> None:
    known = assert_facts(CLEAN, make.evaluation(), make.baseline(), make.fact_definitions())
    assert with_overdue(known, (LATE,)) is known
