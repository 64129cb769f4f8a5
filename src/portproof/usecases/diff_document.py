"""A comparison as plain values, in the order in which every form prints it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from portproof.contracts import RunSummary
from portproof.model.baseline import Baseline
from portproof.model.drift import Difference, Drift, Gap, PortChange, StateShift
from portproof.model.drift_document import (
    BetweenLine,
    ChangeLine,
    DiffDocument,
    DifferenceLine,
    GapLine,
    ShiftLine,
)
from portproof.model.observation import PortState
from portproof.model.scan import RunRecord, RunStatus
from portproof.policy.drift_approved import ApprovedDrift, Departure, entry_words
from portproof.policy.drift_period import Period, PeriodDrift, Stretch, Window
from portproof.policy.wording import counted, instant

_NAMED: Final = 5
"""Runs or entries that a note lists before it only counts them."""
_HOURS_OF_DAY: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRuns:
    """The runs of one scope and vantage, newest first."""

    inside: tuple[RunSummary, ...]
    """Of the period."""
    between: tuple[RunSummary, ...]
    """After its end, and before the run that is compared."""

    @property
    def completed(self) -> tuple[RunSummary, ...]:
        """The complete ones of the period."""
        return tuple(each for each in self.inside if each.status is RunStatus.COMPLETE)


def runs_document(before: RunRecord, after: RunRecord, drift: Drift) -> DiffDocument:
    """Tell what changed between two runs."""
    return DiffDocument(
        against="run",
        before=before.plan.run_id,
        after=after.plan.run_id,
        before_at=instant(before.finished),
        after_at=instant(after.finished),
        vantage=after.plan.vantage.id,
        zone=after.plan.vantage.zone,
        refused=drift.refused,
        differences=tuple(map(_difference, drift.differences)),
        changes=tuple(_change(each, "") for each in drift.changes),
        shifts=tuple(map(_shift, drift.shifts)),
        gaps=_gaps(drift.gaps),
        compared=drift.compared,
        uncompared=drift.uncompared,
    )


def _difference(each: Difference) -> DifferenceLine:
    return DifferenceLine(
        what=each.what, before=each.before, after=each.after, consequence=each.consequence
    )


def _change(each: PortChange, note: str) -> ChangeLine:
    return ChangeLine(
        kind=_kind(each),
        endpoint=str(each.endpoint),
        before=each.before,
        after=each.after,
        reason_before=each.reason_before,
        reason_after=each.reason_after,
        service_before=each.service_before,
        service_after=each.service_after,
        note=note,
    )


def _kind(each: PortChange) -> str:
    if each.own_before or each.own_after:
        return "own listener"
    if each.before is each.after:
        return "service"
    return "opened" if each.after is PortState.OPEN else "closed"


def _shift(each: StateShift) -> ShiftLine:
    return ShiftLine(
        address=str(each.address),
        transport=each.transport,
        ports=str(each.ports),
        before=each.before,
        after=each.after,
        reason_before=each.reason_before,
        reason_after=each.reason_after,
    )


def _gaps(gaps: Iterable[Gap]) -> tuple[GapLine, ...]:
    return tuple(
        GapLine(
            reason=each.reason,
            host=str(each.address),
            transport=each.transport,
            ports=str(each.ports),
            count=len(each.ports),
        )
        for each in gaps
    )


# ---------------------------------------------------------------- against what is approved


def approved_document(
    run: RunRecord, baseline: Baseline, held: ApprovedDrift, on: date
) -> DiffDocument:
    """Tell how a run departs from what was approved on a day."""
    changes = (
        *(_unapproved(each, on) for each in held.unapproved),
        *(_absent(each, on) for each in held.absent),
    )
    return DiffDocument(
        against="approved",
        before=baseline.file,
        after=run.plan.run_id,
        before_at=on.isoformat(),
        after_at=instant(run.finished),
        vantage=run.plan.vantage.id,
        zone=run.plan.vantage.zone,
        refused=held.refused,
        changes=changes,
        gaps=_gaps(held.gaps),
        notes=_unseen_notes(held),
        compared=held.compared,
        uncompared=sum(len(each.ports) for each in held.gaps),
    )


def _unapproved(each: Departure, on: date) -> ChangeLine:
    return ChangeLine(
        kind="unapproved",
        endpoint=str(each.endpoint),
        before="not approved",
        after=each.state,
        reason_after=each.reason,
        service_after=each.service,
        note=entry_words(each, on),
    )


def _absent(each: Departure, on: date) -> ChangeLine:
    presence = each.entry.presence if each.entry else ""
    return ChangeLine(
        kind="absent",
        endpoint=str(each.endpoint),
        before="required" if presence == "required" else "approved",
        after=each.state,
        reason_after=each.reason,
        service_before=each.entry.service if each.entry else "",
        note=entry_words(each, on),
    )


def _unseen_notes(held: ApprovedDrift) -> tuple[str, ...]:
    if not held.unseen:
        return ()
    names = ", ".join(each.id for each in held.unseen[:_NAMED])
    rest = f" and {len(held.unseen) - _NAMED} more" if len(held.unseen) > _NAMED else ""
    return (f"entries none of whose hosts this run asked, so nothing is said: {names}{rest}",)


# ---------------------------------------------------------------- against a period


def period_document(
    now: RunRecord, period: Period, runs: PeriodRuns, held: PeriodDrift
) -> DiffDocument:
    """Tell what changed since the end of a period."""
    changes = tuple(
        _change(each, _window(each, held.windows[each.endpoint])) for each in held.drift.changes
    )
    return DiffDocument(
        against="period",
        before=f"{instant(period.since)}..{instant(period.until)}",
        after=now.plan.run_id,
        before_at=instant(period.until),
        after_at=instant(now.finished),
        vantage=now.plan.vantage.id,
        zone=now.plan.vantage.zone,
        refused=held.drift.refused,
        changes=changes,
        gaps=_gaps(held.drift.gaps),
        between=tuple(map(_between, held.between)),
        notes=tuple(_period_notes(now, runs)),
        compared=held.drift.compared,
        uncompared=held.drift.uncompared,
    )


def _window(change: PortChange, window: Window) -> str:
    told = []
    if window.last_before is not None:
        told.append(f"last seen {change.before} {instant(window.last_before)}")
    if window.first_after is not None:
        told.append(f"first seen {change.after} {instant(window.first_after)}")
    return ", ".join(told)


def _between(each: Stretch) -> BetweenLine:
    return BetweenLine(
        endpoint=str(each.endpoint),
        state=each.state,
        first_seen=instant(each.first_seen),
        last_seen=instant(each.last_seen),
    )


def _period_notes(now: RunRecord, runs: PeriodRuns) -> list[str]:
    complete = [each for each in runs.between if each.status is RunStatus.COMPLETE]
    last = runs.completed[0]
    return [
        (
            f"in the period: {counted(len(runs.completed), 'complete run')} of {len(runs.inside)}, "
            f"the last of them {last.id} at {instant(last.started)}"
        ),
        (
            f"since then: {counted(len(complete), 'complete run')} of {len(runs.between)} before this one; "
            f"longest time without one: {_longest_gap(now, complete, last)}"
        ),
        *_invalid(runs),
        (
            "ports that were never open and that no entry requires have no history here: "
            "closed against filtered is not told"
        ),
    ]


def _longest_gap(now: RunRecord, complete: Iterable[RunSummary], last: RunSummary) -> str:
    instants: list[datetime] = sorted(
        [last.started, *(each.started for each in complete), now.started]
    )
    pairs = itertools.pairwise(instants)
    first, then = max(pairs, key=lambda pair: pair[1] - pair[0])
    return f"{_lasting(then - first)} from {instant(first)}"


def _lasting(time: timedelta) -> str:
    hours, seconds = divmod(int(time.total_seconds()), 3600)
    if hours < _HOURS_OF_DAY:
        return f"{hours} h {seconds // 60} min"
    return f"{hours // _HOURS_OF_DAY} d {hours % _HOURS_OF_DAY} h"


def _invalid(runs: PeriodRuns) -> list[str]:
    lost = [each for each in (*runs.between, *runs.inside) if each.status is not RunStatus.COMPLETE]
    told = [
        f"not a complete run: {each.id} is {each.status}: {each.status_reason}" for each in lost
    ]
    rest = [f"not complete: {len(lost) - _NAMED} more"] if len(lost) > _NAMED else []
    return told[:_NAMED] + rest
