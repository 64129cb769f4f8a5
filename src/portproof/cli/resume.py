"""`portproof resume`: go on with an interrupted run where it stopped."""

from __future__ import annotations

import click

from portproof.bootstrap import Application
from portproof.cli import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, consoles
from portproof.cli.live import carry_out
from portproof.cli.options import format_option, settings_options
from portproof.cli.scan import show_run
from portproof.model.scan import RunRecord
from portproof.usecases.resume import resume as go_on


@click.command()
@click.argument("run_id", required=False)
@settings_options
@format_option("table", "json", "jsonl")
def resume(*, app: Application, run_id: str | None, form: str) -> int:
    """Go on with an interrupted run: measure what is left, under the same authorisation.

    RUN_ID is the run to go on with (default: the newest interrupted one that was not continued).
    What it had measured is carried over with its own times; coverage says how much that is, and
    how many endpoints were asked again.

    Exits 0 when the run is complete, 3 when it is inconclusive, 130 when interrupted.
    """
    with app.open_store(create=False) as store:
        services = app.scan_services(store)
        watched = carry_out(
            lambda watcher, stop: go_on(
                services, run_id, app.authorisation, app.vantage, watcher=watcher, stop=stop
            ),
            consoles.err(),
            app.stop_file,
        )
    consoles.err().print(told(watched.record), soft_wrap=True, highlight=False)
    show_run(watched.record, form, consoles.out())
    if watched.interrupted:
        return EXIT_INTERRUPTED
    return 0 if watched.record.conclusive else EXIT_INCONCLUSIVE


def told(record: RunRecord) -> str:
    """Say how much was carried over, and how much was asked again."""
    carried = sum(each.carried for each in record.coverage)
    repeated = sum(each.repeated for each in record.coverage)
    return (
        f"continued run {record.plan.continues}: {carried:,} endpoints carried over, "
        f"{repeated:,} asked again"
    )
