"""`portproof check`: judge a stored run."""

from __future__ import annotations

import click

from portproof.bootstrap import Application
from portproof.bootstrap.forms import TEXT_FORMATS
from portproof.cli import consoles
from portproof.cli.conclude import code, judge, show
from portproof.cli.options import format_option, settings_options, verdict_options
from portproof.cli.runs import run_or_latest


@click.command()
@settings_options
@verdict_options
@click.option("--run", "run_id", help="The run to judge (default: the latest).")
@format_option("table", *TEXT_FORMATS)
def check(
    *, app: Application, run_id: str | None, form: str, fail_on: str | None, exit_zero: bool
) -> int:
    """Judge a stored run against the baseline, the waivers and the rules.

    Exits 0 when clean, 1 with deviations at or above --fail-on, 3 when the run cannot conclude or
    something required is UNKNOWN.
    """
    del fail_on  # read through the settings
    with app.open_store(create=False) as store:
        verdict = judge(app, store, run_or_latest(store, run_id))
    show(verdict, form, consoles.out())
    return code(app, verdict, exit_zero=exit_zero)
