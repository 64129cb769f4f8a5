"""`portproof doctor`: what this machine can do, and what to do about the rest."""

from __future__ import annotations

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from portproof.bootstrap import Application
from portproof.bootstrap.examinations import examinations
from portproof.cli import consoles
from portproof.cli.options import settings_options
from portproof.usecases.doctor import Health, examine


@click.command()
@settings_options
def doctor(*, app: Application) -> int:
    """Look at limits, capabilities, libraries, clock, database and documents; name each remedy.

    Exits 0 when nothing is broken, 1 otherwise.
    """
    table = Table("part", "health", "found", "remedy", box=SIMPLE_HEAD)
    diagnoses = examine(examinations(app))
    for each in diagnoses:
        table.add_row(each.part, each.health, each.found, each.remedy)
    consoles.out().print(table)
    return 1 if any(each.health is Health.BROKEN for each in diagnoses) else 0
