"""`portproof audit`: scan, judge, report."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import REPORT_FORMATS, Application
from portproof.cli import EXIT_INTERRUPTED, consoles
from portproof.cli.conclude import code, judge, report, show
from portproof.cli.live import stoppable, watching
from portproof.cli.options import Asked, scan_options, settings_options, verdict_options
from portproof.cli.scan import show_plan
from portproof.usecases.scan import preview
from portproof.usecases.scan import scan as carry_out


@click.command()
@scan_options
@settings_options
@verdict_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="portproof-out",
    show_default=True,
    help="Folder for the reports.",
)
@click.option(
    "--report",
    "forms",
    type=click.Choice(REPORT_FORMATS),
    multiple=True,
    help="Write this report format only; may be repeated (default: all).",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "jsonl"]),
    default="table",
    show_default=True,
)
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
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
    with app.open_store() as store:
        services, request = app.scan_services(store), asked.request(app)
        if dry_run:
            show_plan(preview(services, request, app.authorisation), stdout)
            return 0
        with stoppable(stderr) as stop, watching(stderr) as watcher:
            record = carry_out(services, request, app.authorisation, watcher=watcher, stop=stop)
            interrupted = stop()
        verdict = judge(app, store, record.plan.run_id)
        show(verdict, form, stdout)
        report(app, verdict, out, stderr, forms or REPORT_FORMATS)
    if interrupted:
        stderr.print(f"interrupted: what was measured is kept as run {record.plan.run_id}")
        return EXIT_INTERRUPTED
    return code(app, verdict, exit_zero=exit_zero)
