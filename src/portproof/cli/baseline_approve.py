"""`portproof baseline approve`: approve a reviewed set of entries with one signature."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from portproof.bootstrap import Application
from portproof.bootstrap.approvals import give_approval, provenance_of
from portproof.bootstrap.forms import visible
from portproof.cli import EXIT_INTERRUPTED, consoles
from portproof.cli.options import settings_options
from portproof.cli.signers import signer
from portproof.errors import SettingsError
from portproof.model.baseline import BaselineEntry, Status
from portproof.usecases.approve import Asked, Reviewed, review


@click.command()
@settings_options
@click.argument("entries", nargs=-1, metavar="[ENTRY]...")
@click.option("--owner", default="", help="All entries of this owner that wait for your approval.")
@click.option("--zone", default="", help="All that lead into this zone and wait for it.")
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your private SSH key; its public half stands in the list of approvers.",
)
@click.option(
    "--approver",
    default="",
    help="Who you are, where the list of approvers does not have your key.",
)
@click.option(
    "--emergency", is_flag=True, help="In haste: somebody else has to ratify it within five days."
)
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
def baseline_approve(
    *, app: Application, key: Path, approver: str, yes: bool, emergency: bool, **chosen: Any
) -> int:
    """Show a set of entries, and approve it with one signature over what each of them says.

    The signature goes into the folder approvals/ beside the baseline, in OpenSSH's own format; the
    baseline records approver and date, and proposed entries become approved ones. A later change
    of an entry's content ends what the signature says of it.
    """
    if not any(chosen.values()):
        raise SettingsError("say what to approve: entries by their ids, --owner or --zone")
    who, public = signer(app, key, approver, option="--approver")
    asked = Asked(
        ids=chosen["entries"],
        owner=chosen["owner"],
        zone=chosen["zone"],
        approver=who,
        key=public,
        at=app.clock.now().replace(microsecond=0),
        emergency=emergency,
    )
    provenance = provenance_of(app, history=False)
    reviewed = review(app.baseline, provenance, app.vantages, asked)
    _show(reviewed)
    if not yes and not _agreed(reviewed, asked):
        consoles.err().print("nothing was approved")
        return EXIT_INTERRUPTED
    for path in give_approval(app, reviewed, asked, key):
        consoles.err().print(f"wrote {path}", soft_wrap=True)
    return 0


def _show(reviewed: Reviewed) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("entry", "what it approves", "owner, requester", "now"):
        table.add_column(column, overflow="fold")
    for each in reviewed.entries:
        cells = (
            each.id,
            _granted(each),
            f"{each.owner or 'no owner'}, {each.approval.requester or 'no requester'}",
            _now(each),
        )
        table.add_row(*(Text(visible(cell)) for cell in cells))
    consoles.out().print(table)
    for caution in reviewed.cautions:
        consoles.err().print(f"note: {visible(caution)}", soft_wrap=True)


def _granted(entry: BaselineEntry) -> str:
    service, hosts = entry.service or "any service", ", ".join(entry.hosts_text)
    return f"{service} on {hosts}, {entry.ports}/{entry.transport}, from {', '.join(entry.zones)}"


def _now(entry: BaselineEntry) -> str:
    until = entry.approval.review_by
    ends = f", until {until.isoformat()}" if until else ", without an end"
    if entry.status is Status.PROPOSED:
        return f"proposed{ends}"
    by = entry.approval.approver
    return f"approved by {by}{ends}" if by else f"no approver{ends}"


def _agreed(reviewed: Reviewed, asked: Asked) -> bool:
    """Ask; where nobody can answer, that is a mistake and not a no.

    Raises:
        SettingsError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise SettingsError("nobody can be asked here (no terminal); --yes approves without asking")
    number = len(reviewed.entries)
    what = "this entry" if number == 1 else f"these {number} entries"
    haste = ", in an emergency" if asked.emergency else ""
    return click.confirm(f"Approve {what} as {asked.approver}{haste}?", err=True)
