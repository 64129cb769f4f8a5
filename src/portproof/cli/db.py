"""`portproof db`: the database's schema."""

from __future__ import annotations

import click

from portproof.bootstrap import Application
from portproof.cli.options import settings_options


@click.group()
def db() -> None:
    """Upgrade the database, or show its version."""


@db.command()
@settings_options
def upgrade(*, app: Application) -> int:
    """Bring the database's schema to this portproof's; a newer one is refused."""
    before, after = app.upgrade_database()
    click.echo(
        f"{app.database}: schema {after} (was {before or 'empty'})"
        if before != after
        else f"{app.database}: schema {after}, nothing to do"
    )
    return 0


@db.command()
@settings_options
def version(*, app: Application) -> int:
    """Show the schema version of the database and of this portproof."""
    stored, ours = app.schema_versions()
    click.echo(f"{app.database}: schema {stored or 'none'}; this portproof: {ours}")
    return 0
