"""Check: judge a stored run against the documents, and let findings move on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from portproof.compliance.attest import attest
from portproof.compliance.facts import Facts, assert_facts
from portproof.compliance.finding_facts import with_overdue
from portproof.compliance.segmentation_facts import Boundaries, with_boundaries
from portproof.contracts import Store
from portproof.model.compliance import FrameworkResult
from portproof.model.endpoint import Address
from portproof.model.finding import Finding
from portproof.model.inventory import KnownTarget
from portproof.model.scan import RunRecord
from portproof.policy.approval_record import judged_baseline
from portproof.policy.dated import as_of
from portproof.policy.due import overdue_at
from portproof.policy.evaluate import Criteria, Evaluation, evaluate
from portproof.policy.holders import Holders
from portproof.policy.lifecycle import finding_events, with_standing
from portproof.policy.targets import silent_retired, target_facts
from portproof.usecases.inputs import Documents
from portproof.usecases.segmentation import icmp_senders
from portproof.usecases.segmentation_record import MatrixBook, record_at_hand
from portproof.usecases.settle_waivers import settled
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
    documents: Documents
    """What it was judged by, with who had which address when the run began."""


def check(
    store: Store,
    documents: Documents,
    run_id: str,
    *,
    keep: bool = True,
    inventory: Sequence[KnownTarget] = (),
    matrices: MatrixBook | None = None,
) -> CheckResult:
    """Judge the run, append what that does to findings unless `keep` is false, and give it all.

    Only a conclusive run moves findings, and none that a later run has moved already; judging the
    same run twice changes nothing. The run is judged at the instant it finished, so that the same
    run and documents give the same verdicts on any later day. Without `keep` the store is only
    read: a report changes nothing of what it reports. `inventory` are the targets that sources list;
    the run is held against them as they were known when it began. Waivers that ended before the run
    finished end before it moves any finding. `matrices` are the segmentation records that the
    facts about boundaries rest on; None: none are kept.

    Raises:
        StoreError: there is no such run, or it cannot be read or written.
    """
    run = store.load_run(run_id)
    documents = replace(documents, holders=Holders(inventory, run.started))
    evaluation = evaluate(run, _criteria(store, documents, run), at=run.finished)
    if keep:
        retired = silent_retired(run, as_of(inventory, run.started))
        findings = _move_findings(store, run, evaluation, documents, retired)
    else:
        findings = store.findings()
    standing = standing_findings(store, run, evaluation, findings, documents)
    told = target_facts(run, as_of(inventory, run.started))
    known = {each.fingerprint: each for each in findings}
    facts = assert_facts(run, evaluation, documents.baseline, documents.facts, standing, told)
    if documents.deadlines_decided:
        late = overdue_at(evaluation, known, standing, documents.deadlines)
        facts = with_overdue(facts, late)
    boundaries = Boundaries(
        record=record_at_hand(matrices, documents.segmentation, run), findings=findings
    )
    facts = with_boundaries(facts, boundaries, evaluation.judgements, run_id=run_id)
    return CheckResult(
        run=run,
        evaluation=evaluation,
        facts=facts,
        frameworks=tuple(attest(each, facts, run) for each in documents.frameworks),
        findings=known,
        documents=documents,
    )


def _criteria(store: Store, documents: Documents, run: RunRecord) -> Criteria:
    """Give what the run is judged by; who refused matters only where boundaries are to be closed."""
    senders = icmp_senders(store, run) if documents.segmentation else {}
    return replace(documents.criteria, senders=senders)


def _move_findings(
    store: Store,
    run: RunRecord,
    evaluation: Evaluation,
    documents: Documents,
    retired: Collection[Address],
) -> Sequence[Finding]:
    """Append what the run does to findings; gives all of them as they stand then."""
    with store.run_lock():
        waivers, holders = documents.waivers, documents.holders
        known = settled(store, store.findings(), waivers, run.finished, holders)
        whole = with_standing(known, evaluation, run, documents.baseline)
        events = finding_events(known, whole, run, retired)
        by = judged_baseline(documents.baseline, documents.provenance)
        moved = store.apply_events(run.plan.run_id, events, whole.judgements, by, whole.conforming)
    now = {each.fingerprint: each for each in (*known, *moved)}
    return sorted(now.values(), key=lambda each: (each.first_seen, each.fingerprint))
