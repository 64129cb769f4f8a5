"""`portproof waivers`: what is accepted, until when, and whether anything uses it."""

from __future__ import annotations

import click

from portproof.bootstrap import Application
from portproof.bootstrap.finding_forms import acceptance_tables, to_acceptances_text
from portproof.bootstrap.forms import visible
from portproof.bootstrap.inventory import known_targets
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options
from portproof.policy.holders import Holders
from portproof.policy.wording import instant
from portproof.usecases.settle_waivers import settle_waivers
from portproof.usecases.waivers import acceptances


@click.group()
def waivers() -> None:
    """List waivers and approvals that end soon or match nothing, settle those that ended."""


@waivers.command()
@settings_options
@click.option("--dry-run", is_flag=True, help="Only say which findings are open again.")
def settle(*, app: Application, dry_run: bool) -> int:
    """Record that waivers ended, dated at their ends: their findings are open again since then.

    Lists show them as open without it. `check`, `audit` and `tickets sync` do the same. Doing it
    again changes nothing.
    """
    documents, out = app.documents, consoles.out()
    now = app.clock.now()
    with app.open_store(create=False) as store:
        holders = Holders(known_targets(app), now)
        events = settle_waivers(store, documents.waivers, now, holders, keep=not dry_run)
    for each in events:
        told = f"{each.finding} open again since {instant(each.at)}: waiver {each.value} ended"
        out.print(visible(told), soft_wrap=True)
    if not events:
        out.print("no waiver of a finding has ended since the last time")
    return 0


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
        held = acceptances(
            store,
            documents,
            app.clock.now(),
            scope=scope,
            most_runs=most_runs,
            inventory=known_targets(app),
        )
    if form == "table":
        consoles.out().print(acceptance_tables(held, every_approval=every))
    else:
        consoles.out().write(to_acceptances_text(held, form))
    return 0
