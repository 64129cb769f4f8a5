"""`portproof report`: write the report of a stored run, or draw an evidence.json again."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import REPORT_FORMATS, Application
from portproof.bootstrap.forms import read_evidence
from portproof.cli import consoles
from portproof.cli.conclude import judge
from portproof.cli.options import out_option, settings_options
from portproof.cli.runs import run_or_latest


@click.command()
@settings_options
@click.option("--run", "run_id", help="The run to report (default: the latest).")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw this evidence.json again; no store or document is read.",
)
@out_option
@click.option(
    "--format",
    "forms",
    type=click.Choice(REPORT_FORMATS),
    multiple=True,
    help="One format; may be repeated (default: all).",
)
def report(
    *, app: Application, run_id: str | None, source: Path | None, out: Path, forms: tuple[str, ...]
) -> int:
    """Write evidence.json, report.html and report.pdf."""
    if source is not None:
        document = read_evidence(source)
    else:
        with app.open_store(create=False) as store:
            document = judge(app, store, run_or_latest(store, run_id), keep=False).document
    for path in app.write_reports(document, out, forms or REPORT_FORMATS):
        consoles.err().print(f"wrote {path}", soft_wrap=True)
    return 0
