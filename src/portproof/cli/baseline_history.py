"""`portproof baseline history`: every version of an entry, with who, when, why and ticket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from portproof.bootstrap import Application
from portproof.bootstrap.approvals import entry_versions
from portproof.bootstrap.forms import visible
from portproof.cli import consoles
from portproof.cli.options import format_option, settings_options
from portproof.errors import ApprovalError
from portproof.usecases.entry_history import VersionInfo, version_info


@click.command()
@settings_options
@click.argument("entry")
@format_option("table", "json")
def baseline_history(*, app: Application, entry: str, form: str) -> int:
    """List every version of ENTRY that git has, the present one first.

    The entry is followed by its id, over renamed files and includes. What is signed is verified
    against the list of approvers.
    """
    infos = [
        version_info(version, key=signature.key, signer=signature.principal)
        for version, signature in entry_versions(app, entry)
    ]
    if not infos:
        raise ApprovalError(f"{app.baseline.file}: no commit has an entry {entry!r}")
    if form == "json":
        click.echo(json.dumps([_plain(each) for each in infos], indent=2))
    else:
        _show(infos)
    return 0


def _show(infos: Sequence[VersionInfo]) -> None:
    """Write each version as a block, as `git log` does: a table of seven columns fits no terminal."""
    console = consoles.out()
    for each in infos:
        signed = f"{each.signed_by} ({each.key})" if each.signed_by else "no approver"
        lines = (
            f"{each.commit} {each.at} {each.author}",
            f"  why      {each.subject}",
            f"  ticket   {each.ticket or 'none'}",
            f"  signed   by {signed}",
            *(f"  merged   by {merge}" for merge in each.merged_by),
            f"  changed  {each.changed}",
        )
        for line in lines:
            console.print(visible(line), soft_wrap=True)


def _plain(info: VersionInfo) -> dict[str, Any]:
    return {
        "commit": info.commit_id,
        "at": info.at,
        "author": info.author,
        "signed_by": info.signed_by,
        "key": info.key,
        "merged_by": info.merged_by,
        "ticket": info.ticket,
        "subject": info.subject,
        "digest": info.digest,
        "changed": info.changed,
    }
