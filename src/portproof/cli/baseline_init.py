"""`portproof baseline init`: a first baseline from what was seen, in which nothing is approved."""

from __future__ import annotations

from pathlib import Path

import click

from portproof.bootstrap import Application
from portproof.bootstrap.drafts import drafted, new_baseline, source_of
from portproof.cli import consoles
from portproof.cli.draft_options import DraftOptions, draft_options, tell_count, tell_notes
from portproof.cli.options import settings_options


@click.command("init")
@settings_options
@click.option(
    "--from",
    "source",
    required=True,
    metavar="RUN|nmap.xml",
    help="A stored run (its id, or `latest`), or a file that nmap -oX wrote.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write (default: the configured baseline, else baseline.yaml).",
)
@draft_options
def baseline_init(*, app: Application, source: str, out: Path | None, chosen: DraftOptions) -> int:
    """Write a baseline that proposes an entry for every service that was seen open.

    Nothing is approved: each entry is `proposed`, and its ports stay findings until somebody other
    than the requester approves it. Hosts with the same service, owner, zone and kind of name share
    an entry. A file that is there is never overwritten.
    """
    draft = drafted(app, source_of(source), zone=chosen.zone, anew=True)
    path = new_baseline(app, draft, chosen.terms(app), out)
    tell_notes(draft)
    consoles.err().print(tell_count(draft), soft_wrap=True)
    consoles.err().print(
        f"wrote {path}; next: complete the entries, then `portproof baseline approve`",
        soft_wrap=True,
    )
    return 0
