"""`portproof import`: take in runs that vantages without a database have packed."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.packs import import_services, open_pack
from portproof.cli import consoles
from portproof.cli.options import settings_options
from portproof.usecases.import_pack import Imported, import_pack


@click.command("import")
@click.argument(
    "packs", nargs=-1, required=True, metavar="PACK...", type=click.Path(path_type=Path)
)
@settings_options
def import_(*, app: Application, packs: tuple[Path, ...]) -> int:
    """Take in the runs of PACKs that `portproof scan --out` wrote at vantages.

    Each pack must be signed with the key that vantages.yaml gives its vantage, rest on the
    authorisation at hand, and tell of times that can be. Afterwards check, report and diff work on
    its run as on any other. The same pack again changes nothing.

    Exits 0 when every pack is here, 2 at the first that is refused; those before it are kept.
    """
    out = consoles.out()
    for path in packs:
        # In this order: what is no pack makes no database.
        with open_pack(path) as pack, import_services(app) as services:
            held = app.authorisation
            imported = import_pack(services, pack, vantages=app.vantages, authorisation=held)
        _show(path, imported, out)
    return 0


def _show(path: Path, imported: Imported, console: Console) -> None:
    record = imported.record
    run, vantage = record.plan.run_id, record.plan.vantage.id
    if imported.already:
        console.print(f"{path}: run {run} is already here", soft_wrap=True, highlight=False)
        return
    lines = [
        f"{path}: run {run} from vantage {vantage} is {record.status}",
        f"  pack {imported.digest}",
        f"  signed by {imported.key}",
    ]
    if record.status_reason:
        lines.append(f"  {visible(record.status_reason)}")
    if imported.flags:
        lines.append(f"  {', '.join(imported.flags)}: {record.clock.detail or record.clock.source}")
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
