"""Check: judge a stored run against the documents, and let findings move on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from portproof.compliance.attest import attest
from portproof.compliance.facts import Facts, assert_facts
from portproof.contracts import Store
from portproof.model.baseline import Baseline
from portproof.model.compliance import FrameworkResult
from portproof.model.endpoint import Address
from portproof.model.finding import Finding
from portproof.model.inventory import KnownTarget
from portproof.model.scan import RunRecord
from portproof.policy.evaluate import Evaluation, evaluate
from portproof.policy.lifecycle import finding_events, with_standing
from portproof.policy.targets import as_of, silent_retired, target_facts
from portproof.usecases.inputs import Documents
from portproof.usecases.standing import standing_findings


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What judging one run came to."""

    run: RunRecord
    evaluation: Evaluation
    facts: Facts
    frameworks: tuple[FrameworkResult, ...]
    findings: Mapping[str, Finding]
    """Every finding of the store after this check, by fingerprint."""


def check(
    store: Store,
    documents: Documents,
    run_id: str,
    *,
    keep: bool = True,
    inventory: Sequence[KnownTarget] = (),
) -> CheckResult:
    """Judge the run, append what that does to findings unless `keep` is false, and give it all.

    Only a conclusive run moves findings, and none that a later run has moved already; judging the
    same run twice changes nothing. The run is judged at the instant it finished, so that the same
    run and documents give the same verdicts on any later day. Without `keep` the store is only
    read: a report changes nothing of what it reports. `inventory` are the targets that sources list;
    the run is held against them as they were known when it began.

    Raises:
        StoreError: there is no such run, or it cannot be read or written.
    """
    run = store.load_run(run_id)
    evaluation = evaluate(run, documents.criteria, at=run.finished)
    if keep:
        retired = silent_retired(run, as_of(inventory, run.started))
        _move_findings(store, run, evaluation, documents.baseline, retired)
    findings = store.findings()
    standing = standing_findings(store, run, evaluation, findings, documents.waivers)
    told = target_facts(run, as_of(inventory, run.started))
    facts = assert_facts(run, evaluation, documents.baseline, documents.facts, standing, told)
    return CheckResult(
        run=run,
        evaluation=evaluation,
        facts=facts,
        frameworks=tuple(attest(each, facts, run) for each in documents.frameworks),
        findings={each.fingerprint: each for each in findings},
    )


def _move_findings(
    store: Store,
    run: RunRecord,
    evaluation: Evaluation,
    baseline: Baseline,
    retired: Collection[Address],
) -> None:
    with store.run_lock():
        known = store.findings()
        whole = with_standing(known, evaluation, run, baseline)
        events = finding_events(known, whole, run, retired)
        store.apply_events(run.plan.run_id, events, whole.judgements)
