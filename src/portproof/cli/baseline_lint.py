"""`portproof baseline lint`: every fault of a baseline at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.language import LINT_FORMATS, baselines_named, lint, lint_text
from portproof.cli import EXIT_USAGE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.model.linted import Linted


@click.command("lint")
@settings_options
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@format_option(*LINT_FORMATS)
def baseline_lint(*, app: Application, files: tuple[Path, ...], form: str) -> int:
    """Say every fault of each baseline FILE (default: the configured one), with its place.

    Files that it includes are read with it, and every environment is judged. Zones are checked
    where there is a configuration or --vantages. github writes annotations for a pull request.

    Exits 0 when there is none, 2 with faults.
    """
    looked = lint(app, baselines_named(app, files))
    consoles.out().write(lint_text(looked, form)) if form != "text" else _show(looked)
    return EXIT_USAGE if any(each.faults for each in looked) else 0


def _show(looked: Sequence[Linted]) -> None:
    found = lint_text(looked, "text")
    if found:
        consoles.out().write(found)
    for each in looked:
        consoles.err().print(visible(_summary(each)), soft_wrap=True)


def _summary(looked: Linted) -> str:
    """Say in one line what was read, or how many faults there are."""
    if looked.faults:
        number = len(looked.faults)
        return f"{looked.file}: {number} fault{'' if number == 1 else 's'}"
    more = []
    if len(looked.files) > 1:
        more.append(f"; {len(looked.files)} files")
    if looked.environments:
        more.append(f"; environments {', '.join(looked.environments)}")
    counts = f"{looked.entries} approved, {looked.proposed} proposed{''.join(more)}"
    return f"{looked.file}: no faults ({counts})"
