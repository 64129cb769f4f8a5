"""Changes since the last comparable run, the operation of the control, and the evidence index."""

from __future__ import annotations

from portproof.model.custom_rule import CustomJudging
from portproof.model.evidence import ChangeInfo, DocumentInfo, EvidenceItem, OperationInfo
from portproof.model.finding import FindingEvent, FindingEventKind, Judgement
from portproof.policy.drift import Drift, PortChange, StateShift
from portproof.usecases.describe.case import Case, noteworthy
from portproof.usecases.describe.wording import counted, instant, ports_text

_FINDING_CHANGES = {
    FindingEventKind.OPENED: "finding opened",
    FindingEventKind.REOPENED: "finding reopened",
    FindingEventKind.RESOLVED: "finding resolved",
    FindingEventKind.WAIVED: "finding waived",
    FindingEventKind.WAIVER_ENDED: "waiver ended",
}


def compared_with(case: Case) -> tuple[str, str]:
    """Give the run that the changes are against, and a note; the run is empty when none compares."""
    if case.earlier is None or case.drift is None:
        return (
            "",
            "There is no earlier complete run of this scope from this vantage to compare with.",
        )
    earlier = case.earlier.plan.run_id
    if case.drift.refused:
        return "", f"Run {earlier} is not comparable: {'; '.join(case.drift.refused)}."
    notes = []
    if case.drift.differences:
        unlike = ", ".join(each.what for each in case.drift.differences)
        notes.append(f"The runs are unlike in: {unlike}.")
    if case.drift.uncompared:
        told = counted(case.drift.uncompared, "endpoint")
        why = "Not asked or not measured alike in both runs, or portproof's own listener in one"
        notes.append(f"{why}, so not compared: {told}.")
    return earlier, " ".join(notes)


def change_infos(case: Case) -> tuple[ChangeInfo, ...]:
    """Give port changes against the earlier run, then what this run did to findings."""
    drift = case.drift or Drift()
    return (*map(_port_change, drift.changes), *map(_shift, drift.shifts), *_finding_changes(case))


def _port_change(change: PortChange) -> ChangeInfo:
    ours = change.own_before or change.own_after
    return ChangeInfo(
        kind="port" if change.before != change.after or ours else "service",
        subject=str(change.endpoint),
        before=_told(change.before, change.service_before),
        after=_told(change.after, change.service_after),
    )


def _shift(shift: StateShift) -> ChangeInfo:
    return ChangeInfo(
        kind="port",
        subject=f"{shift.address}, {shift.transport} {ports_text(shift.ports)}",
        before=shift.before,
        after=shift.after,
    )


def _told(state: str, service: str) -> str:
    return f"{state} ({service})" if service else state


def _finding_changes(case: Case) -> tuple[ChangeInfo, ...]:
    judged = {each: finding.judgement for each, finding in case.checked.findings.items()}
    return tuple(
        ChangeInfo(
            kind=_FINDING_CHANGES[event.kind],
            subject=f"{judged[fingerprint].title}, {_where(judged[fingerprint])} ({fingerprint})",
            before="",
            after=instant(event.at),
        )
        for fingerprint, events in sorted(case.events.items())
        for event in events
        if event.kind in _FINDING_CHANGES and _is_new(case, event)
    )


def _is_new(case: Case, event: FindingEvent) -> bool:
    """Whether this run brought the event; a waiver's end is of no run, and new in the first after it."""
    if event.actor is None:
        return event.run_id == case.run.plan.run_id
    since = case.earlier.finished if case.earlier else None
    return event.at <= case.run.finished and (since is None or event.at > since)


def _where(judged: Judgement) -> str:
    """Give the endpoint that a finding is on; without one the asset, of a network or a document."""
    return str(judged.endpoint or judged.subject.asset)


def operation_infos(case: Case) -> tuple[OperationInfo, ...]:
    """Give the store's runs of this scope, newest first, failed and inconclusive ones included."""
    return tuple(
        OperationInfo(
            id=each.id,
            started=instant(each.started),
            status=each.status,
            reason=each.status_reason,
            planned=each.planned,
            measured=each.measured,
            findings=each.deviations,
        )
        for each in case.history
    )


def document_infos(case: Case) -> tuple[DocumentInfo, ...]:
    """Give every input with its version and digest."""
    held, run = case.documents, case.run
    documents = [
        DocumentInfo(
            kind="authorisation",
            name=run.plan.authorisation.id,
            version="",
            digest=run.plan.authorisation.digest,
        ),
        DocumentInfo(
            kind="baseline",
            name=held.baseline.file,
            version=f"environment {held.baseline.environment}" if held.baseline.environment else "",
            digest=held.baseline.digest,
        ),
        DocumentInfo(kind="waivers", name="waivers", version="", digest=held.waivers.digest),
        DocumentInfo(kind="vantages", name="vantages", version="", digest=held.vantages.digest),
        DocumentInfo(
            kind="service rules",
            name="service-rules.yaml",
            version=held.rules.version,
            digest=held.rules.digest,
        ),
        *_custom_rules(held.custom),
        DocumentInfo(kind="facts", name="facts.yaml", version="", digest=held.facts.digest),
    ]
    frameworks = (
        DocumentInfo(kind="framework", name=each.title, version=each.version, digest=each.digest)
        for each in held.frameworks
    )
    return (*(each for each in documents if each.digest), *frameworks)


def _custom_rules(custom: CustomJudging | None) -> tuple[DocumentInfo, ...]:
    if custom is None:
        return ()
    held = custom.document
    return (DocumentInfo(kind="custom rules", name=held.file, version="", digest=held.digest),)


def evidence_items(case: Case) -> tuple[EvidenceItem, ...]:
    """Give each raw record that a claim leads to, and the run's outcome record."""
    items = {
        each.evidence: EvidenceItem(
            digest=each.evidence,
            kind="raw record",
            subject=str(each.endpoint),
            bytes=case.sizes[each.evidence],
        )
        for _, each in noteworthy(case.run)
        if each.evidence
    }
    return tuple(items.values())
