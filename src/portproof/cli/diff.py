"""`portproof diff`: what changed, exit codes as ndiff's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import wraps
from typing import Any

import click

from portproof.bootstrap import Application
from portproof.bootstrap.comparisons import COMPARISON_FORMS, comparison
from portproof.bootstrap.inventory import known_targets
from portproof.cli import EXIT_USAGE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.contracts import Store
from portproof.errors import SettingsError
from portproof.policy.drift_period import Period
from portproof.usecases.diff import diff_approved, diff_period, diff_runs, last_two, since

_ONE_RUN = "--last, --approved and --period take one run at most: {} and {} were given"
_PERIOD = "a period is written 2026-07-01..2026-09-30, or with times and zones (RFC 3339)"


def _read_period(
    ctx: click.Context, parameter: click.Parameter, given: str | None
) -> Period | None:
    """Read FROM..TO; a bare date as FROM is its first instant, as TO its last (UTC).

    Raises:
        click.BadParameter: it is no period.
    """
    if given is None:
        return None
    first, dots, last = given.partition("..")
    try:
        held = Period(since=_instant(first, end=False), until=_instant(last, end=True))
    except ValueError:
        raise click.BadParameter(f"{given!r}: {_PERIOD}", ctx, parameter) from None
    if not dots or held.until < held.since:
        raise click.BadParameter(f"{given!r} ends before it begins: {_PERIOD}", ctx, parameter)
    return held


def _instant(text: str, *, end: bool) -> datetime:
    if "T" not in text:
        day = datetime.combine(date.fromisoformat(text), time(), UTC)
        return day + timedelta(days=1, microseconds=-1) if end else day
    held = datetime.fromisoformat(text)
    if held.tzinfo is None:
        raise ValueError(text)
    return held.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Against:
    """What a run is compared with, as the options say; another run where none says it."""

    last: bool
    approved: bool
    period: Period | None


def _against_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command `against`, made from the options that exclude each other."""

    @wraps(command)
    def with_against(*, last: bool, approved: bool, period: Period | None, **options: Any) -> Any:
        if sum((last, approved, period is not None)) > 1:
            raise SettingsError("--last, --approved and --period exclude each other")
        return command(against=_Against(last=last, approved=approved, period=period), **options)

    for option in (
        click.option(
            "--period",
            metavar="FROM..TO",
            callback=_read_period,
            help="Compare the state at the end of a period with the run.",
        ),
        click.option(
            "--approved",
            is_flag=True,
            help="Compare the baseline with the run: unapproved, absent.",
        ),
        click.option(
            "--last", is_flag=True, help="Compare the run with the last complete one before it."
        ),
    ):
        with_against = option(with_against)
    return with_against


@click.command()
@settings_options
@click.argument("before", required=False)
@click.argument("after", required=False)
@_against_options
@click.option("--strict", is_flag=True, help="Refuse runs that are unlike in anything.")
@format_option(*COMPARISON_FORMS)
def diff(
    *,
    app: Application,
    before: str | None,
    after: str | None,
    against: _Against,
    strict: bool,
    form: str,
) -> int:
    """Compare a run with another, with what is approved, or with the end of a period.

    Without arguments the newest run is compared with the last complete one before it, as --last
    does; BEFORE alone is compared with the newest complete run. --last, --approved and --period
    take one run, else the newest. Only what both sides measured alike is compared; the rest is named.

    Exits 0 when nothing differs, 1 when something does, 2 when nothing can be compared.
    """
    special = against.last or against.approved or against.period is not None
    if after is not None and special:
        raise SettingsError(_ONE_RUN.format(before, after))
    if strict and (against.approved or against.period is not None):
        raise SettingsError("--strict compares two runs")
    with app.open_store(create=False) as store:
        if against.approved:
            document = diff_approved(store, before, app.baseline, app.vantages, known_targets(app))
        elif against.period is not None:
            document = diff_period(store, before, against.period)
        else:
            earlier, later = _pair(store, before, after, last=against.last)
            document = diff_runs(store, earlier, later, strict=strict)
    consoles.out().write(comparison(document, form))
    if document.refused:
        return EXIT_USAGE
    return 1 if document.differs else 0


def _pair(store: Store, before: str | None, after: str | None, *, last: bool) -> tuple[str, str]:
    if before is not None and after is not None:
        return before, after
    if before is None or last:
        return last_two(store, before)
    return since(store, before)
