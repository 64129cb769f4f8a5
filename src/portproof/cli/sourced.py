"""`--from-sources`: a scan takes its targets from where they are listed."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from portproof.bootstrap import Application
from portproof.bootstrap.forms import visible
from portproof.bootstrap.inventory import inventory_of, open_book, sources_of
from portproof.cli.sources_text import show_taken
from portproof.errors import SettingsError
from portproof.model.inventory import Choice, Wanted, Why
from portproof.model.scan import RunRecord
from portproof.model.targetspec import AddressTarget, NameTarget, TargetSpec
from portproof.usecases.sources import fetch_sources, note_run

_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Sourced:
    """The targets of a scan that come from sources."""

    targets: tuple[TargetSpec, ...] = ()
    doubtful: bool = False
    """Whether a source could not be taken at its word: the scan's scope is then not sure either."""
    asked: bool = False
    """Whether --from-sources was given."""

    def note(self, app: Application, record: RunRecord, err: Console) -> None:
        """Note which targets the run has looked at, and say what it found of the inventory."""
        if not self.asked:
            return
        with open_book(app) as book:
            facts = note_run(book, record)
        for each in facts[:_MOST_SHOWN]:
            told = f"{each.subject}: {each.because}"
            err.print(f"portproof: {each.fact}: {visible(told)}", soft_wrap=True)
        if len(facts) > _MOST_SHOWN:
            err.print(f"portproof: and {len(facts) - _MOST_SHOWN:,} more; see the report")


def sourced(app: Application, err: Console, *, wanted: bool, ask: bool) -> Sourced:
    """Ask the sources and choose what of their targets is scanned; nothing unless `wanted`.

    Without `ask` no source is asked, and what is known is used: a dry run sends nothing.

    Raises:
        SettingsError: no sources are named, or none of their targets may be scanned.
        AuthorisationError: there is none in force.
    """
    if not wanted:
        return Sourced()
    made = sources_of(app)
    with open_book(app) as book:
        taken = fetch_sources(made, book, app.clock.now) if ask else ()
        show_taken(taken, None, err)
        choice = inventory_of(app, book).choice
    _say(choice, err)
    if not choice.wanted:
        raise SettingsError("no target of the sources may be scanned; `portproof sources show`")
    targets = dict.fromkeys(map(_target, choice.wanted))
    return Sourced(tuple(targets), any(each.alerts for each in taken), asked=True)


def _target(wanted: Wanted) -> TargetSpec:
    return NameTarget(wanted.host) if isinstance(wanted.host, str) else AddressTarget(wanted.host)


def _say(choice: Choice, err: Console) -> None:
    counted = ", ".join(
        f"{number:,} {why}"
        for why in Why
        if (number := sum(each.why is why for each in choice.wanted))
    )
    err.print(f"targets of the sources: {counted or 'none'}", soft_wrap=True)
    for each in choice.refused[:_MOST_SHOWN]:
        told = f"{each.key} ({each.host}): {each.because}"
        err.print(f"portproof: refused: {visible(told)}", soft_wrap=True)
    if len(choice.refused) > _MOST_SHOWN:
        err.print(f"portproof: and {len(choice.refused) - _MOST_SHOWN:,} more were refused")
