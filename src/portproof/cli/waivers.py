"""`portproof waivers`: what is accepted, until when, and whether anything uses it."""

from __future__ import annotations

import click

from portproof.bootstrap import Application
from portproof.bootstrap.finding_forms import acceptance_tables, to_acceptances_text
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options
from portproof.usecases.waivers import acceptances


@click.group()
def waivers() -> None:
    """List waivers and approvals that end soon or match nothing."""


@waivers.command("list")
@settings_options
@click.option("--all", "every", is_flag=True, help="Show approvals with nothing to decide, too.")
@click.option(
    "--runs",
    "most_runs",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    metavar="N",
    help="How many runs to look through, newest first, for what uses an approval.",
)
@click.option("--scope", help="The scope whose runs count (default: that of the newest).")
@format_option("table", "json", "csv")
def listing(*, app: Application, every: bool, most_runs: int, scope: str | None, form: str) -> int:
    """List every waiver, and the approvals that end within 30 days, have ended, or match nothing.

    An approval that no run measured is never called unused. The waivers' notices count from the
    first instant at which one of the findings they cover would be open again.
    """
    documents = app.documents
    with app.open_store(create=False) as store:
        held = acceptances(store, documents, app.clock.now(), scope=scope, most_runs=most_runs)
    if form == "table":
        consoles.out().print(acceptance_tables(held, every_approval=every))
    else:
        consoles.out().write(to_acceptances_text(held, form))
    return 0
