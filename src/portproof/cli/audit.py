"""`portproof audit`: scan, judge, report."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import REPORT_FORMATS, Application
from portproof.cli import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, consoles
from portproof.cli.asked import Asked
from portproof.cli.conclude import code, judge, report, show
from portproof.cli.dry_run import show_forecast
from portproof.cli.grouped import GroupedCommand
from portproof.cli.live import watch
from portproof.cli.options import (
    dry_run_option,
    format_option,
    out_option,
    scan_options,
    settings_options,
    verdict_options,
)
from portproof.cli.sourced import sourced
from portproof.usecases.scan import preview


@click.command(cls=GroupedCommand)
@scan_options
@settings_options
@verdict_options
@out_option
@click.option(
    "--report",
    "forms",
    type=click.Choice(REPORT_FORMATS),
    multiple=True,
    help="Write this report format only; may be repeated (default: all).",
)
@format_option("table", "json", "jsonl")
@dry_run_option
def audit(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    app: Application,
    asked: Asked,
    out: Path,
    forms: tuple[str, ...],
    form: str,
    dry_run: bool,
    fail_on: str | None,
    exit_zero: bool,
) -> int:
    """Scan authorised targets, judge them against the baseline, write the evidence report.

    TARGET is an address, a network, octet ranges, a host name, or host:port; without any, the
    configuration's targets are audited. All TCP ports and all UDP ports with a protocol probe are
    asked unless -p names others.
    """
    del fail_on  # read through the settings
    stdout, stderr = consoles.out(), consoles.err()
    _ = app.documents  # every fault in them shows before a packet leaves
    listed = sourced(app, stderr, wanted=asked.from_sources, ask=not dry_run)
    with app.open_store() as store:
        services, request = app.scan_services(store), asked.request(app, listed.targets)
        if dry_run:
            show_forecast(preview(services, request, app.authorisation), stdout)
            return 0
        watched = watch(services, request, app.authorisation, stderr, app.stop_file)
        listed.note(app, watched.record, stderr)
        verdict = judge(app, store, watched.record.plan.run_id)
        # Before anything is shown: whoever reads our output may have gone (`| head`).
        report(app, verdict, out, stderr, forms or REPORT_FORMATS)
        show(verdict, form, stdout)
    if watched.interrupted:
        return EXIT_INTERRUPTED
    if listed.doubtful and not exit_zero:
        return EXIT_INCONCLUSIVE
    return code(app, verdict, exit_zero=exit_zero)
