"""`portproof egress`: what gets out from here to our own sink."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from portproof.bootstrap import Application
from portproof.bootstrap.egress import egress_services, sink_logs
from portproof.cli import EXIT_INTERRUPTED, consoles
from portproof.cli.live import watch
from portproof.cli.options import format_option, settings_options
from portproof.model.endpoint import Address
from portproof.model.portspec import parse_ports
from portproof.model.scan import RunRecord
from portproof.policy.egress import Crossed, EgressRow, compare_egress, egress_exit_code
from portproof.usecases.egress import egress_request

_MOST_ROWS = 200


@click.command()
@settings_options
@click.option(
    "--to",
    "addresses",
    multiple=True,
    required=True,
    metavar="ADDRESS",
    help="Where `portproof sink` listens; may be repeated.",
)
@click.option(
    "-p", "--ports", required=True, metavar="PORTS", help="Ports to try: 1-1024,U:53,U:123."
)
@click.option(
    "--sink-log",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="What the sink wrote, read after the run: it says what arrived.",
)
@click.option(
    "--because",
    default="hand",
    show_default=True,
    metavar="TEXT",
    help="What started it: a change, a schedule. It stands in the record.",
)
@format_option("table", "json")
def egress(
    *,
    app: Application,
    addresses: tuple[str, ...],
    ports: str,
    sink_log: tuple[Path, ...],
    because: str,
    form: str,
) -> int:
    """Try what gets out from this vantage to our own sink, and keep that as a run.

    The sink must lie inside the authorisation. Without its log, silence over UDP and whatever was
    refused stay unknown: name it here, or compare later with `portproof segmentation check`.

    Exits 0 when nothing crossed, 1 when something did, 3 when something is not known, 130 when
    interrupted.
    """
    request = egress_request(
        app.vantage,
        tuple(map(_address, addresses)),
        parse_ports(ports),
        started_by=because,
        through=app.way,
    )
    with app.open_store() as store:
        services = egress_services(app, store)
        watched = watch(services, request, app.authorisation, consoles.err(), app.stop_file)
    rows = compare_egress(watched.record, sink_logs(sink_log))
    _show(watched.record, rows, form)
    if watched.interrupted:
        return EXIT_INTERRUPTED
    return egress_exit_code(watched.record, rows)


def _address(text: str) -> Address:
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        raise click.UsageError(f"{text}: expected an IPv4 or IPv6 address") from None


def _show(record: RunRecord, rows: Sequence[EgressRow], form: str) -> None:
    console = consoles.out()
    if form == "json":
        told = {"run": record.plan.run_id, "status": record.status, "rows": list(map(_row, rows))}
        console.write(json.dumps(told, indent=2))
        return
    table = Table("endpoint", "the vantage saw", "the sink saw", "so", box=SIMPLE_HEAD)
    telling = [each for each in rows if each.crossed is not Crossed.NOTHING]
    for each in telling[:_MOST_ROWS]:
        seen = _row(each)
        sink = "no log" if each.sink_saw is None else f"{each.sink_saw:,} arrived"
        table.add_row(str(each.endpoint), str(seen["vantage_saw"]), sink, each.crossed)
    if telling:
        console.print(table)
    if len(telling) > _MOST_ROWS:
        more = len(telling) - _MOST_ROWS
        console.print(f"and {more:,} more; --format json has them all", soft_wrap=True)
    quiet = len(rows) - len(telling)
    console.print(f"nothing crossed at {quiet:,} of {len(rows):,} endpoints", soft_wrap=True)
    reason = f": {record.status_reason}" if record.status_reason else ""
    console.print(f"run {record.plan.run_id} is {record.status}{reason}", soft_wrap=True)


def _row(row: EgressRow) -> dict[str, object]:
    return {
        "endpoint": str(row.endpoint),
        "vantage_saw": "nothing" if row.vantage_saw is None else row.vantage_saw.value,
        "sink_saw": row.sink_saw,
        "crossed": row.crossed.value,
    }
