"""Findings, what could not be judged, and what it all means for each framework's controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from portproof.model.compliance import AssertedFact, ControlResult, ControlWord, FrameworkResult
from portproof.model.evidence import (
    ControlResultInfo,
    FactInfo,
    FindingInfo,
    FrameworkInfo,
    SeverityStepInfo,
)
from portproof.model.finding import Finding, FindingEvent, Judgement, Severity
from portproof.policy.due import due_date, is_overdue
from portproof.usecases.describe.case import Case, carried_over
from portproof.usecases.describe.provenance import blame_info
from portproof.usecases.describe.wording import instant, place

_NOT_AGAIN = "Not judged again in this run (outside its coverage, or it could not be measured)."
_OTHERWISE_NOW = (
    "This run was judged so before; by the documents of now it is not, and the next run settles it."
)


def finding_infos(case: Case) -> tuple[FindingInfo, ...]:
    """Give deviations and waived ones, worst first; then those standing from earlier runs."""
    evaluation = case.checked.evaluation
    now = [_finding_info(case, each) for each in (*evaluation.deviations, *evaluation.waived)]
    before = [_standing(case, each) for each in carried_over(case.checked)]
    return tuple(sorted([*now, *before], key=_worst_first))


def unknown_infos(case: Case) -> tuple[FindingInfo, ...]:
    """Give what could not be judged, required ones first."""
    unknown = sorted(case.checked.evaluation.unknown, key=lambda each: not each.required)
    return tuple(_finding_info(case, each) for each in unknown)


def framework_infos(results: Sequence[FrameworkResult]) -> tuple[FrameworkInfo, ...]:
    """Give each framework with all its controls, in the order of its file."""
    return tuple(
        FrameworkInfo(
            id=each.framework.id,
            title=each.framework.title,
            version=each.framework.version,
            disclaimer=each.framework.disclaimer,
            digest=each.framework.digest,
            by_word=_by_word(each),
            controls=tuple(_control_info(result) for result in each.results),
        )
        for each in results
    )


def _worst_first(info: FindingInfo) -> tuple[int, int, str]:
    rank = Severity(info.severity).rank if info.severity else -1
    return (info.verdict != "DEVIATES", -rank, info.endpoint or info.asset)


def _standing(case: Case, finding: Finding) -> FindingInfo:
    same_run = finding.run_id == case.run.plan.run_id
    because = f"{finding.judgement.because} {_OTHERWISE_NOW if same_run else _NOT_AGAIN}"
    return replace(_finding_info(case, finding.judgement, because), carried_over=True)


def _finding_info(case: Case, judged: Judgement, because: str | None = None) -> FindingInfo:
    life = case.checked.findings.get(judged.fingerprint)
    return FindingInfo(
        id=judged.fingerprint,
        rule=judged.rule,
        verdict=judged.verdict,
        status=life.status if life else "",
        severity=judged.severity or "",
        title=judged.title,
        because=because or judged.because,
        action=judged.action,
        asset=judged.subject.asset,
        owner=judged.owner,
        zone=judged.subject.zone,
        endpoint=str(judged.endpoint) if judged.endpoint else "",
        also=tuple(map(str, judged.also)),
        service=judged.service,
        identified_by=judged.identified_by,
        entry=judged.entry_id,
        nearest=judged.nearest,
        waiver=judged.waiver_id,
        facts=judged.facts,
        controls=judged.controls,
        trace=tuple(
            SeverityStepInfo(rule=step.rule, severity=step.severity, because=step.because)
            for step in judged.trace
        ),
        evidence=judged.evidence,
        first_seen=instant(life.first_seen) if life else "",
        last_seen=instant(life.last_seen) if life else "",
        times_seen=life.times_seen if life else 0,
        reopened=life.reopened if life else 0,
        events=tuple(map(_event, case.events.get(judged.fingerprint, ()))),
        target_date=_target(case, judged, life),
        overdue=_overdue(case, life),
        ticket=life.ticket if life else "",
        closed_by=(life.closed_by or "") if life else "",
        location=place(judged.location),
        required=judged.required,
        blame=blame_info(case, judged.entry_id),
    )


def _event(event: FindingEvent) -> str:
    if event.actor is None:
        return f"{instant(event.at)} {event.kind} (run {event.run_id})"
    told = ": ".join(each for each in (event.value, event.because) if each)
    return f"{instant(event.at)} {event.kind} by {event.actor}: {told}"


def _target(case: Case, judged: Judgement, life: Finding | None) -> str:
    """Count the target from the first sighting; empty without a severity or a finding."""
    if judged.severity is None or life is None:
        return ""
    first_seen = life.first_seen.date()
    due = due_date(judged.severity, first_seen, judged.facts, case.documents.deadlines)
    return due.isoformat() if due else ""


def _overdue(case: Case, life: Finding | None) -> bool:
    return life is not None and is_overdue(life, case.documents.deadlines, case.issued_at)


def _by_word(result: FrameworkResult) -> dict[str, int]:
    words = Counter(each.word for each in result.results)
    return {word.value: words[word] for word in ControlWord}


def _control_info(result: ControlResult) -> ControlResultInfo:
    control = result.control
    return ControlResultInfo(
        id=control.id,
        paraphrase=control.paraphrase,
        word=result.word,
        because=result.because,
        strength=control.strength,
        accept=control.accept,
        cannot=control.cannot,
        frequency=control.frequency,
        applies=control.applies,
        supporting=tuple(map(_fact_info, result.supporting)),
        exceptions=tuple(map(_fact_info, result.exceptions)),
        context=tuple(map(_fact_info, result.context)),
        not_evaluated=result.not_evaluated,
    )


def _fact_info(fact: AssertedFact) -> FactInfo:
    return FactInfo(
        fact=fact.fact,
        subject=fact.subject,
        because=fact.because,
        finding=fact.finding,
        evidence=fact.evidence,
        waived=fact.waived,
    )
