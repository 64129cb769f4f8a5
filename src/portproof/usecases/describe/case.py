"""All that one report is made of, gathered before the first line of it is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from portproof.contracts import Clock, Head, RunSummary, Store
from portproof.model.endpoint import Endpoint
from portproof.model.evidence import IntervalInfo
from portproof.model.finding import Finding, FindingEvent, FindingStatus, Judgement
from portproof.model.observation import Observation
from portproof.model.scan import HostOutcome, RunRecord, RunStatus
from portproof.policy.conformity import ConformingPorts
from portproof.policy.drift import Drift, compare
from portproof.policy.register import Register
from portproof.usecases.check import CheckResult
from portproof.usecases.inputs import Documents, Imprint
from portproof.usecases.standing import standing_findings

_HISTORY_RUNS = 60
"""Runs listed under the operation of the control: two months of daily audits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One checked run with its documents and its history."""

    checked: CheckResult
    """Its findings are those of this report: what other scopes, zones and later runs left is not."""
    documents: Documents
    imprint: Imprint
    issued_at: datetime
    head: Head
    outcome_digest: str
    sizes: Mapping[str, int]
    """Bytes of each raw record the run's observations lead to, by digest."""
    history: Sequence[RunSummary]
    events: Mapping[str, Sequence[FindingEvent]]
    """Finding events by fingerprint, for the findings of this report."""
    intervals: Sequence[IntervalInfo]
    earlier: RunRecord | None
    """The last conclusive run of the same scope and vantage before this one; None: there is none."""
    drift: Drift | None
    """None exactly when `earlier` is."""
    probes: tuple[str, ...]
    """The protocol probes that could be tried, `redis/tcp`."""
    register: Register
    """The inbound entries by host, with who had which address when the run began."""

    @property
    def run(self) -> RunRecord:
        """The run that this report is about."""
        return self.checked.run


def gather(
    store: Store,
    clock: Clock,
    checked: CheckResult,
    documents: Documents,
    imprint: Imprint,
    *,
    probes: tuple[str, ...],
) -> Case:
    """Read from the store what a report of the checked run prints.

    Raises:
        StoreError: it cannot be read.
    """
    run = checked.run
    checked = _of_this_report(store, checked, documents)
    history = store.runs(scope=run.plan.scope)
    earlier = _earlier(store, run, history)
    digests = {each.evidence for _, each in noteworthy(run) if each.evidence}
    return Case(
        checked=checked,
        documents=documents,
        imprint=imprint,
        issued_at=clock.now(),
        head=store.head(),
        outcome_digest=store.outcome_digest(run.plan.run_id),
        sizes={digest: store.raw_size(digest) for digest in digests},
        history=history[:_HISTORY_RUNS],
        events={each: store.finding_events(each) for each in _reported(checked)},
        intervals=store.intervals(_endpoints(run), vantage=run.plan.vantage.id),
        earlier=earlier,
        drift=compare(earlier, run) if earlier else None,
        probes=probes,
        register=Register(documents.baseline, documents.holders),
    )


def noteworthy(run: RunRecord) -> Iterator[tuple[HostOutcome, Observation]]:
    """Give every observation that was kept as an object, host by host."""
    return ((host, each) for host in run.hosts for each in host.observations)


def carried_over(checked: CheckResult) -> tuple[Finding, ...]:
    """Give the findings of a gathered case that stand from earlier runs (`usecases.standing`).

    They must not vanish: what conforms resolves them, so these were not measured again (all of an
    asset's endpoints, that is: one that conforms does not close what stands on another).
    """
    judged = _deviating(checked)
    return tuple(
        each
        for each in checked.findings.values()
        if each.status is not FindingStatus.CLOSED and each.fingerprint not in judged
    )


def _of_this_report(store: Store, checked: CheckResult, documents: Documents) -> CheckResult:
    """Leave out the findings that stand elsewhere, and hold today's waivers against those here."""
    findings = checked.findings.values()
    standing = standing_findings(store, checked.run, checked.evaluation, findings, documents)
    judged = _deviating(checked)
    settled = (
        each
        for each in findings
        if each.status is FindingStatus.CLOSED or each.fingerprint in judged
    )
    return replace(checked, findings={each.fingerprint: each for each in (*settled, *standing)})


def _deviating(checked: CheckResult) -> set[str]:
    evaluation = checked.evaluation
    return {each.fingerprint for each in (*evaluation.deviations, *evaluation.waived)}


def _reported(checked: CheckResult) -> set[str]:
    judged = {each.fingerprint for each in checked.evaluation.judgements}
    conforming = ConformingPorts(checked.evaluation)
    reported = {
        name
        for name, each in checked.findings.items()
        if name in judged
        or _conforms(each.judgement, conforming, checked.run)
        # What a run closes has no judgement where nothing is claimed of it: a closed port.
        or each.resolved_at == checked.run.finished
    }
    return reported | {each.fingerprint for each in carried_over(checked)}


def _conforms(judged: Judgement, conforming: ConformingPorts, run: RunRecord) -> bool:
    """Whether what a finding was about conforms in this run, without a judgement of its own."""
    ours = judged.subject.zone == run.plan.vantage.zone
    return ours and conforming.of(judged.rule, judged.subject)


def _endpoints(run: RunRecord) -> tuple[Endpoint, ...]:
    own = set(run.own_listeners)
    return tuple(each.endpoint for _, each in noteworthy(run) if each.endpoint not in own)


def _earlier(store: Store, run: RunRecord, history: Sequence[RunSummary]) -> RunRecord | None:
    """Find the last complete run from the same vantage that began before this one."""
    for each in history:
        before = each.started < run.started and each.id != run.plan.run_id
        if before and each.status is RunStatus.COMPLETE and each.vantage == run.plan.vantage.id:
            return store.load_run(each.id)
    return None
