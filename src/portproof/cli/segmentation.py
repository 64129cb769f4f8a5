"""`portproof segmentation`: which zone reaches which, against which may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from portproof.bootstrap import Application
from portproof.bootstrap.egress import sink_logs
from portproof.bootstrap.segmentation import (
    history_table,
    matrix_table,
    segmentation_case,
    segmentation_json,
    segmentation_notes,
    write_segmentation_page,
)
from portproof.cli import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, consoles
from portproof.cli.options import (
    format_option,
    out_option,
    settings_options,
    verdict_options,
)
from portproof.cli.segmentation_trial import carry_out_test
from portproof.model.finding import Severity
from portproof.model.portspec import PortSpec, parse_ports
from portproof.model.segmentation_result import Matrix
from portproof.policy.segmentation_exit import segmentation_exit_code
from portproof.usecases.segmentation import DEFAULT_WINDOW, Span, segmentation_history
from portproof.usecases.segmentation import segmentation as judge

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


def _policy_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--policy", type=_FILE, help="The segmentation policy (default: as configured)."
    )(command)


def _span_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `span`: which runs are judged together."""

    @wraps(command)
    def with_span(
        *, days: int, until: datetime | None, sink_log: tuple[Path, ...], **options: Any
    ) -> Any:
        span = Span(
            until=until or datetime.now(UTC),
            window=timedelta(days=days),
            sinks=sink_logs(sink_log),
        )
        return command(span=span, **options)

    for option in (
        click.option(
            "--sink-log",
            type=_FILE,
            multiple=True,
            help="What `portproof sink` wrote; may be repeated.",
        ),
        click.option(
            "--until",
            callback=_instant,
            metavar="TIME",
            help="Judge what was known then: 2026-11-21T10:15:00Z (default: now).",
        ),
        click.option(
            "--days",
            type=click.IntRange(1, 366),
            default=DEFAULT_WINDOW.days,
            show_default=True,
            help="Runs that lie so far apart at most make one test.",
        ),
    ):
        with_span = option(with_span)
    return with_span


def _instant(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    del context, parameter
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError as fault:
        raise click.BadParameter(
            f"{text}: expected a time as 2026-11-21T10:15:00Z ({fault})"
        ) from None
    if at.tzinfo is None:
        raise click.BadParameter(f"{text}: the time zone is missing; write {text}Z for UTC")
    return at.astimezone(UTC)


@click.group()
def segmentation() -> None:
    """Test and show which zone reaches which, against which may (docs/segmentation.md)."""


@segmentation.command()
@settings_options
@_policy_option
@_span_options
@verdict_options
@format_option("table", "json")
def check(
    *,
    app: Application,
    policy: Path | None,
    span: Span,
    form: str,
    fail_on: str | None,
    exit_zero: bool,
) -> int:
    """Judge the stored runs of a window against the segmentation policy.

    Exits 0 when every cell is supported, 1 with forbidden paths at or above --fail-on, 3 when a
    cell lacks evidence, whatever else was found.
    """
    del fail_on  # read through the settings
    matrix = _judged(app, policy, span)
    _show(matrix, form)
    return (
        0 if exit_zero else segmentation_exit_code(matrix, app.settings.fail_on or Severity.MEDIUM)
    )


@segmentation.command()
@settings_options
@_policy_option
@_span_options
@format_option("table", "json")
def show(*, app: Application, policy: Path | None, span: Span, form: str) -> int:
    """Show the matrix as it stands; exits 0 whatever it says."""
    _show(_judged(app, policy, span), form)
    return 0


@segmentation.command()
@settings_options
@_policy_option
@_span_options
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
def history(
    *, app: Application, policy: Path | None, span: Span, source: str, target: str, limit: int
) -> int:
    """Show the cell FROM TO as it stood after each stored run, newest first.

    Each moment is judged by the policy as it is today.
    """
    case = segmentation_case(app, policy)
    with app.open_store(create=False) as store:
        moments = segmentation_history(store, case, source, target, span)
        rows = [
            (each.run_id, each.vantage, each.inside, each.cell) for each in islice(moments, limit)
        ]
    if not rows:
        consoles.err().print(f"no stored run asked anything from {source} to {target}")
    else:
        consoles.out().print(history_table(rows))
    return 0


@segmentation.command()
@settings_options
@_policy_option
@_span_options
@out_option
def report(*, app: Application, policy: Path | None, span: Span, out: Path) -> int:
    """Write the matrix as a page (segmentation.html) and as segmentation.json."""
    matrix = _judged(app, policy, span)
    for path in write_segmentation_page(app, matrix, out):
        consoles.err().print(f"wrote {path}", soft_wrap=True)
    return 0


@segmentation.command("test")
@settings_options
@_policy_option
@click.option("--to", "zones", multiple=True, metavar="ZONE", help="Ask only this target zone.")
@click.option("-p", "--ports", metavar="PORTS", help="Ask these ports instead of the policy's.")
@click.option(
    "--because",
    default="hand",
    show_default=True,
    metavar="TEXT",
    help="What started the test: a change, a schedule. It stands in the record.",
)
def run_test(
    *,
    app: Application,
    policy: Path | None,
    zones: tuple[str, ...],
    ports: str | None,
    because: str,
) -> int:
    """Ask every target zone what its cell wants, from the vantage that this is.

    From a vantage inside a zone, the same proves its targets alive. Refusals are asked once more, so
    that it is known who sent them. Each zone is a run; `portproof segmentation check` judges them.

    Exits 0 when every run is complete, 3 when one is inconclusive, 130 when interrupted.
    """
    asked: PortSpec | None = None if ports is None else parse_ports(ports)
    watched = carry_out_test(
        app, segmentation_case(app, policy).policy, zones, asked, because=because
    )
    if any(each.interrupted for each in watched):
        return EXIT_INTERRUPTED
    return 0 if all(each.record.conclusive for each in watched) else EXIT_INCONCLUSIVE


def _judged(app: Application, policy: Path | None, span: Span) -> Matrix:
    case = segmentation_case(app, policy)
    with app.open_store(create=False) as store:
        return judge(store, case, span)


def _show(matrix: Matrix, form: str) -> None:
    console = consoles.out()
    if form == "json":
        console.write(segmentation_json(matrix))
        return
    console.print(matrix_table(matrix))
    for line in segmentation_notes(matrix):
        console.print(line)
