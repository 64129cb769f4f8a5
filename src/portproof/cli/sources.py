"""`portproof sources`: where targets are listed, and what is known of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible, write_text
from portproof.bootstrap.inventory import (
    EXPORT_FORMS,
    document_of,
    export_text,
    open_book,
    sources_of,
)
from portproof.cli import EXIT_INCONCLUSIVE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.cli.sources_text import show_taken, taken_json, target_lines, targets_table
from portproof.errors import SettingsError
from portproof.model.inventory import KnownTarget
from portproof.policy.wording import counted
from portproof.usecases.sources import fetch_sources

_sources_option = click.option(
    "--sources",
    "named",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The sources (default: those that the configuration names).",
)


@click.group()
def sources() -> None:
    """Ask the places where targets are listed, and show what is known of them."""


@sources.command("list")
@settings_options
@_sources_option
def list_sources(*, app: Application, named: Path | None) -> int:
    """List the sources, with what became of their last fetch; asks none of them."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("source", "kind", "last fetch", "targets", "outcome"):
        table.add_column(heading, overflow="fold")
    document = document_of(app, named)
    with open_book(app) as book:
        fetches = book.last_fetches()
    for each in document.sources:
        last = fetches.get(each.name)
        if last is None:
            table.add_row(each.name, each.kind, "never", "", "")
            continue
        told = f"{last.outcome}: {visible(last.because)}" if last.because else str(last.outcome)
        when = f"{last.at:%Y-%m-%dT%H:%M:%SZ}"
        table.add_row(each.name, each.kind, when, f"{last.listed:,}", told)
    consoles.out().print(table)
    return 0


@sources.command()
@settings_options
@_sources_option
@click.argument("source", required=False)
@click.option(
    "--accept-shrink",
    is_flag=True,
    help="Retire targets although a list is empty, or less than half as long as before.",
)
@format_option("table", "json")
def fetch(
    *, app: Application, named: Path | None, source: str | None, accept_shrink: bool, form: str
) -> int:
    """Ask every source (or SOURCE alone), and keep what it lists.

    Exits 3 when a source failed, gave its last list again, or is suddenly short: nothing retires
    then, and the targets that are known stay in force.
    """
    made = sources_of(app, named)
    _require_known(source, [each.name for each in made])
    with open_book(app) as book:
        taken = fetch_sources(made, book, app.clock.now, only=source, accept_shrink=accept_shrink)
    if form == "json":
        click.echo(json.dumps([taken_json(each) for each in taken], indent=2))
    show_taken(taken, consoles.out() if form == "table" else None, consoles.err())
    return EXIT_INCONCLUSIVE if any(each.alerts for each in taken) else 0


@sources.command()
@settings_options
@click.argument("target", required=False)
@click.option("--retired", is_flag=True, help="Show retired targets as well.")
@format_option("table", "json")
def show(*, app: Application, target: str | None, retired: bool, form: str) -> int:
    """Show what is known: all targets, or TARGET (as cmdb/web-1) with its dated addresses."""
    with open_book(app, create=False) as book:
        known = book.known()
    if target is not None:
        known = [_one(known, target)]
    elif not retired:
        listed = [each for each in known if each.retired_at is None]
        if len(listed) < len(known):
            left = counted(len(known) - len(listed), "retired target")
            consoles.err().print(f"{left} not shown: --retired shows until when they are rescanned")
        known = listed
    if form == "json":
        click.echo(json.dumps([target_lines(each) for each in known], indent=2))
    elif target is not None:
        for name, value in target_lines(known[0]).items():
            consoles.out().print(f"{name}: {visible(_told(value))}", soft_wrap=True)
    else:
        consoles.out().print(targets_table(known))
    return 0


@sources.command()
@settings_options
@click.option(
    "--format",
    "form",
    type=click.Choice(EXPORT_FORMS),
    default=EXPORT_FORMS[0],
    show_default=True,
    help="file_sd and http_sd are Prometheus' target groups.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write this file, whole or not at all (default: standard output).",
)
def export(*, app: Application, form: str, out: Path | None) -> int:
    """Write the targets that are listed now, in a shape that other programs read."""
    with open_book(app, create=False) as book:
        text = export_text(book.known(), form)
    if out is None:
        consoles.out().write(text)
    else:
        write_text(out, [text])
    return 0


def _require_known(source: str | None, names: list[str]) -> None:
    if source is not None and source not in names:
        raise SettingsError(f"there is no source {source!r}; there are: {', '.join(names)}")


def _one(known: Sequence[KnownTarget], target: str) -> KnownTarget:
    for each in known:
        if each.key == target:
            return each
    raise SettingsError(
        f"no source ever listed {target!r}; `portproof sources show --retired` lists all"
    )


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value not in (None, "") else "not stated"
