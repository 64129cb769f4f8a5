"""Resume: go on with an interrupted run where it stopped.

The past is append-only (law 5), so this is a run of its own: same endpoints, same order, same
authorisation, and a record that says which run it continues. What that one had measured comes over
with its own times and evidence; only the rest is asked.
"""

from __future__ import annotations

from dataclasses import replace

from portproof.contracts import RunSummary, ScanListener, StopSignal, Store
from portproof.errors import AuthorisationError, StoreError
from portproof.model.authorisation import Authorisation
from portproof.model.carried import carry_over
from portproof.model.scan import RunRecord, RunStatus, ScanPlan
from portproof.model.vantage import Vantage
from portproof.plan.authorise import require_in_force
from portproof.usecases.elsewhere import ResumableKeeper
from portproof.usecases.scan import RunServices, ScanServices, identity_of, keep_run


def resume(
    services: ScanServices,
    run_id: str | None,
    authorisation: Authorisation | None,
    vantage: Vantage,
    *,
    watcher: ScanListener,
    stop: StopSignal,
) -> RunRecord:
    """Go on with an interrupted run (None: the newest that nobody has gone on with) and keep it.

    Raises:
        AuthorisationError: the authorisation has ended, or is not the one that the run rested on
            (`changed`); that is kept in the store, and no packet has left.
        StoreError: there is no such run, it is not interrupted, it was continued already, or it was
            made from another vantage.
        StoreLockedError: another run is under way in this store.
    """
    store = services.store
    with store.run_lock():
        record = store.load_run(_chosen(store, run_id))
        return _go_on(services, record, authorisation, vantage, watcher=watcher, stop=stop)


def resume_elsewhere(
    services: RunServices,
    keeper: ResumableKeeper,
    authorisation: Authorisation | None,
    vantage: Vantage,
    *,
    watcher: ScanListener,
    stop: StopSignal,
) -> RunRecord:
    """Go on with the interrupted run that a vantage without a database keeps; `services` keep it there.

    Raises:
        AuthorisationError: as `resume` does.
        PackError: there is no interrupted run to go on with.
        StoreError: it was made from another vantage.
    """
    with keeper.run_lock():
        record = keeper.interrupted()
        return _go_on(services, record, authorisation, vantage, watcher=watcher, stop=stop)


def _go_on(
    services: RunServices,
    record: RunRecord,
    authorisation: Authorisation | None,
    vantage: Vantage,
    *,
    watcher: ScanListener,
    stop: StopSignal,
) -> RunRecord:
    """Plan and carry out what the run has left; needs the run lock."""
    _require_authorised(services, record.plan, authorisation)
    _require_here(record.plan, vantage)
    carried = carry_over(record)
    with services.scanner.own_controls([host.address for host in record.plan.hosts]) as own:
        plan = replace(
            record.plan,
            run_id=identity_of(services.clock).run_id,
            continues=record.plan.run_id,
            controls=(*own, *(each for each in record.plan.controls if not each.own)),
        )
        return keep_run(services, plan, watcher=watcher, stop=stop, carried=carried)


def _chosen(store: Store, run_id: str | None) -> str:
    """Give the run to go on with, if it is one that somebody may go on with."""
    if run_id is None:
        could = (each for each in store.runs() if _can_go_on(each))
        found = next((each for each in could if not store.pack_of(each.id)), None)
        if found is None:
            raise StoreError("no interrupted run is left to go on with; `portproof runs` lists all")
        return found.id
    named = next((each for each in store.runs() if each.id == run_id), None)
    if named is None:
        raise StoreError(f"there is no run {run_id} in the store")
    if named.status is not RunStatus.INTERRUPTED:
        raise StoreError(
            f"run {run_id} is {named.status}, not interrupted: there is nothing to go on with"
        )
    if named.continued_by is not None:
        raise StoreError(
            f"run {run_id} was continued already, by run {named.continued_by}: name that one"
        )
    if store.pack_of(run_id):
        raise StoreError(
            f"run {run_id} came in a pack from vantage {named.vantage}: nothing here can go on with"
            " it from there; scan anew at that vantage"
        )
    return run_id


def _can_go_on(run: RunSummary) -> bool:
    return run.status is RunStatus.INTERRUPTED and run.continued_by is None


def _require_authorised(
    services: RunServices, plan: ScanPlan, authorisation: Authorisation | None
) -> None:
    """Let the run go on under the very authorisation that it began with, while that holds (law 4)."""
    now = services.clock.now()
    try:
        _require_the_same(plan, require_in_force(authorisation, now))
    except AuthorisationError as refusal:
        services.store.record_refusal(refusal.code, refusal.subject, str(refusal), now)
        raise


def _require_the_same(plan: ScanPlan, held: Authorisation) -> None:
    if held.digest != plan.authorisation.digest:
        raise AuthorisationError(
            "changed",
            f"run {plan.run_id}",
            f"it rests on authorisation {plan.authorisation.id} as it was then, and the document at"
            f" hand ({held.id}) is another, or another version of it; scan anew under that one",
        )


def _require_here(plan: ScanPlan, vantage: Vantage) -> None:
    if (plan.vantage.id, plan.vantage.zone) != (vantage.id, vantage.zone):
        raise StoreError(
            f"run {plan.run_id} was made from vantage {plan.vantage.id} in zone {plan.vantage.zone},"
            f" and this is {vantage.id} in zone {vantage.zone}: go on with it there"
        )
