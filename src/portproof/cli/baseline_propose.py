"""`portproof baseline propose`: add what is open and in no entry to the baseline, as proposals."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.drafts import (
    LATEST,
    add_proposals,
    drafted,
    proposed_text,
)
from portproof.cli import consoles
from portproof.cli.draft_options import DraftOptions, draft_options, tell_count, tell_notes
from portproof.cli.options import settings_options
from portproof.errors import SettingsError
from portproof.usecases.draft_baseline import Draft


@click.command("propose")
@settings_options
@click.option("--run", metavar="RUN", help=f"A stored run (default: {LATEST}).")
@click.option(
    "--from",
    "report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="nmap.xml",
    help="A file that nmap -oX wrote, instead of a run.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of the baseline to add to (default: the first one).",
)
@click.option("--dry-run", is_flag=True, help="Print what would be added, and change nothing.")
@draft_options
def baseline_propose(
    *,
    app: Application,
    run: str | None,
    report: Path | None,
    into: Path | None,
    dry_run: bool,
    chosen: DraftOptions,
) -> int:
    """Propose an entry for every open port that no entry covers, approved or proposed.

    The entries are added behind the last one; everything else in the files stays as it is. A second
    time, with nothing new open, nothing is added.
    """
    if run and report:
        raise SettingsError("give a run or a report of nmap, not both")
    draft = drafted(app, report or run or LATEST, zone=chosen.zone, anew=False)
    terms = chosen.terms(app)
    tell_notes(draft)
    if not draft.proposals:
        consoles.err().print(f"nothing to propose: {_why_nothing(draft)}", soft_wrap=True)
        return 0
    consoles.err().print(tell_count(draft), soft_wrap=True)
    if dry_run:
        consoles.out().write(proposed_text(draft, terms))
        return 0
    path = add_proposals(app, draft, terms, into)
    consoles.err().print(
        f"wrote {path}; next: complete the entries, then `portproof baseline approve`",
        soft_wrap=True,
    )
    return 0


def _why_nothing(draft: Draft) -> str:
    match draft.open_ports:
        case 0:
            return "no port was seen open that could be believed"
        case 1:
            return "an entry covers the one open port"
        case many:
            return f"an entry covers each of {many:,} open ports"
