"""`portproof evidence`: the raw records that claims lead to."""

from __future__ import annotations

import sys

import click

from portproof.bootstrap import Application
from portproof.cli.options import settings_options


@click.group()
def evidence() -> None:
    """Show the raw records that the claims of a report lead to."""


@evidence.command("show")
@settings_options
@click.argument("digest")
def show(*, app: Application, digest: str) -> int:
    """Write the raw record with this SHA-256 to standard output, byte for byte.

    `portproof evidence show DIGEST | sha256sum` gives DIGEST again.
    """
    with app.open_store(create=False) as store:
        sys.stdout.buffer.write(store.raw(digest))
    return 0
