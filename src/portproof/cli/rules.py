"""`portproof rules`: rules of one's own, looked through and tried."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.language import LINT_FORMATS, lint_text
from portproof.bootstrap.rules import (
    TRIAL_FORMATS,
    custom_judging,
    lint_rules,
    rules_named,
    trial_json,
    trial_text,
    variables_text,
)
from portproof.cli import EXIT_USAGE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.cli.runs import run_or_latest
from portproof.model.linted import Linted
from portproof.usecases.rule_trial import try_rule

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def rules() -> None:
    """Check and try rules of your own (CEL); docs/custom-rules.md shows how to write them."""


@rules.command(short_help="Say every fault, with file, line and column.")
@settings_options
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@format_option(*LINT_FORMATS)
def lint(*, app: Application, files: tuple[Path, ...], form: str) -> int:
    """Say every fault of each FILE of rules (default: the configured one), with its place.

    Names and types inside of expressions are checked. Zones are held against the vantages, tags
    against the baseline, where those are named. github writes annotations for a pull request.

    Exits 0 when there is none, 2 with faults.
    """
    looked = lint_rules(app, rules_named(app, files))
    if form != "text" or any(each.faults for each in looked):
        consoles.out().write(lint_text(looked, form))
    for each in looked if form == "text" else ():
        consoles.err().print(visible(_summary(each)), soft_wrap=True)
    return EXIT_USAGE if any(each.faults for each in looked) else 0


@rules.command(short_help="Show which ports of a run a rule is true of.")
@settings_options
@click.argument("rule")
@click.option("--run", "run_id", help="The run to try it on (default: the latest).")
@click.option("--rules", "file", type=_FILE, help="The file of rules (default: as configured).")
@click.option("--all", "every", is_flag=True, help="Show the ports that do not deviate, too.")
@format_option(*TRIAL_FORMATS)
def test(
    *, app: Application, rule: str, run_id: str | None, file: Path | None, every: bool, form: str
) -> int:
    """Say which open ports of a stored run RULE is true of, with the values that it saw.

    Nothing is kept, and no finding moves. Exits 0 whatever it says.
    """
    (path,) = rules_named(app, () if file is None else (file,))
    judging = custom_judging(app, path)
    with app.open_store(create=False) as store:
        trial = try_rule(store, app.documents, judging, rule, run_or_latest(store, run_id))
    text = trial_json(trial) if form == "json" else trial_text(trial, every=every)
    consoles.out().write(text)
    return 0


@rules.command(short_help="List what expressions may speak of.")
def variables() -> int:
    """List what expressions may speak of, with types and what their absence means."""
    consoles.out().write(variables_text())
    return 0


def _summary(looked: Linted) -> str:
    number = len(looked.faults) or looked.entries
    noun = "fault" if looked.faults else "rule"
    told = f"{number} {noun}{'' if number == 1 else 's'}"
    return f"{looked.file}: {told}" if looked.faults else f"{looked.file}: no faults ({told})"
