"""What events make of a finding: the whole of its life as one function.

::

    not there ─ opened ─► open ◄────────────── reopened ─────────────┐
                           │ ▲                                       │
              acknowledged ▼ │ waiver-ended, fix-refuted             │
                    acknowledged ── fix-claimed ──► fix-claimed      │
                           │  │                         │            │
                    waived ▼  └──────── resolved, ──────┴──────► closed
                        waived ─────── false-positive ──────────────►

A person's event never alters what was measured: neither the judgement, nor when it was seen, nor by
which run. `refusal` says which of them a finding may take; only a run closes a finding, but for a
false positive, which carries a proof.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from portproof.model.finding import (
    PERSONAL,
    ClosedBy,
    Finding,
    FindingEvent,
    FindingEventKind,
    FindingStatus,
    Judgement,
)
from portproof.policy.waiver_end import lapsed

_NOTES: Final = frozenset({FindingEventKind.SEEN, FindingEventKind.COMMENTED})
"""Events that change nothing of where a finding is in its life."""

_FROM: Final = {
    FindingEventKind.ACKNOWLEDGED: frozenset({FindingStatus.OPEN}),
    FindingEventKind.FIX_CLAIMED: frozenset({FindingStatus.OPEN, FindingStatus.ACKNOWLEDGED}),
    FindingEventKind.ASSIGNED: frozenset(FindingStatus) - {FindingStatus.CLOSED},
    FindingEventKind.FALSE_POSITIVE: frozenset(FindingStatus) - {FindingStatus.CLOSED},
    FindingEventKind.TICKETED: frozenset(FindingStatus),
    FindingEventKind.COMMENTED: frozenset(FindingStatus),
}
"""In which states a finding may take which of a person's events."""

_WHY_NOT: Final = {
    FindingStatus.OPEN: "it is open",
    FindingStatus.ACKNOWLEDGED: "it is acknowledged already",
    FindingStatus.WAIVED: "a waiver accepts it; a run that no longer sees it closes it",
    FindingStatus.FIX_CLAIMED: "a fix is claimed already; the next run shows whether it holds",
    FindingStatus.CLOSED: "it is closed",
}


def refusal(finding: Finding, kind: FindingEventKind) -> str:
    """Say why a finding in its present state cannot take a person's event; empty: it can."""
    return "" if finding.status in _FROM[kind] else _WHY_NOT[finding.status]


def after(finding: Finding | None, event: FindingEvent, judged: Judgement | None) -> Finding:
    """Give the finding as it stands after one of its events.

    `finding` is None before it was opened; `judged` is the judgement of the run that the event
    belongs to, None for `resolved`, which keeps the last one, and without meaning for a person's.

    Raises:
        ValueError: the first event of a finding is not `opened` with its judgement, or its state
            does not allow a person's event.
    """
    if finding is None:
        return _opened(event, judged)
    if event.kind in PERSONAL:
        moved = _acted(finding, event)
    else:
        moved = _measured(finding, event, judged or finding.judgement)
    return moved if event.kind in _NOTES else replace(moved, changed_at=event.at)


def _opened(event: FindingEvent, judged: Judgement | None) -> Finding:
    if event.kind is not FindingEventKind.OPENED or judged is None:
        raise ValueError(f"finding {event.finding} begins with {event.kind}, not with opened")
    return Finding(
        fingerprint=event.finding,
        judgement=judged,
        status=FindingStatus.OPEN,
        first_seen=event.at,
        last_seen=event.at,
        times_seen=1,
        run_id=event.run_id,
        changed_at=event.at,
    )


def _measured(finding: Finding, event: FindingEvent, judged: Judgement) -> Finding:
    """Give the finding after an event of a run."""
    match event.kind:
        case FindingEventKind.OPENED | FindingEventKind.SEEN:
            return _seen(finding, event, judged)
        case FindingEventKind.REOPENED:
            back = _seen(replace(finding, closed_by=None), event, judged)
            back = replace(back, reopened=finding.reopened + 1, resolved_at=None)
            return _in(back, FindingStatus.OPEN)
        case FindingEventKind.WAIVED:
            return _in(replace(finding, judgement=judged), FindingStatus.WAIVED)
        case FindingEventKind.WAIVER_ENDED if event.actor is not None:
            # No run saw it: what it was judged to be stays, less the waiver (`policy.waiver_end`).
            return _in(
                replace(finding, judgement=lapsed(finding.judgement, event)), FindingStatus.OPEN
            )
        case FindingEventKind.WAIVER_ENDED | FindingEventKind.FIX_REFUTED:
            return _in(replace(finding, judgement=judged), FindingStatus.OPEN)
        case FindingEventKind.RESOLVED:
            gone = replace(finding, resolved_at=event.at, closed_by=event.closed_by)
            return _in(gone, FindingStatus.CLOSED)
        case _:
            raise ValueError(f"{event.kind} is no event of a run")


def _acted(finding: Finding, event: FindingEvent) -> Finding:
    """Give the finding after something that a person did."""
    if why_not := refusal(finding, event.kind):
        raise ValueError(f"finding {finding.fingerprint} cannot be {event.kind}: {why_not}")
    match event.kind:
        case FindingEventKind.ACKNOWLEDGED:
            return _in(finding, FindingStatus.ACKNOWLEDGED)
        case FindingEventKind.FIX_CLAIMED:
            return replace(_in(finding, FindingStatus.FIX_CLAIMED), claimed_at=event.at)
        case FindingEventKind.FALSE_POSITIVE:
            closed = replace(finding, closed_by=ClosedBy.FALSE_POSITIVE)
            return _in(closed, FindingStatus.CLOSED)
        case FindingEventKind.ASSIGNED:
            return replace(finding, assigned_to=event.value)
        case FindingEventKind.TICKETED:
            return replace(finding, ticket=event.value)
        case _:
            return finding


def _seen(finding: Finding, event: FindingEvent, judged: Judgement) -> Finding:
    """Give the finding as seen once more; what was called false stays what it is held against."""
    return replace(
        finding,
        judgement=finding.judgement if finding.is_false_positive else judged,
        last_seen=event.at,
        times_seen=finding.times_seen + 1,
        run_id=event.run_id,
    )


def _in(finding: Finding, status: FindingStatus) -> Finding:
    """Give the finding in another state, which ends what was claimed of it."""
    return replace(finding, status=status, claimed_at=None)
