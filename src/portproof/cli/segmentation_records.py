"""`portproof segmentation history` and `clocks`: what was kept, and what due dates count from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.matrices import matrices_of
from portproof.bootstrap.segmentation import (
    cell_table,
    clocks_json,
    clocks_tables,
    history_table,
    records_table,
    segmentation_case,
)
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options
from portproof.cli.segmentation_span import policy_option, span_options
from portproof.model.segmentation_record import KeptMatrix
from portproof.model.segmentation_result import Cell
from portproof.usecases.segmentation import Span, segmentation_history
from portproof.usecases.segmentation_record import MatrixBook


@click.command()
@settings_options
@policy_option
@span_options
@click.argument("source", metavar="[FROM", required=False)
@click.argument("target", metavar="TO]", required=False)
@click.option(
    "--again",
    is_flag=True,
    help="Judge the stored runs again by the policy of today, instead of showing what was kept.",
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
def history(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    app: Application,
    policy: Path | None,
    span: Span,
    source: str | None,
    target: str | None,
    again: bool,
    limit: int,
) -> int:
    """Show what `segmentation check` has kept, newest first: all records, or one cell in each.

    Each record is shown as it was judged. With --again, the cell FROM TO is judged as it stood after
    each stored run, by the policy of today.
    """
    if (source is None) != (target is None) or (again and source is None):
        raise click.UsageError("name both zones, FROM and TO")
    if source is None or target is None:
        return _records(app, limit)
    if again:
        return _again(app, policy, span, (source, target), limit)
    with app.open_store(create=False) as store:
        rows = list(islice(_cells(matrices_of(store), source, target), limit))
    if rows:
        consoles.out().print(cell_table(rows))
    else:
        told = f"no kept record has a cell from {source} to {target}"
        consoles.err().print(f"{told}; `portproof segmentation check` keeps one", soft_wrap=True)
    return 0


@click.command()
@settings_options
@format_option("table", "json")
def clocks(*, app: Application, form: str) -> int:
    """Show what due dates count from: the last supported test of each pair, changes of the policy.

    PCI DSS 11.4.5 and 11.4.6 ask for a test every twelve and every six months, and after changes.
    """
    with app.open_store(create=False) as store:
        held = matrices_of(store).clocks()
    console = consoles.out()
    if form == "json":
        console.write(json.dumps(clocks_json(held), indent=2))
    elif not held.pairs and not held.policies:
        _say_nothing_kept()
    else:
        for table in clocks_tables(held):
            console.print(table)
    return 0


def _records(app: Application, limit: int) -> int:
    with app.open_store(create=False) as store:
        held = matrices_of(store).summaries(limit)
    if held:
        consoles.out().print(records_table(held))
    else:
        _say_nothing_kept()
    return 0


def _again(
    app: Application, policy: Path | None, span: Span, pair: tuple[str, str], limit: int
) -> int:
    case = segmentation_case(app, policy)
    with app.open_store(create=False) as store:
        moments = segmentation_history(store, case, *pair, span)
        rows = [
            (each.run_id, each.vantage, each.inside, each.cell) for each in islice(moments, limit)
        ]
    if rows:
        consoles.out().print(history_table(rows))
    else:
        consoles.err().print(f"no stored run asked anything from {pair[0]} to {pair[1]}")
    return 0


def _cells(book: MatrixBook, source: str, target: str) -> Iterator[tuple[KeptMatrix, Cell]]:
    for each in book.summaries():
        kept = book.load(each.seq)
        cell = kept.matrix.cell(source, target)
        if cell is not None:
            yield kept, cell


def _say_nothing_kept() -> None:
    consoles.err().print(
        "no segmentation record is kept yet; `portproof segmentation check` keeps one",
        soft_wrap=True,
    )
