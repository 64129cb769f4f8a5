"""Findings that stand from earlier runs and that a run did not measure again.

They must not vanish from a report, nor may those of other places appear in it: a finding belongs
to a run's report when a run of the same scope, no later than this one, saw it from the same zone.
A finding on the baseline belongs to every run that is judged by that baseline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from portproof.contracts import RunSummary, Store
from portproof.model.endpoint import Address
from portproof.model.finding import (
    Evaluation,
    Finding,
    FindingEventKind,
    FindingStatus,
    Judgement,
    Verdict,
)
from portproof.model.scan import RunRecord
from portproof.model.waiver import Waivers
from portproof.policy.waivers import apply_waivers
from portproof.usecases.inputs import Documents

_SIGHTINGS: Final = frozenset(
    {FindingEventKind.OPENED, FindingEventKind.SEEN, FindingEventKind.REOPENED}
)


def standing_findings(
    store: Store,
    run: RunRecord,
    evaluation: Evaluation,
    findings: Iterable[Finding],
    documents: Documents,
) -> tuple[Finding, ...]:
    """Give the findings still standing that this run shows neither as deviating nor as waived.

    Each carries the waiver that covers it at the evaluation's instant, not the one of its last
    sighting, which may have ended since.

    Raises:
        StoreError: it cannot be read.
    """
    judged = {each.fingerprint for each in (*evaluation.deviations, *evaluation.waived)}
    runs = {each.id: each for each in store.runs()}
    return tuple(
        _waived_now(each, run, evaluation, documents)
        for each in findings
        if each.status is not FindingStatus.CLOSED
        and each.fingerprint not in judged
        and _seen_from_here(each.judgement, run, evaluation)
        and _seen_before(store, each, run, runs)
    )


def _seen_from_here(judged: Judgement, run: RunRecord, evaluation: Evaluation) -> bool:
    if judged.subject.zone:
        return judged.subject.zone == run.plan.vantage.zone
    scope, _, _ = judged.subject.asset.rpartition("/")
    return scope == evaluation.scope


def _seen_before(
    store: Store, finding: Finding, run: RunRecord, runs: Mapping[str, RunSummary]
) -> bool:
    """Whether a run of this scope (any scope for documents), not later than this one, saw it."""
    seen_by = (
        runs.get(each.run_id)
        for each in store.finding_events(finding.fingerprint)
        if each.kind in _SIGHTINGS
    )
    any_scope = not finding.judgement.subject.zone
    return any(
        each is not None
        and each.started <= run.started
        and (any_scope or each.scope == run.plan.scope)
        for each in seen_by
    )


def _waived_now(
    finding: Finding, run: RunRecord, evaluation: Evaluation, documents: Documents
) -> Finding:
    waivers = documents.waivers
    before = _unwaived(finding.judgement, waivers)
    names = _names(finding.judgement, run, waivers)
    (judged,) = apply_waivers((before,), waivers, names, evaluation.at, documents.holders)
    status = finding.status
    if judged.verdict is Verdict.WAIVED:
        status = FindingStatus.WAIVED
    elif status is FindingStatus.WAIVED:
        status = FindingStatus.OPEN
    return replace(finding, judgement=judged, status=status)


def _unwaived(judged: Judgement, waivers: Waivers) -> Judgement:
    """Give the deviation as it was before any waiver was held against it."""
    because = judged.because
    for waiver in {judged.waiver_id, *(each.id for each in waivers.waivers)} - {""}:
        told = rf" Waiver {re.escape(waiver)} accept(s it until \S+?Z|ed it until \S+?Z, and has ended)\."
        because = re.sub(told, "", because)
    return replace(
        judged,
        verdict=Verdict.DEVIATES,
        because=because,
        waiver_id="",
        facts=tuple(each for each in judged.facts if each != "exception_expired"),
    )


def _names(judged: Judgement, run: RunRecord, waivers: Waivers) -> dict[Address, frozenset[str]]:
    """Give the names of the finding's host: those of this run, and those it was waived under.

    A finding does not keep the name that its host was listed under; that its waiver covered it by
    name says that it was one of the waiver's.
    """
    if judged.endpoint is None:
        return {}
    address = judged.endpoint.address
    listed = {each.name.lower() for each in run.plan.hosts if each.name and each.address == address}
    held = {
        name.lower()
        for each in waivers.waivers
        if each.id == judged.waiver_id
        for name in each.names
    }
    return {address: frozenset({judged.subject.asset.lower(), *listed, *held})}
