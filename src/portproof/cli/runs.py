"""`portproof runs`: the stored runs."""

from __future__ import annotations

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.cli import consoles
from portproof.cli.options import settings_options
from portproof.contracts import Store
from portproof.errors import StoreError
from portproof.model.scan import RunStatus

_RUN_ID_WIDTH = 23
"""Characters of `20261121T081500Z-a1b2c3`."""


@click.command()
@settings_options
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first."
)
def runs(*, app: Application, limit: int) -> int:
    """List the stored runs, newest first."""
    table, open_ends = Table(box=SIMPLE_HEAD), []
    table.add_column("run", min_width=_RUN_ID_WIDTH)  # whole, so that it can be copied
    table.add_column("status", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("deviations", justify="right")
    table.add_column("scope", overflow="fold")
    with app.open_store(create=False) as store:
        for each in store.runs(limit=limit):
            deviations = "not judged" if each.deviations is None else f"{each.deviations:,}"
            measured = f"{each.measured:,} of {each.planned:,}"
            named = f"{each.id}\n  continues {each.continues}" if each.continues else each.id
            table.add_row(named, each.status, measured, deviations, visible(each.scope))
            interrupted = each.status is RunStatus.INTERRUPTED and each.continued_by is None
            if interrupted and not store.pack_of(each.id):
                open_ends.append(each.id)
    consoles.out().print(table)
    if open_ends:
        consoles.err().print(
            f"run {open_ends[0]} was interrupted; `portproof resume {open_ends[0]}` goes on with it",
            soft_wrap=True,
            highlight=False,
        )
    return 0


def run_or_latest(store: Store, run_id: str | None) -> str:
    """Give the run asked for, or the newest.

    Raises:
        StoreError: none was asked for and the store holds none.
    """
    if run_id is not None:
        return run_id
    newest = store.runs(limit=1)
    if not newest:
        raise StoreError(
            "the store holds no run yet; `portproof audit` or `portproof scan` makes one"
        )
    return newest[0].id
