"""`portproof baseline plan`: what a changed baseline would do."""

from __future__ import annotations

import click

from portproof.bootstrap import Application
from portproof.bootstrap.change_plans import PLAN_FORMS, baseline_change, plan
from portproof.bootstrap.inventory import known_targets
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options
from portproof.usecases.baseline_plan import LAST, plan_baseline


@click.command("plan")
@settings_options
@click.option(
    "--base",
    required=True,
    metavar="FILE|REVISION",
    help="The baseline before the change: a file, or a git revision of the same file.",
)
@click.option(
    "--against",
    metavar="RUN",
    help=f"Hold the change against what a run observed; `{LAST}` is the newest complete one.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the change does.")
@format_option(*PLAN_FORMS)
def baseline_plan(
    *, app: Application, base: str, against: str | None, exit_zero: bool, form: str
) -> int:
    """Say what the changed baseline would do, before it is merged.

    Which observed ports become approved or unapproved, which zones weaken, which entries lack an
    approver or an end. The changed baseline is the configured one (--baseline).

    Exits 0 when the change does nothing to review, 1 when it does, 2 on trouble.
    """
    change = baseline_change(app, base)
    on = app.clock.now().date()
    if against is None:
        document = plan_baseline(change, None, "", app.vantages, on=on)
    else:
        with app.open_store(create=False) as store:
            known = known_targets(app)
            document = plan_baseline(change, store, against, app.vantages, on=on, inventory=known)
    consoles.out().write(plan(document, form))
    return 1 if document.changes_anything and not exit_zero else 0
