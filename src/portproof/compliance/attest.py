"""What the facts say of a framework's controls, in the six words of `ControlWord`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from portproof.compliance.facts import RUN_DEPENDENT, Facts
from portproof.model.compliance import (
    AssertedFact,
    ControlResult,
    ControlWord,
    FrameworkResult,
)
from portproof.model.rule import Framework, FrameworkControl, Polarity, Strength
from portproof.model.scan import RunRecord

_LACKS_EVIDENCE: Final = "scan_incomplete"
"""The one deficiency that says only that evidence is lacking."""


def attest(framework: Framework, facts: Facts, run: RunRecord) -> FrameworkResult:
    """Give one result per control, in the order of the framework file."""
    return FrameworkResult(
        framework=framework,
        results=tuple(_result(each, facts, run) for each in framework.controls),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What one control rests on."""

    control: FrameworkControl
    supporting: tuple[AssertedFact, ...]
    exceptions: tuple[AssertedFact, ...]
    context: tuple[AssertedFact, ...]
    denied: tuple[str, ...]
    """Deficiencies that were looked for completely and not found."""
    decided: tuple[str, ...]
    """Facts that are asserted, or were looked for completely."""
    undecided: tuple[str, ...]
    """Facts that were looked for, and may still hold."""
    not_evaluated: tuple[str, ...]
    """Facts that could not be looked for."""
    only_support: bool
    """No deficiency fact touches the control."""


def _result(control: FrameworkControl, facts: Facts, run: RunRecord) -> ControlResult:
    ground = _ground(control, facts)
    word, because = _word(ground, facts, run)
    return ControlResult(
        control=control,
        word=word,
        because=because,
        supporting=ground.supporting,
        exceptions=ground.exceptions,
        context=ground.context,
        not_evaluated=ground.not_evaluated,
    )


def _ground(control: FrameworkControl, facts: Facts) -> _Ground:
    touching = [each for each in facts.asserted if each.fact in control.facts]
    asserted = {each.fact for each in touching}
    decided = [each for each in control.facts if each in facts.decided or each in asserted]
    left = [each for each in control.facts if each not in decided]
    against = [each for each in control.facts if facts.polarity(each) is Polarity.DEFICIENCY]
    return _Ground(
        control=control,
        supporting=_of(touching, Polarity.SUPPORT),
        exceptions=_of(touching, Polarity.DEFICIENCY),
        context=_of(touching, Polarity.CONTEXT),
        denied=tuple(each for each in against if each in facts.decided - asserted),
        decided=tuple(decided),
        undecided=tuple(each for each in left if each in facts.undecided),
        not_evaluated=tuple(each for each in left if each not in facts.undecided),
        only_support=not against,
    )


def _of(facts: Sequence[AssertedFact], polarity: Polarity) -> tuple[AssertedFact, ...]:
    return tuple(each for each in facts if each.polarity is polarity)


def _word(ground: _Ground, facts: Facts, run: RunRecord) -> tuple[ControlWord, str]:
    """Give the word and the sentence it rests on; the order is the one of the package docstring."""
    control = ground.control
    if not control.facts:
        return ControlWord.OUT_OF_SCOPE, "No observable fact touches this control."
    if control.strength is Strength.CONTEXT:
        return _context(ground)
    if not ground.decided and not ground.undecided:
        return ControlWord.NOT_EVALUATED, f"Not looked for: {_listed(ground.not_evaluated)}."
    if not run.conclusive and RUN_DEPENDENT.intersection(control.facts):
        why = run.status_reason or "no reason given"
        return ControlWord.INSUFFICIENT, f"The run is {run.status}: {why}."
    if any(each.fact != _LACKS_EVIDENCE for each in ground.exceptions):
        return ControlWord.EXCEPTIONS, _exceptions(ground, facts)
    return _without_exceptions(ground, facts)


def _context(ground: _Ground) -> tuple[ControlWord, str]:
    """A control of the strength context never gets a verdict, whatever was seen."""
    if not ground.decided:
        missing = _listed((*ground.undecided, *ground.not_evaluated))
        return ControlWord.NOT_EVALUATED, f"Not decided: {missing}."
    return ControlWord.CONTEXT, f"Context only, from: {_listed(ground.decided)}."


def _without_exceptions(ground: _Ground, facts: Facts) -> tuple[ControlWord, str]:
    if ground.exceptions:
        return ControlWord.INSUFFICIENT, f"The run is incomplete: {ground.exceptions[0].because}."
    open_points = tuple(
        each
        for each in (*ground.undecided, *ground.not_evaluated)
        if facts.polarity(each) is Polarity.DEFICIENCY
    )
    if open_points:
        return ControlWord.INSUFFICIENT, _lacking(open_points, facts)
    if ground.only_support and not ground.supporting:
        missing = (*ground.undecided, *ground.not_evaluated)
        because = _lacking(missing, facts) if missing else "No supporting fact could be asserted."
        return ControlWord.INSUFFICIENT, because
    found = f"Looked for and not observed: {_listed(ground.denied)}." if ground.denied else ""
    held = f"Observed: {_listed({each.fact: None for each in ground.supporting})}."
    return ControlWord.SUPPORTED, " ".join(
        each for each in (found, held if ground.supporting else "") if each
    )


def _exceptions(ground: _Ground, facts: Facts) -> str:
    waived = sum(each.waived for each in ground.exceptions)
    number = len(ground.exceptions)
    noun = "exception" if number == 1 else "exceptions"
    sentence = f"{number} {noun}: {_listed({each.fact: None for each in ground.exceptions})}"
    sentence += f", {waived} of them waived." if waived else "."
    left = tuple(
        each
        for each in (*ground.undecided, *ground.not_evaluated)
        if facts.polarity(each) is Polarity.DEFICIENCY
    )
    return f"{sentence} {_lacking(left, facts)}" if left else sentence


def _lacking(left: Sequence[str], facts: Facts) -> str:
    """Say of each fact that is left open what is missing."""
    reasons: dict[str, list[str]] = {}
    for fact in left:
        reasons.setdefault(facts.why_open(fact), []).append(fact)
    told = [f"{_listed(held)} ({why})" for why, held in reasons.items()]
    return f"Not decided: {'; '.join(told)}."


def _listed(facts: Sequence[str] | dict[str, None]) -> str:
    return ", ".join(facts) or "nothing"
