"""`portproof baseline history`: every version of an entry, with who, when, why and ticket."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from portproof.bootstrap import Application
from portproof.bootstrap.approvals import history_of
from portproof.bootstrap.forms import visible
from portproof.cli import EXIT_USAGE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.errors import ApprovalError
from portproof.usecases.entry_history import JudgedInfo, VersionInfo


@click.command()
@settings_options
@click.argument("entry")
@format_option("table", "json")
def baseline_history(*, app: Application, entry: str, form: str) -> int:
    """List every version of ENTRY, the present one first, and which runs were judged by it.

    The entry is followed by its id, over renamed files and includes. What is signed is verified
    against the list of approvers. Versions that runs were judged by and that git does not have
    come last; exit 2 where git once had them.
    """
    found = history_of(app, entry)
    if not found.versions:
        raise ApprovalError(f"{app.baseline.file}: no commit has an entry {entry!r}")
    if form == "json":
        click.echo(json.dumps([_plain(each) for each in found.versions], indent=2))
    else:
        _show(found.versions)
    if not found.problem:
        return 0
    click.echo(f"portproof: {visible(found.problem)}", err=True)
    return EXIT_USAGE


def _show(infos: Sequence[VersionInfo]) -> None:
    """Write each version as a block, as `git log` does: a table of seven columns fits no terminal."""
    console = consoles.out()
    for each in infos:
        for line in _lines(each):
            console.print(visible(line), soft_wrap=True)


def _lines(info: VersionInfo) -> Iterator[str]:
    if info.in_git:
        yield f"{info.commit} {info.at} {info.author}"
    else:
        yield f"{'not in git':12} {info.at} {info.author}".rstrip()
    yield f"  why      {info.subject or 'not told'}"
    yield f"  ticket   {info.ticket or 'none'}"
    if info.in_git:
        nobody = f"no approver ({info.unverified})" if info.unverified else "no approver"
        signed = f"{info.signed_by} ({info.key})" if info.signed_by else nobody
        yield f"  signed   by {signed}"
    yield from (f"  merged   by {merge}" for merge in info.merged_by)
    yield f"  changed  {info.changed}"
    yield from (f"  judged   {_judged(each, info)}" for each in info.judged)


def _judged(judged: JudgedInfo, info: VersionInfo) -> str:
    """Say which runs were judged by a version; and by which commit of it, if by another one."""
    told = f"run {judged.first_run}, {judged.first_at}"
    if judged.judgings > 1:
        told = f"{judged.judgings} times, {told} to run {judged.last_run}, {judged.last_at}"
    other = judged.commit != info.commit_id
    where = f"of commit {judged.commit[:12]}" if judged.commit else "and not committed then"
    return f"{told}, {where}" if other else told


def _plain(info: VersionInfo) -> dict[str, Any]:
    return {
        "commit": info.commit_id,
        "in_git": info.in_git,
        "at": info.at,
        "author": info.author,
        "signed_by": info.signed_by,
        "key": info.key,
        "unverified": info.unverified,
        "merged_by": info.merged_by,
        "ticket": info.ticket,
        "subject": info.subject,
        "digest": info.digest,
        "changed": info.changed,
        "judged": [asdict(each) for each in info.judged],
    }
