"""Diff: a run against another, against the approved state, against the end of a period.

Which runs are meant is decided here; what may be said of them in `policy.drift*`; and what is printed
is made in `diff_document`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from ipaddress import ip_address

from portproof.contracts import RunSummary, Store
from portproof.errors import StoreError
from portproof.model.baseline import Baseline
from portproof.model.drift_document import DiffDocument
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.evidence import IntervalInfo
from portproof.model.inventory import KnownTarget
from portproof.model.observation import PortState
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.vantage import Vantages
from portproof.policy.drift import compare
from portproof.policy.drift_approved import approved_drift
from portproof.policy.drift_period import (
    Period,
    Stretch,
    open_without_history,
    period_drift,
)
from portproof.policy.holders import Holders
from portproof.usecases.diff_document import (
    PeriodRuns,
    approved_document,
    period_document,
    runs_document,
)


def diff_runs(store: Store, before: str, after: str, *, strict: bool) -> DiffDocument:
    """Compare two runs; `strict` refuses runs that are unlike in anything.

    Raises:
        StoreError: there is no such run, or it cannot be read.
    """
    earlier, later = store.load_run(before), store.load_run(after)
    return runs_document(earlier, later, compare(earlier, later, strict=strict))


def diff_approved(
    store: Store,
    run_id: str | None,
    baseline: Baseline,
    vantages: Vantages,
    inventory: Sequence[KnownTarget] = (),
) -> DiffDocument:
    """Compare a run (None: the newest) with what was approved on the day that it ended.

    Raises:
        StoreError: there is no such run, or it cannot be read.
    """
    run = store.load_run(_summary(store, run_id).id)
    on = run.finished.date()
    holders = Holders(inventory, run.started)
    held = approved_drift(run, baseline, vantages, on=on, holders=holders)
    return approved_document(run, baseline, held, on)


def diff_period(store: Store, run_id: str | None, period: Period) -> DiffDocument:
    """Compare the state at the end of a period with a run (None: the newest).

    Raises:
        StoreError: there is no such run, it began before the period's end, or no run of its scope
            and vantage was completed in the period.
    """
    now = _summary(store, run_id)
    if now.started <= period.until:
        raise StoreError(f"run {now.id} began before the end of the period: name a later one")
    alike = [each for each in store.runs(scope=now.scope) if each.vantage == now.vantage]
    held = PeriodRuns(
        inside=tuple(each for each in alike if period.since <= each.started <= period.until),
        between=tuple(each for each in alike if period.until < each.started < now.started),
    )
    if not held.completed:
        raise StoreError(
            f"no run of scope {now.scope!r} from vantage {now.vantage} was completed in the period: "
            "nothing is known of its end"
        )
    record = store.load_run(now.id)
    intervals = store.intervals_since(period.since, vantage=now.vantage)
    stretches = [_stretch(each) for each in intervals]
    wanted = open_without_history(record, stretches, period)
    asked = dict(_asked(store, held.completed, wanted))
    return period_document(record, period, held, period_drift(record, stretches, asked, period))


# ---------------------------------------------------------------- which runs


def last_two(store: Store, run_id: str | None) -> tuple[str, str]:
    """Give a run (None: the newest), after the last complete run of its scope and vantage.

    Raises:
        StoreError: there is no such run, or no complete one before it.
    """
    after = _summary(store, run_id)
    for each in store.runs(scope=after.scope):
        alike = each.vantage == after.vantage and each.status is RunStatus.COMPLETE
        if alike and each.started < after.started:
            return each.id, after.id
    raise StoreError(
        f"before run {after.id} there is no complete run of scope {after.scope!r} "
        f"from vantage {after.vantage} to compare it with"
    )


def since(store: Store, run_id: str) -> tuple[str, str]:
    """Give a run, and the newest complete run of its scope and vantage.

    Raises:
        StoreError: there is no such run, or no complete one after it.
    """
    before = _summary(store, run_id)
    for each in store.runs(scope=before.scope):
        alike = each.vantage == before.vantage and each.status is RunStatus.COMPLETE
        if alike and each.started > before.started:
            return before.id, each.id
    raise StoreError(
        f"after run {before.id} there is no complete run of its scope and vantage; "
        f"`portproof diff --last {before.id}` compares it with the one before it"
    )


def _summary(store: Store, run_id: str | None) -> RunSummary:
    held = store.runs(limit=1) if run_id is None else store.runs()
    found = next((each for each in held if run_id in (None, each.id)), None)
    if found is None:
        missing = f"there is no run {run_id} in the store; `portproof runs` lists them"
        raise StoreError("the store holds no run yet" if run_id is None else missing)
    return found


# ---------------------------------------------------------------- what the store remembers


def _stretch(interval: IntervalInfo) -> Stretch:
    return Stretch(
        endpoint=_endpoint(interval.endpoint),
        state=PortState(interval.state),
        first_seen=_instant(interval.first_seen),
        last_seen=_instant(interval.last_seen),
    )


def _endpoint(text: str) -> Endpoint:
    """Read an endpoint as `Endpoint` prints it."""
    place, _, transport = text.rpartition("/")
    host, _, port = place.rpartition(":")
    return Endpoint(ip_address(host.strip("[]")), Transport(transport), int(port))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _asked(
    store: Store, completed: Sequence[RunSummary], wanted: frozenset[Endpoint]
) -> Iterator[tuple[Endpoint, PortState]]:
    """Look up in the runs of the period, newest first, what they saw of some endpoints."""
    for each in completed:
        if not wanted:
            return
        found = dict(_states(store.load_run(each.id), wanted))
        yield from found.items()
        wanted = wanted - found.keys()


def _states(run: RunRecord, wanted: frozenset[Endpoint]) -> Iterator[tuple[Endpoint, PortState]]:
    for outcome in run.hosts:
        for endpoint in wanted:
            place = (endpoint.address, endpoint.transport)
            if place == (outcome.host.address, outcome.transport):
                state = outcome.state_of(endpoint.port)
                if isinstance(state, PortState):
                    yield endpoint, state
