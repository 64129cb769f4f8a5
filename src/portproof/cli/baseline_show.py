"""`portproof baseline show`: the entries as they hold in an environment."""

from __future__ import annotations

import click

from portproof.bootstrap import Application
from portproof.bootstrap.language import effective, effective_as
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options


@click.command("show")
@settings_options
@click.argument("entries", nargs=-1, metavar="[ENTRY]...")
@format_option("text", "json")
def baseline_show(*, app: Application, entries: tuple[str, ...], form: str) -> int:
    """Show each ENTRY (default: all) as it holds: templates and the environment laid over it.

    Each is shown with the place where it stands, and where the environment changed it.
    """
    consoles.out().write(effective_as(app.baseline, effective(app.baseline, entries), form))
    return 0
