"""A segmentation test from this vantage: one run for each target zone, and what is asked again."""

from __future__ import annotations

from portproof.bootstrap import Application
from portproof.cli import consoles
from portproof.cli.live import Watched, watch
from portproof.contracts import Store
from portproof.model.portspec import PortSpec
from portproof.model.segmentation import Segmentation
from portproof.plan.build import PlanRequest
from portproof.usecases.segmentation_trial import again, refusals, trial_requests


def carry_out_test(
    app: Application,
    policy: Segmentation,
    zones: tuple[str, ...],
    ports: PortSpec | None,
    *,
    because: str,
) -> list[Watched]:
    """Ask each zone (empty: all), then what refused once more; ends early when interrupted.

    Raises:
        PortproofError: a zone is unknown, or as `usecases.scan.scan`.
    """
    requests = trial_requests(
        policy, app.vantage, started_by=because, targets=zones, ports=ports, through=app.way
    )
    watched: list[Watched] = []
    with app.open_store() as store:
        for zone, request in requests:
            watched += _asked(app, store, zone, request)
            if watched[-1].interrupted:
                break
    return watched


def _asked(app: Application, store: Store, zone: str, request: PlanRequest) -> list[Watched]:
    """Carry out the run of one zone, and the one for its refusals."""
    console = consoles.err()
    first = watch(app.scan_services(store), request, app.authorisation, console, app.stop_file)
    _tell(zone, first)
    once_more = None if first.interrupted else again(first.record, request)
    if once_more is None:
        if refused := refusals(first.record):
            console.print(
                f"{zone}: {refused:,} refusals were not asked again, so that nobody knows who sent "
                "them; ask fewer ports at a time (-p)",
                soft_wrap=True,
            )
        return [first]
    kept = app.scan_services(store, keep_all=True)
    second = watch(kept, once_more, app.authorisation, console, app.stop_file)
    _tell(f"{zone}, refusals again", second)
    return [first, second]


def _tell(zone: str, watched: Watched) -> None:
    record = watched.record
    reason = f": {record.status_reason}" if record.status_reason else ""
    consoles.out().print(
        f"{zone}: run {record.plan.run_id} is {record.status}{reason}", soft_wrap=True
    )
