"""The register of what is accepted: waivers and approvals, how they are used, and when they end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from portproof.contracts import RunSummary, Store
from portproof.model.finding import FindingEventKind
from portproof.model.inventory import KnownTarget
from portproof.model.scan import RunRecord, RunStatus
from portproof.policy.approval_usage import ApprovalUsage, approval_usage
from portproof.policy.evaluate import evaluate
from portproof.policy.holders import Holders
from portproof.policy.waivers import WaiverUsage, accepts, at_instant, waiver_usage
from portproof.usecases.inputs import Documents


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverLine:
    """One waiver of the document."""

    usage: WaiverUsage
    """As of the instant asked for; how many findings it covers is that of the newest runs."""
    ever_matched: bool
    """Whether it ever accepted a finding of this store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptances:
    """All that somebody accepted, as of an instant."""

    at: datetime
    waivers: tuple[WaiverLine, ...]
    approvals: tuple[ApprovalUsage, ...]
    runs: int
    """How many runs of the scope were looked at for approvals: concluded ones, newest first."""


def acceptances(
    store: Store,
    documents: Documents,
    at: datetime,
    *,
    scope: str | None,
    most_runs: int,
    inventory: Sequence[KnownTarget] = (),
) -> Acceptances:
    """Give the waivers and approvals of the documents as the newest runs of a scope used them.

    Only runs that could conclude are looked at; `scope` None is that of the newest such run. What a
    waiver covers is told by the newest run of each vantage. `inventory` are the targets that sources
    list; each run is held against them as they were known when it began.

    Raises:
        StoreError: the store cannot be read.
    """
    concluded = [each for each in store.runs() if each.status is RunStatus.COMPLETE]
    scope = scope if scope is not None else next((each.scope for each in concluded), None)
    ours = [each for each in concluded if each.scope == scope][:most_runs]
    return Acceptances(
        at=at,
        waivers=_waiver_lines(store, documents, at, ours, inventory),
        approvals=approval_usage(documents.baseline, _loaded(store, ours), at, inventory),
        runs=len(ours),
    )


def _loaded(store: Store, runs: Sequence[RunSummary]) -> Iterator[RunRecord]:
    return (store.load_run(each.id) for each in runs)


def _waiver_lines(
    store: Store,
    documents: Documents,
    at: datetime,
    runs: Sequence[RunSummary],
    inventory: Sequence[KnownTarget],
) -> tuple[WaiverLine, ...]:
    newest: dict[str, RunSummary] = {}
    for each in runs:
        newest.setdefault(each.vantage, each)
    evaluations = [
        evaluate(
            run,
            replace(documents.criteria, holders=Holders(inventory, run.started)),
            at=run.finished,
        )
        for run in _loaded(store, list(newest.values()))
    ]
    waived = [each.because for each in store.events_of(FindingEventKind.WAIVED)]
    by_waiver = zip(*(waiver_usage(documents.waivers, each) for each in evaluations), strict=True)
    used = list(by_waiver) or [()] * len(documents.waivers.waivers)
    return tuple(
        WaiverLine(
            usage=at_instant(each, usages, at),
            ever_matched=any(usage.matched for usage in usages)
            or any(accepts(each.id, because) for because in waived),
        )
        for each, usages in zip(documents.waivers.waivers, used, strict=True)
    )
