"""`portproof baseline fmt`: one order of keys and entries."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.language import baselines_named, put_in_order
from portproof.cli import consoles
from portproof.cli.options import settings_options


@click.command("fmt")
@settings_options
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file would change.")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
def baseline_fmt(*, app: Application, files: tuple[Path, ...], check: bool) -> int:
    """Put the keys and entries of each baseline FILE (default: the configured one) in order.

    Files that it includes are put in order as well. Whole lines move, with their comments; what
    the file says stays the same. The changed files are listed.
    """
    changed = put_in_order(baselines_named(app, files), write=not check)
    for path in changed:
        consoles.out().write(visible(str(path)))
    return 1 if check and changed else 0
