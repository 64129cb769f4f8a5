"""`portproof baseline review`: a dated, signed review of the register."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.reviews import (
    ReviewList,
    give_review,
    prepare_review,
    review_list,
    review_text,
)
from portproof.cli import EXIT_INTERRUPTED, consoles
from portproof.cli.options import format_option, settings_options
from portproof.cli.signers import signer
from portproof.errors import SettingsError
from portproof.policy.review import ReviewRow
from portproof.usecases.baseline_review import AskedReview, Prepared


@click.command("review")
@settings_options
@click.option(
    "--list", "listing", is_flag=True, help="List the reviews, and what each is worth today."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your private SSH key; its public half stands in the list of approvers.",
)
@click.option("--reviewer", default="", help="Who you are, where that list does not have your key.")
@click.option("--note", default="", help="What you want to have on record.")
@click.option(
    "--others",
    is_flag=True,
    help="Review the entries that you have no part in; the rest stays due.",
)
@click.option(
    "--unused-after",
    "unused_days",
    type=click.IntRange(1),
    default=90,
    show_default=True,
    metavar="DAYS",
    help="An entry that was not seen open for longer is unused.",
)
@click.option(
    "--runs",
    "most_runs",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    metavar="N",
    help="How many runs to look through, newest first, for what uses an entry.",
)
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@format_option("table", "json")
def baseline_review(
    *, app: Application, listing: bool, key: Path | None, form: str, **asked: Any
) -> int:
    """Show the approved entries, unused ones first, and record that you reviewed them.

    PCI DSS v4.0.1 §1.2.7 asks for it every six months. The record names the content of each entry
    and goes, with its signature, into the folder reviews/ beside the baseline. Whoever asked for an
    entry, or wrote it, does not review it.
    """
    if listing:
        return _list(review_list(app), form)
    if key is None:
        raise SettingsError("--key is needed to sign a review; --list shows those that there are")
    yes, most_runs = asked.pop("yes"), asked.pop("most_runs")
    asked["reviewer"], public = signer(app, key, asked["reviewer"], option="--reviewer")
    wanted = AskedReview(key=public, at=app.clock.now().replace(microsecond=0), **asked)
    prepared = prepare_review(app, wanted, most_runs=most_runs)
    if form == "json":
        consoles.out().write(review_text(prepared))
    else:
        _show(prepared)
    for caution in prepared.cautions:
        consoles.err().print(f"note: {visible(caution)}", soft_wrap=True)
    if not yes and not _agreed(prepared):
        consoles.err().print("no review was recorded")
        return EXIT_INTERRUPTED
    for path in give_review(app, prepared, key):
        consoles.err().print(f"wrote {path}", soft_wrap=True)
    return 0


def _show(prepared: Prepared) -> None:
    for attention, rows in groupby(prepared.rows, key=lambda each: each.attention):
        held = list(rows)
        consoles.out().print(f"{attention} ({len(held):,})", soft_wrap=True)
        consoles.out().print(_table(held))


def _table(rows: Sequence[ReviewRow]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("entry", "what it approves", "owner", "use and end"):
        table.add_column(column, overflow="fold")
    for each in rows:
        entry = each.entry
        service, hosts = entry.service or "any service", ", ".join(entry.hosts_text)
        what = (
            f"{service} on {hosts}, {entry.ports}/{entry.transport}, from {', '.join(entry.zones)}"
        )
        cells = (entry.id, what, entry.owner or "no owner", each.told)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    return table


def _agreed(prepared: Prepared) -> bool:
    """Ask; where nobody can answer, that is a mistake and not a no.

    Raises:
        SettingsError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise SettingsError("nobody can be asked here (no terminal); --yes records without asking")
    number, unused = len(prepared.rows), len(prepared.record.unused)
    still = f", {unused:,} of them unused" if unused else ""
    return click.confirm(
        f"Record that {prepared.record.reviewer} reviewed {number:,} entries{still}?", err=True
    )


def _list(listed: ReviewList, form: str) -> int:
    if form == "json":
        consoles.out().write(json.dumps(listed.plain(), indent=2))
        return 0
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("at (UTC)", no_wrap=True)
    for column in ("reviewer", "entries", "today"):
        table.add_column(column, overflow="fold")
    for each in listed.lines:
        cells = (each.at, each.reviewer, each.counts, f"{each.worth} ({each.reference})")
        table.add_row(*(Text(visible(cell)) for cell in cells))
    if listed.lines:
        consoles.out().print(table)
    for problem in listed.problems:
        consoles.err().print(f"note: {visible(problem)}", soft_wrap=True)
    consoles.out().print(visible(listed.standing), soft_wrap=True)
    return 0
