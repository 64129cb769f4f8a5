"""`portproof keys`: the key that a vantage signs its packs with."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap.packs import make_key, public_key
from portproof.evidence.vantage_key import VantageKey

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def keys() -> None:
    """Make the key that a vantage signs its packs with, or show its public half."""


@keys.command()
@click.option(
    "--out", type=_FILE, required=True, help="The file to write; it must not be there yet."
)
def new(*, out: Path) -> int:
    """Make an Ed25519 key: the private half into FILE (mode 0600), the public half shown.

    Keep the file at the vantage. Give the `key:` line to whoever keeps vantages.yaml at home, and
    the fingerprint by another way, so that they can compare.
    """
    _show(make_key(out))
    click.echo(f"wrote {out}", err=True)
    return 0


@keys.command()
@click.argument("file", type=_FILE)
def show(*, file: Path) -> int:
    """Show the public half of the private key in FILE, and its fingerprint."""
    _show(public_key(file))
    return 0


def _show(key: VantageKey) -> None:
    click.echo(f"fingerprint: {key.fingerprint}")
    click.echo(f"key: {key.line()}")
