"""How approvals are used, and until when they hold: what a review of the register looks for.

An approval is *matched* when a run saw one of its ports open from one of its zones. That nothing
matched it says something only when it was looked for: where no run measured any of its ports, it is
*not measured*, and nobody may call it unused (law 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from portproof.model.baseline import Baseline, BaselineEntry, Direction, Status
from portproof.model.inventory import KnownTarget
from portproof.model.observation import PortState
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.holders import Holders
from portproof.policy.register import Register
from portproof.policy.waivers import notice_days


class Matched(StrEnum):
    """What runs saw of an approval."""

    SEEN = "matched"
    NEVER = "never matched"
    UNMEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalUsage:
    """One approved entry: until when it holds, and whether anything uses it."""

    entry: BaselineEntry
    end: datetime | None
    """The first instant at which it does not hold any more, 00:00 UTC after `review_by`; None: never."""
    expired: bool
    notice_days: int | None
    """30 or 7, when it holds and ends within so many days; None otherwise."""
    matched: Matched
    last_matched: datetime | None
    """When the last run finished that matched it; None unless `matched` is SEEN."""

    @property
    def notice(self) -> str:
        """What a review has to decide about it, in words; empty: nothing."""
        told = ["ended"] if self.expired else []
        told += [f"ends within {self.notice_days} days"] if self.notice_days else []
        told += ["nothing of it was open"] if self.matched is Matched.NEVER else []
        return "; ".join(told)

    @property
    def wants_attention(self) -> bool:
        """Whether a reviewer has something to decide."""
        return bool(self.notice)


def approval_usage(
    baseline: Baseline,
    runs: Iterable[RunRecord],
    at: datetime,
    inventory: Sequence[KnownTarget] = (),
) -> tuple[ApprovalUsage, ...]:
    """Give each approved inbound entry as those runs, newest first, used it; in document order.

    No further run is asked for once every entry is matched. `inventory` are the targets that sources
    list: what answers at an address uses no approval that was given for a former owner of it.
    """
    entries = [
        each
        for each in baseline.entries
        if each.direction is Direction.INBOUND and each.status is Status.APPROVED
    ]
    register = Register(baseline)
    last: dict[str, datetime] = {}
    measured: set[str] = set()
    for run in runs:
        if inventory:
            register = Register(baseline, Holders(inventory, run.started))
        for entry, is_open in _looked_at(register, run):
            measured.add(entry.id)
            if is_open:
                last.setdefault(entry.id, run.finished)
        if len(last) >= len(entries):
            break
    return tuple(
        _usage(each, last.get(each.id), at, measured=each.id in measured) for each in entries
    )


def approval_end(entry: BaselineEntry) -> datetime | None:
    """Give the first instant at which an approval does not hold any more; None: it has no end."""
    until = entry.approval.review_by
    if until is None:
        return None
    return datetime.combine(until, time(), UTC) + timedelta(days=1)


def _looked_at(register: Register, run: RunRecord) -> Iterator[tuple[BaselineEntry, bool]]:
    """Give the entries of which the run measured a port, each with whether one was open."""
    zone = run.plan.vantage.zone
    for outcome in run.hosts:
        measured = _measured(outcome)
        about = register.about(outcome.host)
        passed_on = register.passed_on(outcome.host, about)
        for entry in about:
            if zone not in entry.zones or entry.transport is not outcome.transport:
                continue
            if entry.id in passed_on:
                continue
            if entry.ports & measured:
                is_open = outcome.states.get(PortState.OPEN, PortSet.empty())
                yield entry, bool(entry.ports & is_open)


def _measured(outcome: HostOutcome) -> PortSet:
    ports = PortSet.empty()
    for state, held in outcome.states.items():
        # Silence of a UDP port proves neither that something uses it nor that nothing does.
        if state is not PortState.OPEN_FILTERED:
            ports = ports | held
    return ports


def _usage(
    entry: BaselineEntry, last: datetime | None, at: datetime, *, measured: bool
) -> ApprovalUsage:
    end = approval_end(entry)
    seen = Matched.SEEN if last else Matched.NEVER
    return ApprovalUsage(
        entry=entry,
        end=end,
        expired=end is not None and end <= at,
        notice_days=notice_days(end, at) if end else None,
        matched=seen if measured else Matched.UNMEASURED,
        last_matched=last,
    )
