"""`portproof resume`: go on with an interrupted run where it stopped."""

from __future__ import annotations

import click

from portproof.cli import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, consoles
from portproof.cli.live import carry_out
from portproof.cli.options import format_option, settings_options
from portproof.cli.packing import Keeping, pack_options
from portproof.cli.scan import show_run
from portproof.model.scan import RunRecord


@click.command()
@click.argument("what", required=False, metavar="[RUN_ID|PACK]")
@settings_options
@pack_options
@format_option("table", "json", "jsonl")
def resume(*, keeping: Keeping, what: str | None, form: str) -> int:
    """Go on with an interrupted run: measure what is left, under the same authorisation.

    RUN_ID is the run to go on with (default: the newest interrupted one that was not continued).
    What it had measured is carried over with its own times; coverage says how much that is, and
    how many endpoints were asked again.

    With --out and --key, at a vantage without a database: go on with the scan into that pack that
    was killed, or with the interrupted run of another PACK, and write the whole into the pack.

    Exits 0 when the run is complete, 3 when it is inconclusive, 130 when interrupted.
    """
    watched = carry_out(
        lambda watcher, stop: keeping.resume(what, watcher, stop),
        consoles.err(),
        keeping.app.stop_file,
        keeping.pack,
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
