"""`portproof scan`: probe authorised targets and keep what was seen."""

from __future__ import annotations

import json

import click
from rich.console import Console

from portproof.bootstrap.forms import ports_table, to_jsonl_lines
from portproof.cli import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, consoles
from portproof.cli.asked import Asked
from portproof.cli.consoles import Patient
from portproof.cli.dry_run import show_forecast
from portproof.cli.grouped import GroupedCommand
from portproof.cli.live import watch
from portproof.cli.options import (
    dry_run_option,
    format_option,
    output_options,
    scan_options,
    settings_options,
)
from portproof.cli.outputs import Outputs, Shown
from portproof.cli.packing import Keeping, pack_options
from portproof.cli.sourced import sourced
from portproof.errors import SettingsError
from portproof.model.scan import RunRecord
from portproof.usecases.scan import preview

_MS = 1_000
_PLAIN = Shown()


@click.command(cls=GroupedCommand)
@scan_options
@output_options
@format_option("table", "json", "jsonl")
@dry_run_option
@settings_options
@pack_options
def scan(
    *,
    asked: Asked,
    outputs: Outputs,
    shown: Shown,
    keeping: Keeping,
    form: str,
    dry_run: bool,
) -> int:
    """Scan authorised targets and keep the run; judge it later with `portproof check`.

    TARGET is an address, a network, octet ranges, a host name, or host:port; without any, the
    configuration's targets are scanned. Options are nmap's where nmap has them: docs/nmap-habits.md
    says what differs.

    Exits 0 when the run is complete, 3 when it is inconclusive, 130 when interrupted.
    """
    stdout, stderr = consoles.out(), consoles.err()
    app = keeping.app
    if asked.from_sources and keeping.pack is not None:
        raise SettingsError(
            "--from-sources keeps an inventory in the database, and --out uses none"
        )
    listed = sourced(app, stderr, wanted=asked.from_sources, ask=not dry_run)
    with keeping.services() as services:
        request = asked.request(app, listed.targets)
        if dry_run:
            show_forecast(preview(services, request, app.authorisation), stdout, app.way)
            return 0
        watched = watch(services, request, app.authorisation, stderr, app.stop_file, keeping.pack)
    try:
        outputs.write(watched.record, shown, stdout)
    finally:
        # Also when a file cannot be written after all: the run is kept, and says its id here.
        if not outputs.on_standard_output:
            show_run(watched.record, form, stdout, shown)
    listed.note(app, watched.record, stderr)
    if request.min_rate is not None:
        show_rate(watched.record, request.min_rate, stderr)
    if watched.interrupted:
        return EXIT_INTERRUPTED
    return 0 if watched.record.conclusive and not listed.doubtful else EXIT_INCONCLUSIVE


def show_run(record: RunRecord, form: str, console: Patient, shown: Shown = _PLAIN) -> None:
    """Write what a run saw to standard output."""
    if form == "table":
        table = ports_table(record, open_only=shown.open_only, reasons=shown.reason)
        console.print(table)
        reason = f": {record.status_reason}" if record.status_reason else ""
        console.print(f"run {record.plan.run_id} is {record.status}{reason}", soft_wrap=True)
        return
    lines = to_jsonl_lines(record)
    objects = [json.loads(each) for each in lines.splitlines()]
    console.write(lines if form == "jsonl" else json.dumps(objects))


def show_rate(record: RunRecord, wanted: int, console: Console) -> None:
    """Say so when a run was slower than --min-rate: no probe is ever forced out for it."""
    sent = sum(each.measured for each in record.coverage) + (record.retransmitted or 0)
    rate = sent * _MS / max(1, record.duration_ms)
    if rate < wanted:
        console.print(
            f"about {rate:,.0f} probes/s were sent, below --min-rate {wanted:,}: limits, answers or "
            "care for the path did not allow more",
            soft_wrap=True,
        )
