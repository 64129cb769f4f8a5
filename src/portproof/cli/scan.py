"""`portproof scan`: probe authorised targets and keep what was seen."""

from __future__ import annotations

import json

import click
from rich.console import Console

from portproof.bootstrap import Application
from portproof.bootstrap.forms import ports_table, to_jsonl_lines
from portproof.cli import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, consoles
from portproof.cli.consoles import Patient
from portproof.cli.live import watch
from portproof.cli.options import (
    Asked,
    dry_run_option,
    format_option,
    scan_options,
    settings_options,
)
from portproof.model.endpoint import Transport
from portproof.model.scan import RunRecord, ScanPlan
from portproof.usecases.scan import preview


@click.command()
@scan_options
@settings_options
@format_option("table", "json", "jsonl")
@dry_run_option
def scan(*, app: Application, asked: Asked, form: str, dry_run: bool) -> int:
    """Scan authorised targets and keep the run; judge it later with `portproof check`.

    Exits 0 when the run is complete, 3 when it is inconclusive, 130 when interrupted.
    """
    stdout = consoles.out()
    with app.open_store() as store:
        services, request = app.scan_services(store), asked.request(app)
        if dry_run:
            show_plan(preview(services, request, app.authorisation), stdout)
            return 0
        watched = watch(services, request, app.authorisation, consoles.err())
    show_run(watched.record, form, stdout)
    if watched.interrupted:
        return EXIT_INTERRUPTED
    return 0 if watched.record.conclusive else EXIT_INCONCLUSIVE


def show_run(record: RunRecord, form: str, console: Patient) -> None:
    """Write what a run saw to standard output."""
    if form == "table":
        console.print(ports_table(record))
        reason = f": {record.status_reason}" if record.status_reason else ""
        console.print(f"run {record.plan.run_id} is {record.status}{reason}", soft_wrap=True)
        return
    lines = to_jsonl_lines(record)
    objects = [json.loads(each) for each in lines.splitlines()]
    console.write(lines if form == "jsonl" else json.dumps(objects))


def show_plan(plan: ScanPlan, console: Console) -> None:
    """Write what would be sent: how many endpoints, from where, how fast, and for how long at least."""
    tcp, udp = plan.probes(Transport.TCP), plan.probes(Transport.UDP)
    least_s = (tcp + udp) / plan.rates.global_pps
    console.print(f"scope          {plan.scope}")
    console.print(f"vantage        {plan.vantage.id} in zone {plan.vantage.zone}")
    console.print(
        f"authorisation  {plan.authorisation.id}, until {plan.authorisation.valid_until:%Y-%m-%dT%H:%M:%SZ}"
    )
    console.print(f"addresses      {len(plan.hosts):,}")
    console.print(f"endpoints      {tcp:,} TCP and {udp:,} UDP")
    console.print(
        f"rate           at most {plan.rates.global_pps:,}/s, {plan.rates.per_host_pps:,}/s per host"
    )
    console.print(f"duration       at least {least_s:,.0f} s")
    for resolution in plan.resolutions:
        found = (
            ", ".join(map(str, resolution.addresses)) or f"does not resolve ({resolution.detail})"
        )
        console.print(f"name           {resolution.name}: {found}")
    console.print("nothing was sent")
