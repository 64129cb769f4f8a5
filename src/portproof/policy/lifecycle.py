"""How findings live: what a run's judgements do to the findings of the runs before it.

`lifecycle_projection` draws the states, and what each event makes of a finding; here stands which
events a run brings, and in `lifecycle_settled` what it takes to resolve one.

Only a conclusive run moves anything (law 2). A finding is resolved only when each endpoint that it
stands on was measured in this run and conforms; what was not asked, not measured or not judged
stays as it is. Each sighting is one of opened, seen or reopened; a change of waiver follows it, and
so does the refutation of a claimed fix, by a run that began after the claim: one that was under way
may have asked the port before it was mended. A false positive that shows nothing new is seen, and
stays closed (`false_positive`).

Time is the time of measuring: events carry the instant at which their run finished, whenever it is
judged. A finding is moved only by a run that finished later than the one that moved it last, so
that runs judged again, or late, neither count twice nor undo what is known since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from portproof.model.baseline import Baseline
from portproof.model.endpoint import Address, endpoint_order
from portproof.model.finding import (
    ClosedBy,
    Evaluation,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    Judgement,
    Severity,
    Verdict,
)
from portproof.model.scan import RunRecord
from portproof.policy.checks import interference
from portproof.policy.false_positive import beyond
from portproof.policy.lifecycle_settled import Looked, why_gone
from portproof.policy.scene import crowded, joined
from portproof.policy.subjects import endpoints_of
from portproof.policy.wording import instant

_DEVIATING: Final = frozenset({Verdict.DEVIATES, Verdict.WAIVED})


def with_standing(
    previous: Sequence[Finding], evaluation: Evaluation, run: RunRecord, baseline: Baseline
) -> Evaluation:
    """Give the evaluation with all that its deviations stand on, for findings to be made of.

    Where an earlier run saw the same finding at endpoints that this run did not settle, those stay
    part of it; nor does a waiver of what this run saw accept them. Judging the same run again gives
    the same.
    """
    if not run.conclusive:
        return evaluation
    known = {each.fingerprint: each for each in previous}
    looked = Looked(run, evaluation)
    judgements = []
    for judged in evaluation.judgements:
        whole = judged
        if judged.verdict in _DEVIATING:
            if judged.rule == interference.RULE:
                whole = replace(judged, extent=crowded(judged.subject, run, baseline))
            finding = known.get(judged.fingerprint)
            if finding is not None and _may_add(finding, run):
                whole = _added(finding.judgement, whole, looked)
        judgements.append(whole)
    return replace(evaluation, judgements=tuple(judgements))


def finding_events(
    previous: Sequence[Finding],
    evaluation: Evaluation,
    run: RunRecord,
    retired: Collection[Address] = (),
) -> tuple[FindingEvent, ...]:
    """Give what the run does to the findings so far, each event at the instant it finished.

    `previous` are all findings ever opened, closed ones included; `evaluation` is that of
    `with_standing`; `retired` are the addresses of retired targets that the run proved silent. Empty
    for a run that is not conclusive.
    """
    if not run.conclusive:
        return ()
    known = {each.fingerprint: each for each in previous}
    deviating = (*evaluation.deviations, *evaluation.waived)
    seen = (event for judged in deviating for event in _sighted(known, judged, run))
    gone = _gone(previous, evaluation, run, retired)
    return (*seen, *gone)


def _sighted(
    known: dict[str, Finding], judged: Judgement, run: RunRecord
) -> Iterator[FindingEvent]:
    """Give the events of one deviation: that it was seen, and what that did to its state."""
    finding = known.get(judged.fingerprint)
    if finding is None:
        yield _event(FindingEventKind.OPENED, judged, run)
        yield from _moved(FindingStatus.OPEN, None, judged, run)
    elif not _is_news(finding, run):
        return
    elif finding.status is not FindingStatus.CLOSED:
        yield _event(FindingEventKind.SEEN, judged, run)
        yield from _moved(finding.status, finding.claimed_at, judged, run)
    elif finding.is_false_positive and not beyond(finding.judgement, judged):
        yield _event(FindingEventKind.SEEN, judged, run)
    else:
        yield _reopened(finding, judged, run)
        yield from _moved(FindingStatus.OPEN, None, judged, run)


def _moved(
    status: FindingStatus, claimed_at: datetime | None, judged: Judgement, run: RunRecord
) -> Iterator[FindingEvent]:
    """Give what a sighting changes of a finding in that state: its waiver, and a claimed fix."""
    was_waived = status is FindingStatus.WAIVED
    is_waived = judged.verdict is Verdict.WAIVED
    if is_waived and not was_waived:
        yield replace(_event(FindingEventKind.WAIVED, judged, run), value=judged.waiver_id)
    elif was_waived and not is_waived:
        yield _event(FindingEventKind.WAIVER_ENDED, judged, run)
    elif claimed_at is not None and run.started >= claimed_at and not is_waived:
        told = (
            f"A fix was claimed at {instant(claimed_at)}, and a later run saw it: {judged.because}"
        )
        yield replace(_event(FindingEventKind.FIX_REFUTED, judged, run), because=told)


def _reopened(finding: Finding, judged: Judgement, run: RunRecord) -> FindingEvent:
    event = _event(FindingEventKind.REOPENED, judged, run)
    if not finding.is_false_positive:
        return event
    new = beyond(finding.judgement, judged)
    told = f"It was closed as a false positive, which does not cover it: {new}. {judged.because}"
    return replace(event, because=told)


def _is_news(finding: Finding, run: RunRecord) -> bool:
    """Whether the run measured later than whatever moved the finding last."""
    return run.finished > finding.measured_at


def _gone(
    previous: Sequence[Finding],
    evaluation: Evaluation,
    run: RunRecord,
    retired: Collection[Address],
) -> Iterator[FindingEvent]:
    """Resolve what this run measured again and found to conform.

    A judgement other than CONFORMS with its fingerprint means that a finding stands, or that nobody
    knows.
    """
    standing = {
        each.fingerprint for each in evaluation.judgements if each.verdict is not Verdict.CONFORMS
    }
    looked = Looked(run, evaluation)
    for finding in previous:
        if finding.status is FindingStatus.CLOSED or finding.fingerprint in standing:
            continue
        if not _is_news(finding, run):
            continue
        gone = why_gone(finding.judgement, evaluation, looked)
        if gone is not None:
            because, closed_by = gone
            if closed_by is ClosedBy.RESCAN and _all_retired(finding, retired):
                because, closed_by = f"the target is retired: {because}", ClosedBy.RETIRED
            event = _event(FindingEventKind.RESOLVED, finding.judgement, run)
            yield replace(event, because=because, closed_by=closed_by)


def _all_retired(finding: Finding, retired: Collection[Address]) -> bool:
    """Whether a finding stands on endpoints, and all of them are of retired targets."""
    endpoints = endpoints_of(finding.judgement)
    return bool(endpoints) and all(each.address in retired for each in endpoints)


# ---------------------------------------------------------------- what a finding stands on


def _may_add(finding: Finding, run: RunRecord) -> bool:
    """Whether the finding's endpoints count beside the run's: it stands, and not by a later run."""
    if finding.status is FindingStatus.CLOSED:
        return False
    return finding.run_id == run.plan.run_id or _is_news(finding, run)


def _added(before: Judgement, judged: Judgement, looked: Looked) -> Judgement:
    """Give the judgement with what stands of the one before, and was not settled since."""
    here = set(endpoints_of(judged))
    left = [
        each
        for each in endpoints_of(before)
        if each not in here and looked.settled(before, each) is None
    ]
    unlooked = looked.unmeasured(before.extent, before.subject.transport)
    whole = replace(judged, extent=joined((*judged.extent, *unlooked)))
    if not left:
        return whole
    also = sorted({*judged.also, *left}, key=endpoint_order)
    listed = ", ".join(map(str, left))
    told = f"{judged.because} As an earlier run saw it, and not settled since: {listed}."
    whole = replace(whole, also=tuple(also), because=told)
    if before.verdict is Verdict.WAIVED or judged.verdict is not Verdict.WAIVED:
        return whole
    return replace(whole, verdict=Verdict.DEVIATES, waiver_id="")


def _event(kind: FindingEventKind, judged: Judgement, run: RunRecord) -> FindingEvent:
    return FindingEvent(
        finding=judged.fingerprint,
        kind=kind,
        at=run.finished,
        run_id=run.plan.run_id,
        severity=judged.severity or Severity.INFO,
        because=judged.because,
    )
