"""`portproof tickets`: findings and their tickets in Jira or ServiceNow, kept in step."""

from __future__ import annotations

import json
from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.finding_forms import ticket_table, to_tickets_text
from portproof.bootstrap.tickets import open_office
from portproof.cli import EXIT_INCONCLUSIVE, consoles
from portproof.cli.findings import held
from portproof.cli.options import format_option, settings_options
from portproof.cli.tickets_text import line_of, told_json
from portproof.usecases.ticket_lists import ticket_lines
from portproof.usecases.tickets import Problem, Waiting, sync


@click.group()
def tickets() -> None:
    """Open and follow tickets of findings, list what has none (docs/tickets.md)."""


@tickets.command("sync")
@settings_options
@click.option(
    "--tickets",
    "named",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The ticket system (default: the one that the configuration names).",
)
@click.option(
    "--dry-run", is_flag=True, help="Only look, there and here, and say what would be done."
)
@format_option("table", "jsonl")
def synchronise(*, app: Application, named: Path | None, dry_run: bool, form: str) -> int:
    """Open tickets, follow those that are there, and tell them what happened to their findings.

    A ticket that was closed there means that a fix is claimed; only a run closes a finding. Doing it
    again changes nothing. Exits 3 when something could not be done about a ticket.
    """
    out, problems, steps = consoles.out(), 0, 0
    with (
        open_office(app, named, write=not dry_run) as office,
        app.open_store(create=False) as store,
    ):
        for told in sync(store, app.clock, office):
            problems += isinstance(told, Problem)
            steps += not isinstance(told, Problem | Waiting)
            if form == "jsonl":
                out.write(json.dumps(told_json(told, dry_run=dry_run)))
            elif isinstance(told, Problem):
                consoles.err().print(f"portproof: {line_of(told, dry_run=dry_run)}", soft_wrap=True)
            else:
                out.print(line_of(told, dry_run=dry_run), soft_wrap=True)
    if form == "table":
        out.print(_summary(steps, problems, dry_run=dry_run), soft_wrap=True)
    return EXIT_INCONCLUSIVE if problems else 0


@tickets.command("list")
@settings_options
@click.option("--all", "every", is_flag=True, help="Those of closed findings too.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Rows of the table; the other formats always hold all.",
)
@format_option("table", "json", "csv")
def listing(*, app: Application, every: bool, limit: int, form: str) -> int:
    """List findings by their tickets: first those that should have one by now, then without, then with.

    What is closed or accepted needs none. Nothing is asked of the ticket system.
    """
    standards = held(app)
    with app.open_store(create=False) as store:
        lines = ticket_lines(store, standards, every=every)
    if form == "table":
        consoles.out().print(ticket_table(lines, limit, standards.deadlines.calendar.zone))
    else:
        consoles.out().write(to_tickets_text(lines, form))
    return 0


def _summary(steps: int, problems: int, *, dry_run: bool) -> str:
    failed = f"; {problems} could not be done" if problems else ""
    if not steps:
        return f"nothing to do{failed}"
    noun = "step" if steps == 1 else "steps"
    return f"{steps} {noun} {'would be taken, none was' if dry_run else 'taken'}{failed}"
