"""`portproof findings ack|assign|claim-fixed|false-positive|ticket|comment`: what people do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.identity import who_acts
from portproof.cli import consoles
from portproof.cli.options import settings_options
from portproof.model.finding import NAMED_BY_PEOPLE, FindingEventKind, IdentitySource
from portproof.usecases.finding_actions import Act, act

_ids = click.argument("ids", metavar="ID...", nargs=-1, required=True)
_because = click.option(
    "--because", required=True, metavar="TEXT", help="Why; it is kept for good, and printed."
)
_as_option = click.option(
    "--as",
    "source",
    type=click.Choice([each.value for each in NAMED_BY_PEOPLE]),
    help="Where your name comes from (default: the CI job's user if this is one, else os-user).",
)


def _acting(command: Callable[..., Any]) -> Callable[..., Any]:
    return settings_options(_as_option(command))


@click.command()
@_acting
@_ids
@_because
def ack(*, app: Application, ids: tuple[str, ...], because: str, source: str | None) -> int:
    """Say that somebody knows of a finding and is at it; it stays due."""
    return _do(app, ids, source, Act(kind=FindingEventKind.ACKNOWLEDGED, because=because))


@click.command()
@_acting
@_ids
@click.option("--to", "owner", required=True, metavar="OWNER", help="Who has to mend it.")
@click.option("--because", default="", metavar="TEXT", help="Why this owner.")
def assign(
    *, app: Application, ids: tuple[str, ...], owner: str, because: str, source: str | None
) -> int:
    """Give findings an owner, other than the one that the asset or entry names."""
    wanted = Act(kind=FindingEventKind.ASSIGNED, because=because, value=owner)
    return _do(app, ids, source, wanted)


@click.command("claim-fixed")
@_acting
@_ids
@_because
def claim_fixed(*, app: Application, ids: tuple[str, ...], because: str, source: str | None) -> int:
    """Claim that findings are mended. Only a run that no longer sees them closes them.

    A run that begins after the claim and still sees one opens it again.
    """
    return _do(app, ids, source, Act(kind=FindingEventKind.FIX_CLAIMED, because=because))


@click.command("false-positive")
@_acting
@_ids
@_because
@click.option(
    "--proof",
    required=True,
    metavar="TEXT",
    help="Where the proof is: a ticket, a document, a URL.",
)
@click.option("--digest", default="", metavar="SHA256", help="SHA-256 of the proof's file.")
def false_positive(
    *,
    app: Application,
    ids: tuple[str, ...],
    because: str,
    proof: str,
    digest: str,
    source: str | None,
) -> int:
    """Close findings whose rule drew the wrong conclusion, with a proof.

    They stay closed while nothing more is seen than now: no other endpoint, service, reason or
    worse severity. The verdict of each run stays what it is.
    """
    wanted = Act(
        kind=FindingEventKind.FALSE_POSITIVE, because=because, value=proof, digest=digest.lower()
    )
    return _do(app, ids, source, wanted)


@click.command()
@_acting
@click.argument("finding_id", metavar="ID")
@click.argument("reference", metavar="REF")
def ticket(*, app: Application, finding_id: str, reference: str, source: str | None) -> int:
    """Note the reference of a finding's ticket; nobody looks whether it is there."""
    wanted = Act(kind=FindingEventKind.TICKETED, because="", value=reference)
    return _do(app, (finding_id,), source, wanted)


@click.command()
@_acting
@_ids
@click.option("--text", required=True, metavar="TEXT", help="What to say.")
def comment(*, app: Application, ids: tuple[str, ...], text: str, source: str | None) -> int:
    """Add a comment to findings; it changes nothing else."""
    return _do(app, ids, source, Act(kind=FindingEventKind.COMMENTED, because=text))


ACTIONS = (ack, assign, claim_fixed, false_positive, ticket, comment)


def _do(app: Application, ids: tuple[str, ...], source: str | None, wanted: Act) -> int:
    """Do it to all findings or none, and say so on standard output, a line for each."""
    actor = who_acts(IdentitySource(source) if source else None)
    with app.open_store(create=False) as store:
        events = act(store, app.clock, actor, ids, wanted)
    for event in events:
        value = f" {event.value}" if event.value else ""
        told = visible(f"{event.finding} {event.kind}{value} by {event.actor}")
        consoles.out().print(told, soft_wrap=True)
    return 0
