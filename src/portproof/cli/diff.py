"""`portproof diff`: two runs compared, exit codes as ndiff's."""

from __future__ import annotations

import json
from functools import partial

import click
from rich.console import Console

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.cli import EXIT_USAGE, consoles
from portproof.cli.options import format_option, settings_options
from portproof.contracts import Store
from portproof.errors import StoreError
from portproof.policy.drift import Drift, compare


@click.command()
@settings_options
@click.argument("before", required=False)
@click.argument("after", required=False)
@format_option("table", "json")
def diff(*, app: Application, before: str | None, after: str | None, form: str) -> int:
    """Compare the runs BEFORE and AFTER (default: the last two of one scope).

    Exits 0 when nothing differs, 1 when something does, 2 when the runs cannot be compared: other
    ports, vantage, hosts, engine or controls would invent changes.
    """
    with app.open_store(create=False) as store:
        earlier, later = _pair(store, before, after)
        drift = compare(store.load_run(earlier), store.load_run(later))
    if form == "json":
        click.echo(_as_json(earlier, later, drift))
    else:
        _show(earlier, later, drift, consoles.out())
    if drift.refused:
        return EXIT_USAGE
    return 1 if drift.differs else 0


def _pair(store: Store, before: str | None, after: str | None) -> tuple[str, str]:
    if before is not None and after is not None:
        return before, after
    newest = store.runs(limit=1)
    last = store.runs(scope=newest[0].scope, limit=2) if newest else ()
    if before is not None:
        if not newest:
            raise StoreError("the store holds no run yet")
        return before, newest[0].id
    if len(last) < 2:  # noqa: PLR2004 - a pair
        raise StoreError("there are no two runs of one scope to compare yet")
    return last[1].id, last[0].id


def _show(earlier: str, later: str, drift: Drift, console: Console) -> None:
    """Write the differences as ndiff does: what was with a minus, what is with a plus."""
    say = partial(console.print, soft_wrap=True)
    say(f"-{earlier}\n+{later}")
    for reason in drift.refused:
        say(f"not comparable: {reason}")
    for each in drift.changes:
        say(visible(f"-{each.endpoint} {each.before} {each.service_before}".rstrip()))
        say(visible(f"+{each.endpoint} {each.after} {each.service_after}".rstrip()))
    for shift in drift.shifts:
        place = f"{shift.address} {shift.transport} {shift.ports}"
        say(f"-{place} {shift.before}\n+{place} {shift.after}")
    if drift.uncompared:
        say(f"not compared, because one run did not measure them: {drift.uncompared:,} endpoints")
    if not drift.refused and not drift.differs:
        say("no difference")


def _as_json(earlier: str, later: str, drift: Drift) -> str:
    changes = [
        {
            "endpoint": str(each.endpoint),
            "before": each.before,
            "after": each.after,
            "service_before": each.service_before,
            "service_after": each.service_after,
        }
        for each in drift.changes
    ]
    shifts = [
        {
            "address": str(each.address),
            "transport": each.transport,
            "ports": str(each.ports),
            "before": each.before,
            "after": each.after,
        }
        for each in drift.shifts
    ]
    told = {
        "before": earlier,
        "after": later,
        "refused": drift.refused,
        "changes": changes,
        "shifts": shifts,
        "uncompared": drift.uncompared,
    }
    return json.dumps(told, indent=2)
