"""The cover: what the report is, and its one-page result in neutral words."""

from __future__ import annotations

from collections import Counter

from portproof.model.evidence import ReportInfo, Summary
from portproof.model.finding import Severity, Verdict
from portproof.model.observation import LocalFault
from portproof.model.scan import RunStatus
from portproof.policy.conformity import conforming_subjects
from portproof.usecases.describe.case import Case, carried_over
from portproof.usecases.describe.provenance import approvals_summary
from portproof.usecases.describe.wording import counted, instant


def report_info(case: Case) -> ReportInfo:
    """Give the report's identity; its id follows the run's, so that one run has one report id."""
    # Without versions: they stand in section 1, each with the digest of its file.
    frameworks = " and ".join(each.framework.title for each in case.checked.frameworks)
    return ReportInfo(
        id=f"report-{case.run.plan.run_id}",
        title=f"Network exposure evidence supporting {frameworks}"
        if frameworks
        else "Network exposure evidence",
        kind="point-in-time",
        entity=case.imprint.entity,
        scope=case.run.plan.scope,
        issued_at=instant(case.issued_at),
        classification=case.imprint.classification,
        tool_version=case.run.tool_version,
        operator=case.imprint.operator,
        log_size=case.head.size,
        log_head=case.head.digest,
    )


def summary(case: Case) -> Summary:
    """Give the overall line and the counts behind it."""
    deviations = case.checked.evaluation.deviations
    severities = Counter(each.severity for each in deviations)
    verdicts = Counter(each.verdict for each in case.checked.evaluation.judgements)
    verdicts[Verdict.CONFORMS] += conforming_subjects(case.checked.evaluation)
    return Summary(
        sentence=_sentence(case),
        run_status=case.run.status,
        status_reason=case.run.status_reason,
        by_severity={each.value: severities[each] for each in reversed(Severity)},
        by_verdict={each.value: verdicts[each] for each in Verdict},
        planned=sum(each.planned for each in case.run.coverage),
        measured=sum(each.measured for each in case.run.coverage),
        approvals=approvals_summary(case),
    )


def _sentence(case: Case) -> str:
    evaluation = case.checked.evaluation
    deviations = counted(len(evaluation.deviations), "deviation")
    if case.run.status is not RunStatus.COMPLETE:
        seen = f" What was measured shows {deviations}." if evaluation.deviations else ""
        return f"Insufficient evidence: {case.run.status_reason}.{seen}"
    lacking = _lacking(case)
    if evaluation.deviations:
        seen = f"{deviations} {'was' if len(evaluation.deviations) == 1 else 'were'} observed"
        standing = ""
    else:
        seen = "no deviation was observed"
        standing = _standing(case)
    if lacking:
        return f"Insufficient evidence{lacking}; in what was measured, {seen}{standing}."
    return f"{seen[0].upper()}{seen[1:]} within the stated coverage{standing}."


def _lacking(case: Case) -> str:
    """Say what a complete run has no evidence of; empty: of all that could be asked it has."""
    unknown = [each for each in case.checked.evaluation.unknown if each.required]
    services = f" for {counted(len(unknown), 'required service')}" if unknown else ""
    coverage = case.run.coverage
    planned = sum(each.planned for each in coverage)
    measured = sum(each.measured for each in coverage)
    # Nobody can ask a UDP port that no probe is registered for; the tables of the report list it.
    not_asked = sum(each.unmeasured.get(LocalFault.NOT_PROBED, 0) for each in coverage)
    if measured + not_asked >= planned:
        return services
    return f"{services}: {measured:,} of {counted(planned, 'endpoint')} were measured"


def _standing(case: Case) -> str:
    """Count what stands from earlier runs; what a waiver covers is told apart."""
    verdicts = Counter(each.judgement.verdict for each in carried_over(case.checked))
    waived, held = verdicts[Verdict.WAIVED], verdicts.total() - verdicts[Verdict.WAIVED]
    told = (
        [f"{counted(held, 'earlier finding')} outside it still {_stand(held)} open"] if held else []
    )
    told += (
        [f"{counted(waived, 'earlier finding')} outside it {_stand(waived)} under a waiver"]
        if waived
        else []
    )
    return "".join(f"; {each}" for each in told)


def _stand(number: int) -> str:
    return "stands" if number == 1 else "stand"
