"""What `baseline init` and `baseline propose` have in common: options, and what they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any, TypeAlias

import click

from portproof.bootstrap import Application
from portproof.bootstrap.drafts import terms_of
from portproof.bootstrap.forms import visible
from portproof.cli import consoles
from portproof.usecases.draft_baseline import Draft, Terms

_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPTIONS: tuple[_Decorator, ...] = (
    click.option(
        "--seen-from",
        "zone",
        default="",
        metavar="ZONE",
        help="The vantage zone that nmap looked from (default: that of this vantage).",
    ),
    click.option(
        "--requester",
        default="",
        help="Who asks for the entries, and cannot approve them (default: the operator).",
    ),
    click.option("--ticket", default="", help="The change reference of all of them."),
    click.option(
        "--review-by",
        type=click.DateTime(formats=["%Y-%m-%d"]),
        metavar="DATE",
        help="The last day on which an approval would hold (default: in six months).",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOptions:
    """What somebody says of a draft."""

    zone: str
    """Where nmap looked from; empty: from where this vantage stands."""
    requester: str
    ticket: str
    review_by: date | None
    """None: as `bootstrap.drafts.terms_of` says."""

    def terms(self, app: Application) -> Terms:
        """Give what each proposal says.

        Raises:
            SettingsError: its end lies in the past.
        """
        return terms_of(app, requester=self.requester, ticket=self.ticket, review_by=self.review_by)


def draft_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `chosen`, made from these options."""

    @wraps(command)
    def with_chosen(
        *, zone: str, requester: str, ticket: str, review_by: datetime | None, **options: Any
    ) -> Any:
        chosen = DraftOptions(
            zone=zone,
            requester=requester,
            ticket=ticket,
            review_by=None if review_by is None else review_by.date(),
        )
        return command(chosen=chosen, **options)

    decorated: Callable[..., Any] = with_chosen
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def tell_notes(draft: Draft) -> None:
    """Say on standard error what is not proposed, and why."""
    for note in draft.notes:
        consoles.err().print(f"note: {visible(note)}", soft_wrap=True)


def tell_count(draft: Draft) -> str:
    """Say how much was proposed: `3 entries proposed from run …; 1 without a known owner`."""
    number = len(draft.proposals)
    entries = "1 entry" if number == 1 else f"{number:,} entries"
    nobody = sum(not each.belongs.owner for each in draft.proposals)
    unowned = f"; {nobody:,} without a known owner" if nobody else ""
    return f"{entries} proposed from {visible(draft.source)}{unowned}"
