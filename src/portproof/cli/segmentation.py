"""`portproof segmentation`: which zone reaches which, against which may."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import REPORT_FORMATS, Application
from portproof.bootstrap.matrices import matrices_of
from portproof.bootstrap.segmentation import (
    matrix_table,
    policy_commit_of,
    segmentation_case,
    segmentation_json,
    segmentation_notes,
    write_segmentation_report,
)
from portproof.cli import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, consoles
from portproof.cli.options import (
    format_option,
    out_option,
    settings_options,
    verdict_options,
)
from portproof.cli.segmentation_records import clocks, history
from portproof.cli.segmentation_span import policy_option, span_options
from portproof.cli.segmentation_trial import carry_out_test
from portproof.model.finding import Severity
from portproof.model.portspec import PortSpec, parse_ports
from portproof.model.segmentation_record import KeptMatrix
from portproof.model.segmentation_result import Matrix
from portproof.policy.segmentation_exit import segmentation_exit_code
from portproof.usecases.segmentation import Span
from portproof.usecases.segmentation import segmentation as judge
from portproof.usecases.segmentation_record import keep_matrix

_record_option = click.option(
    "--record",
    type=click.IntRange(0),
    metavar="LEAF",
    help="Show the record of that leaf as it was kept; no run and no policy is read.",
)


@click.group()
def segmentation() -> None:
    """Test and show which zone reaches which, against which may (docs/segmentation.md)."""


segmentation.add_command(history)
segmentation.add_command(clocks)


@segmentation.command()
@settings_options
@policy_option
@span_options
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
    """Judge the stored runs of a window against the segmentation policy, and keep what that says.

    The record is a leaf of the log, with the runs, sink logs and tester it rests on; what says the
    same as a kept one is not kept again.

    Exits 0 when every cell is supported, 1 with forbidden paths at or above --fail-on, 3 when a
    cell lacks evidence, whatever else was found.
    """
    del fail_on  # read through the settings
    case = segmentation_case(app, policy)
    with app.open_store(create=False) as store:
        matrix = judge(store, case, span)
        commit, now = policy_commit_of(case.policy), app.clock.now()
        kept, is_new = keep_matrix(store, matrices_of(store), matrix, now, commit)
    _show(matrix, form, kept)
    told = f"kept as leaf {kept.seq}" if is_new else f"leaf {kept.seq} says the same"
    consoles.err().print(f"{told}: {kept.digest}", soft_wrap=True)
    return (
        0 if exit_zero else segmentation_exit_code(matrix, app.settings.fail_on or Severity.MEDIUM)
    )


@segmentation.command()
@settings_options
@policy_option
@span_options
@_record_option
@format_option("table", "json")
def show(
    *, app: Application, policy: Path | None, span: Span, record: int | None, form: str
) -> int:
    """Show the matrix as it stands, or as it was kept; keeps nothing, exits 0 whatever it says."""
    matrix, kept = _judged_or_kept(app, policy, span, record)
    _show(matrix, form, kept)
    return 0


@segmentation.command()
@settings_options
@policy_option
@span_options
@_record_option
@out_option
@click.option(
    "--format",
    "forms",
    type=click.Choice(REPORT_FORMATS),
    multiple=True,
    help="One format; may be repeated (default: all).",
)
def report(
    *,
    app: Application,
    policy: Path | None,
    span: Span,
    record: int | None,
    out: Path,
    forms: tuple[str, ...],
) -> int:
    """Write the matrix as segmentation.json, segmentation.html and segmentation.pdf."""
    matrix, kept = _judged_or_kept(app, policy, span, record)
    for path in write_segmentation_report(app, matrix, kept, out, forms or REPORT_FORMATS):
        consoles.err().print(f"wrote {path}", soft_wrap=True)
    return 0


@segmentation.command("test")
@settings_options
@policy_option
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


def _judged_or_kept(
    app: Application, policy: Path | None, span: Span, record: int | None
) -> tuple[Matrix, KeptMatrix | None]:
    """Give the matrix, and the record that it was read from; None: it was judged just now."""
    if record is None:
        case = segmentation_case(app, policy)
        with app.open_store(create=False) as store:
            return judge(store, case, span), None
    with app.open_store(create=False) as store:
        kept = matrices_of(store).load(record)
    return kept.matrix, kept


def _show(matrix: Matrix, form: str, kept: KeptMatrix | None) -> None:
    console = consoles.out()
    if form == "json":
        console.write(segmentation_json(matrix, kept))
        return
    console.print(matrix_table(matrix))
    for line in segmentation_notes(matrix):
        console.print(line)
