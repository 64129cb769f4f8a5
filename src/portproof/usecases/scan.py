"""Scan: from authorised targets to a stored run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from portproof.contracts import (
    Clock,
    Progress,
    Resolver,
    ScanListener,
    Scanner,
    StopSignal,
    Store,
)
from portproof.errors import AuthorisationError
from portproof.model.authorisation import Authorisation
from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample, Resolution, RunRecord, ScanPlan
from portproof.plan.build import (
    Layout,
    PlanRequest,
    RunIdentity,
    admit,
    complete,
    lay_out,
    names_to_resolve,
)
from portproof.plan.forecast import Forecast, forecast
from portproof.plan.relay import require_controls
from portproof.usecases.elsewhere import RunKeeper

_SEED_BITS = 64
_RUN_ID_BYTES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RunServices:
    """What one run needs of the world; `store` may be a vantage's that keeps this run alone."""

    clock: Clock
    resolver: Resolver
    scanner: Scanner
    store: RunKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanServices(RunServices):
    """The same at home, where all runs are kept."""

    store: Store


def scan(
    services: RunServices,
    request: PlanRequest,
    authorisation: Authorisation | None,
    *,
    watcher: ScanListener,
    stop: StopSignal,
) -> RunRecord:
    """Carry out one run and keep it; `watcher` hears of it as it happens.

    A refusal is kept in the store before it is raised: no packet has left by then.

    Raises:
        AuthorisationError: see `plan.authorise`; BudgetError among them.
        StoreLockedError: another run is under way in this store.
    """
    with services.store.run_lock(), planned(services, request, authorisation) as plan:
        return keep_run(services, plan, watcher=watcher, stop=stop)


def keep_run(
    services: RunServices,
    plan: ScanPlan,
    *,
    watcher: ScanListener,
    stop: StopSignal,
    carried: Carried | None = None,
) -> RunRecord:
    """Carry a plan out and keep what comes of it, with what is carried over; needs the run lock."""
    recorder = services.store.begin_run(plan, services.clock.now(), carried)
    record = services.scanner.run(plan, _Both(recorder, watcher), stop, carried=carried)
    services.store.finish_run(record)
    return record


@contextmanager
def planned(
    services: RunServices, request: PlanRequest, authorisation: Authorisation | None
) -> Iterator[ScanPlan]:
    """Give the plan of a run; portproof's own control listeners are open inside the `with` block.

    Raises:
        AuthorisationError: as `scan` does, and kept in the store likewise.
    """
    layout, held = _authorised_layout(services, request, authorisation)
    with services.scanner.own_controls(layout.addresses) as own:
        yield complete(
            layout,
            request,
            identity=identity_of(services.clock),
            authorisation=held,
            own_controls=own,
        )


def preview(
    services: RunServices, request: PlanRequest, authorisation: Authorisation | None
) -> Forecast:
    """Say what `scan` would send, at once whatever the size; sends no probe.

    Raises:
        AuthorisationError: as `scan` does, and kept in the store likewise.
    """
    now = services.clock.now()
    with _refusals_kept(services, now):
        held = admit(request, authorisation, now)
        resolutions = _resolve(services, names_to_resolve(request))
        return forecast(request, authorisation=held, resolutions=resolutions, at=now)


def _authorised_layout(
    services: RunServices, request: PlanRequest, authorisation: Authorisation | None
) -> tuple[Layout, Authorisation]:
    now = services.clock.now()
    with _refusals_kept(services, now):
        held = admit(request, authorisation, now)
        resolutions = _resolve(services, names_to_resolve(request))
        layout = lay_out(request, authorisation=held, resolutions=resolutions, at=now)
        require_controls(request.through, layout.addresses, held.controls)
    return layout, held


@contextmanager
def _refusals_kept(services: RunServices, at: datetime) -> Iterator[None]:
    """Keep a refusal in the store before it is raised."""
    try:
        yield
    except AuthorisationError as refusal:
        services.store.record_refusal(refusal.code, refusal.subject, str(refusal), at)
        raise


def _resolve(services: RunServices, names: Sequence[str]) -> tuple[Resolution, ...]:
    """Resolve each name, both families; failure is recorded, not raised (the run goes on)."""
    found = []
    for name in names:
        resolution = Resolution(name=name, addresses=(), at=services.clock.now())
        try:
            resolution = replace(resolution, addresses=services.resolver.resolve(name))
        except LookupError as failure:
            resolution = replace(resolution, detail=str(failure))
        found.append(resolution)
    return tuple(found)


def identity_of(clock: Clock) -> RunIdentity:
    """Make a run id that sorts by time and is not guessed: `20261121T081500Z-a1b2c3`."""
    stamp = clock.now().strftime("%Y%m%dT%H%M%SZ")
    return RunIdentity(
        run_id=f"{stamp}-{secrets.token_hex(_RUN_ID_BYTES)}", seed=secrets.randbits(_SEED_BITS)
    )


@dataclass(frozen=True, slots=True)
class _Both:
    """Hands everything to the recorder first: what the watcher shows has been kept."""

    recorder: ScanListener
    watcher: ScanListener

    def batch(self, batch: OutcomeBatch) -> None:
        self.recorder.batch(batch)
        self.watcher.batch(batch)

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        self.recorder.observed(observation, raw)
        self.watcher.observed(observation, raw)

    def sampled(self, sample: ControlSample) -> None:
        self.recorder.sampled(sample)
        self.watcher.sampled(sample)

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        self.recorder.checkpoint(checkpoint)
        self.watcher.checkpoint(checkpoint)

    def progress(self, progress: Progress) -> None:
        self.recorder.progress(progress)
        self.watcher.progress(progress)
