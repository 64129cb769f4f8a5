"""`portproof findings`: what was found, how it stands, and what people do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import click

from portproof.bootstrap import Application
from portproof.bootstrap.finding_forms import (
    life_told,
    standing_table,
    to_findings_text,
    to_lives_text,
)
from portproof.bootstrap.inventory import known_targets
from portproof.cli import consoles
from portproof.cli.finding_actions import ACTIONS
from portproof.cli.options import format_option, settings_options
from portproof.model.deadlines import Deadlines
from portproof.model.finding import FindingStatus, Severity
from portproof.policy.holders import Holders
from portproof.usecases.findings import Held, Wanted, list_findings, tell

_SEVERITIES = [each.value for each in reversed(Severity)]
_STATUSES = [each.value for each in FindingStatus]
_STANDING = frozenset(FindingStatus) - {FindingStatus.CLOSED}


@click.group()
def findings() -> None:
    """List findings, tell the life of one, say what is done.

    ID is a finding's id, or the beginning of one that no other finding has.
    """


@findings.command("list")
@settings_options
@click.option(
    "--status",
    "statuses",
    type=click.Choice(_STATUSES),
    multiple=True,
    help="Only these; may be repeated (default: all but closed).",
)
@click.option("--all", "every", is_flag=True, help="Closed ones too.")
@click.option(
    "--severity",
    "severities",
    type=click.Choice(_SEVERITIES),
    multiple=True,
    help="Only these; may be repeated.",
)
@click.option("--owner", help="Only this owner's; an empty name: those of nobody.")
@click.option("--zone", help="Only what was seen from this zone.")
@click.option("--since", metavar="TIME", help="Changed at this time (UTC) or day, or later.")
@click.option("--overdue", is_flag=True, help="Only what is past its due day.")
@click.option(
    "--without-ticket", is_flag=True, help="Only what should have a ticket by now, and has none."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Rows of the table; the other formats always hold all.",
)
@format_option("table", "json", "jsonl", "csv")
def listing(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    app: Application,
    statuses: tuple[str, ...],
    every: bool,
    severities: tuple[str, ...],
    owner: str | None,
    zone: str | None,
    since: str | None,
    overdue: bool,
    without_ticket: bool,
    limit: int,
    form: str,
) -> int:
    """List findings, the worst and longest known first; without options all that are not closed."""
    asked = frozenset(map(FindingStatus, statuses))
    wanted = Wanted(
        statuses=frozenset(FindingStatus) if every else asked or _STANDING,
        severities=frozenset(map(Severity, severities or _SEVERITIES)),
        owner=owner,
        zone=zone,
        since=_instant(since) if since is not None else None,
        overdue=overdue,
        without_ticket=without_ticket,
    )
    with app.open_store(create=False) as store:
        found = list_findings(store, wanted, held(app))
    if form == "table":
        consoles.out().print(standing_table(found, limit))
    else:
        consoles.out().write(to_findings_text(found, form))
    return 0


@findings.command()
@settings_options
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@format_option("table", "json")
def show(*, app: Application, ids: tuple[str, ...], form: str) -> int:
    """Tell everything about findings: what was seen, who has to mend it by when, each event."""
    with app.open_store(create=False) as store:
        lives = tell(store, ids, held(app))
    console = consoles.out()
    if form == "json":
        console.write(to_lives_text(lives))
    else:
        for life in lives:
            console.print(life_told(life))
    return 0


def held(app: Application) -> Held:
    """Give what findings are held against; waivers only where the configuration names them."""
    return Held(
        deadlines=app.settings.deadlines or Deadlines(),
        waivers=lambda: app.named_waivers,
        at=app.clock.now(),
        holders=cache(lambda: Holders(known_targets(app), app.clock.now())),
    )


def _instant(text: str) -> datetime:
    """Read `2026-11-21`, or a time with its zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-21 or 2026-11-21T08:00:00Z", param_hint="--since"
        ) from None
    if len(text) == len("2026-11-21"):
        return at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        raise click.BadParameter(
            f"{text}: the time zone is missing; write {text}Z for UTC", param_hint="--since"
        )
    return at.astimezone(UTC)


for action in ACTIONS:
    findings.add_command(action)
