"""Baseline plan: what a changed baseline would do, told line by line before it is merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from portproof import __version__
from portproof.contracts import Store
from portproof.errors import StoreError
from portproof.model.baseline import Baseline, BaselineEntry, SourceLocation
from portproof.model.change_plan import (
    ChangePlan,
    Effect,
    Lack,
    LackKind,
    Place,
    PlanDocument,
    PlanGap,
    PlanLine,
    PortEffect,
    Weakening,
    WeakeningKind,
)
from portproof.model.inventory import KnownTarget
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.vantage import Vantages
from portproof.policy.holders import Holders
from portproof.policy.plan_change import plan_change
from portproof.policy.wording import ports_text

LAST: Final = "last"
"""Instead of a run's id: the newest complete run."""

_RULE_OF_EFFECT: Final = {
    Effect.BECOMES_APPROVED: "port-becomes-approved",
    Effect.BECOMES_UNAPPROVED: "port-becomes-unapproved",
    Effect.BECOMES_MISSING: "port-becomes-missing",
}
_RULE_OF_LACK: Final = {LackKind.APPROVER: "approver-missing", LackKind.END: "end-missing"}
_NAMED: Final = 10
"""Entries that a note lists before it only counts them."""
_ABOUT_ZONES: Final = frozenset({WeakeningKind.FEWER_APPROVALS, WeakeningKind.UNPROTECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the baseline, and how its parts are called."""

    base: Baseline
    base_called: str
    new: Baseline
    place: Callable[[SourceLocation | None], Place]
    """Where a line stands for a code-scanning view; None is the top of the new file."""


def plan_baseline(
    change: Change,
    store: Store | None,
    against: str,
    vantages: Vantages,
    *,
    on: date,
    inventory: Sequence[KnownTarget] = (),
) -> PlanDocument:
    """Say what a change does; `against` names the run whose observations it is held against.

    Without a store nothing is said of observed ports. Approvals are held against the day `on`.

    Raises:
        StoreError: there is no such run, or it is not complete, so that it tells nothing.
    """
    run = _run(store, against) if store is not None else None
    holders = Holders(inventory, run.started) if run is not None else None
    plan = plan_change(change.base, change.new, run, vantages, on=on, holders=holders)
    place = change.place
    return PlanDocument(
        base=change.base_called,
        new=change.new.file,
        run=run.plan.run_id if run else "",
        zone=run.plan.vantage.zone if run else "",
        day=on.isoformat(),
        tool_version=__version__,
        lines=(
            *(_effect(each, place) for each in plan.effects),
            *(_weakening(each, place) for each in plan.weakenings),
            *(_lack(each, place) for each in plan.lacks),
            *(_removed(each, place) for each in plan.removed),
        ),
        gaps=tuple(_gaps(plan)),
        notes=tuple(_notes(plan, run)),
    )


def _run(store: Store, against: str) -> RunRecord:
    if against == LAST:
        complete = (each for each in store.runs() if each.status is RunStatus.COMPLETE)
        newest = next(complete, None)
        if newest is None:
            raise StoreError("the store holds no complete run yet to hold the change against")
        return store.load_run(newest.id)
    run = store.load_run(against)
    if run.status is not RunStatus.COMPLETE:
        why = run.status_reason or "no reason given"
        raise StoreError(f"run {against} is {run.status} ({why}): it tells nothing of a change")
    return run


# ---------------------------------------------------------------- lines


def _effect(each: PortEffect, place: Callable[[SourceLocation | None], Place]) -> PlanLine:
    service = f" ({each.service})" if each.service else ""
    seen = f"{each.endpoint} was observed {each.state}{service}"
    return PlanLine(
        rule=_RULE_OF_EFFECT[each.effect],
        subject=str(each.endpoint),
        text=f"{seen}; it {each.effect}: {_because(each)}",
        zones=each.entry.zones,
        changed=True,
        place=place(each.kept.location if each.kept else None),
    )


def _because(each: PortEffect) -> str:
    if each.effect is not Effect.BECOMES_UNAPPROVED:
        return f"entry {each.entry.id}"
    how = "no longer covers it" if each.kept else "was removed"
    return f"entry {each.entry.id} {how}"


def _weakening(each: Weakening, place: Callable[[SourceLocation | None], Place]) -> PlanLine:
    what = "zone" if each.kind in _ABOUT_ZONES else "entry"
    return PlanLine(
        rule="zone-weakens",
        subject=each.subject,
        text=f"{what} {each.subject}: {each.kind}: {each.detail}",
        zones=each.zones,
        changed=True,
        place=place(each.location),
    )


def _lack(each: Lack, place: Callable[[SourceLocation | None], Place]) -> PlanLine:
    field = "approval.approver" if each.kind is LackKind.APPROVER else "approval.review_by"
    before = "" if each.changed else " (as before this change)"
    return PlanLine(
        rule=_RULE_OF_LACK[each.kind],
        subject=each.entry.id,
        text=f"entry {each.entry.id} has {each.kind}: {field} is missing{before}",
        zones=each.entry.zones,
        changed=each.changed,
        place=place(each.entry.location),
    )


def _removed(entry: BaselineEntry, place: Callable[[SourceLocation | None], Place]) -> PlanLine:
    hosts = ", ".join(entry.hosts_text)
    what = f"{ports_text(entry.ports)}/{entry.transport} on {hosts}"
    return PlanLine(
        rule="entry-removed",
        subject=entry.id,
        text=f"entry {entry.id} was removed: {what} from {', '.join(entry.zones)}",
        zones=entry.zones,
        changed=True,
        place=place(None),
    )


# ---------------------------------------------------------------- what is not known


def _gaps(plan: ChangePlan) -> Iterator[PlanGap]:
    for each in plan.gaps:
        yield PlanGap(
            reason=each.reason,
            host=str(each.address),
            transport=each.transport,
            ports=str(each.ports),
            count=len(each.ports),
        )


def _notes(plan: ChangePlan, run: RunRecord | None) -> Iterator[str]:
    if run is None:
        yield "no run was named (--against): nothing is said of ports that were observed"
        return
    if plan.unseen:
        names = ", ".join(each.id for each in plan.unseen[:_NAMED])
        rest = f" and {len(plan.unseen) - _NAMED} more" if len(plan.unseen) > _NAMED else ""
        zone = run.plan.vantage.zone
        yield (
            f"changed entries of which run {run.plan.run_id} shows nothing (other zones than {zone}, "
            f"or hosts that it did not ask): {names}{rest}"
        )
