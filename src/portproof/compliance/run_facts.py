"""Facts about a run itself: how far it went, and what stood in its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from portproof.model.compliance import AssertedFact
from portproof.model.finding import Evaluation, Finding
from portproof.model.observation import LocalFault
from portproof.model.rule import FactDefinitions
from portproof.model.scan import Control, ControlKind, RunRecord

COVERAGE_OK: Final = "coverage_ok"
"""The need that a run without a coverage gap meets. The threshold is all that was planned: the one
port that was not measured may be the one that matters (law 1)."""


def coverage_gap(run: RunRecord) -> str | None:
    """Say what a run lacks to have seen everything it planned; None when it lacks nothing."""
    if not run.conclusive:
        return f"the run is {run.status}: {run.status_reason or 'no reason given'}"
    planned = sum(each.planned for each in run.coverage)
    measured = sum(each.measured for each in run.coverage)
    if not planned:
        return "the run planned nothing"
    if measured < planned:
        faults = sum((Counter(each.unmeasured) for each in run.coverage), Counter[LocalFault]())
        missing = sum(each.missing for each in run.coverage)
        causes = [f"{number} {fault}" for fault, number in sorted(faults.items()) if number]
        causes += [f"{missing} missing"] if missing else []
        return f"{measured} of {planned} endpoints were measured ({', '.join(causes) or 'no cause given'})"
    unresolved = [each.name for each in run.plan.resolutions if not each.addresses]
    return f"{', '.join(unresolved)} did not resolve" if unresolved else None


def run_facts(
    run: RunRecord,
    evaluation: Evaluation,
    definitions: FactDefinitions,
    standing: Sequence[Finding] = (),
) -> Iterator[AssertedFact]:
    """Give the facts the run asserts about itself, as far as the vocabulary has them.

    `standing` are findings of earlier runs that this one did not measure again.
    """
    told = (
        ("scan_clean", None if standing else _clean(run, evaluation)),
        ("scan_incomplete", coverage_gap(run)),
        ("scan_interference", _interference(run)),
        ("clock_unsynced", _clock(run)),
    )
    for fact, because in told:
        definition = definitions.get(fact)
        if because is not None and definition is not None:
            yield AssertedFact(
                fact=fact,
                polarity=definition.polarity,
                subject=f"run {run.plan.run_id}",
                because=because,
            )


def _clean(run: RunRecord, evaluation: Evaluation) -> str | None:
    """A waived deviation was still a deviation, and something required that nobody saw is not clean."""
    unseen = any(each.required for each in evaluation.unknown)
    if coverage_gap(run) or evaluation.deviations or evaluation.waived or unseen:
        return None
    measured = sum(each.measured for each in run.coverage)
    zone = run.plan.vantage.zone
    return f"all {measured} planned endpoints were measured from {zone}; no deviation was observed"


def _interference(run: RunRecord) -> str | None:
    """A control that did not show what it must, or silence that no control vouched for."""
    controls = {each.id: each for each in run.plan.controls}
    failed = [each for each in run.samples if not each.as_expected]
    if failed:
        said = sorted({_control(each.control_id, controls, each.seen) for each in failed})
        return f"{len(failed)} of {len(run.samples)} control samples were not as expected: {'; '.join(said)}"
    lost = sum(each.unmeasured.get(LocalFault.CONTROL_FAILED, 0) for each in run.coverage)
    return f"{lost} endpoints were silent without a witness" if lost else None


def _control(control_id: str, controls: dict[str, Control], seen: str) -> str:
    control = controls.get(control_id)
    kind = "positive" if control and control.kind is ControlKind.POSITIVE else "negative"
    return (
        f"{kind} control {control_id} showed {seen}" if control else f"{control_id} showed {seen}"
    )


def _clock(run: RunRecord) -> str | None:
    """A clock of which nothing is known is not known to be right."""
    clock = run.clock
    if clock.synchronised:
        return None
    known = "was not synchronised" if clock.synchronised is False else "could not be told to be"
    detail = f" ({clock.detail})" if clock.detail else ""
    return f"the clock of the vantage {known}, source {clock.source}{detail}"
