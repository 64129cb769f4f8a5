"""Ask the sources, keep what they list, and choose from it what a scan asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from portproof.contracts import Resolver, TargetBook, TargetSource
from portproof.errors import SourceError
from portproof.model.authorisation import Authorisation
from portproof.model.endpoint import Address
from portproof.model.inventory import Choice, KnownTarget, Refused, Taken, TargetFact, Wanted
from portproof.model.scan import RunRecord
from portproof.model.source import Listing
from portproof.plan.authorise import is_hosts_address, require_in_force
from portproof.policy.targets import choose, failed, outside, scanned, take, target_facts


def fetch_sources(
    sources: Sequence[TargetSource],
    book: TargetBook,
    now: Callable[[], datetime],
    *,
    only: str | None = None,
    accept_shrink: bool = False,
) -> tuple[Taken, ...]:
    """Ask every source (or the one named `only`), keep what comes, and say what it changed.

    A source that fails changes nothing of its targets and does not keep the others from being
    asked. One that the document names no more is treated as one that lists nothing: its targets
    retire only with `accept_shrink`.

    Raises:
        StoreError: what was fetched cannot be kept.
    """
    known: dict[str, list[KnownTarget]] = {}
    for each in book.known():
        known.setdefault(each.source, []).append(each)
    taken = [
        _fetched(each, known.get(each.name, []), now, accept_shrink=accept_shrink)
        for each in sources
        if only in (None, each.name)
    ]
    if only is None:
        named = {each.name for each in sources}
        taken += _orphaned(known, named, now, accept_shrink=accept_shrink)
    book.keep(taken)
    return tuple(taken)


def _fetched(
    source: TargetSource,
    known: Sequence[KnownTarget],
    now: Callable[[], datetime],
    *,
    accept_shrink: bool,
) -> Taken:
    try:
        return take(known, source.fetch(), accept_shrink=accept_shrink)
    except SourceError as fault:
        return failed(source.name, now(), fault.told)


def _orphaned(
    known: dict[str, list[KnownTarget]],
    named: set[str],
    now: Callable[[], datetime],
    *,
    accept_shrink: bool,
) -> Iterator[Taken]:
    for source, targets in sorted(known.items()):
        if source not in named and any(each.retired_at is None for each in targets):
            listing = Listing(source=source, at=now(), items=())
            yield take(targets, listing, accept_shrink=accept_shrink)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What is known of targets, held against the authorisation."""

    known: Sequence[KnownTarget]
    choice: Choice


def scannable(
    book: TargetBook, authorisation: Authorisation | None, resolver: Resolver, at: datetime
) -> Inventory:
    """Choose what a scan asks; a target that only has a name is resolved, and refused if that fails.

    Raises:
        AuthorisationError: there is none in force; no name is looked up then.
        StoreError: what is known cannot be read.
    """
    held = require_in_force(authorisation, at)
    known = book.known()
    choice = choose(known, held, at)
    wanted: list[Wanted] = []
    refused = list(choice.refused)
    for each in choice.wanted:
        problem = _refused_name(each, held, resolver) if isinstance(each.host, str) else ""
        if problem:
            refused.append(Refused(each.key, each.host, problem))
        else:
            wanted.append(each)
    return Inventory(known=known, choice=Choice(tuple(wanted), tuple(refused)))


def _refused_name(wanted: Wanted, authorisation: Authorisation, resolver: Resolver) -> str:
    """Say why a name may not be scanned; empty when every address of it may."""
    name = str(wanted.host)
    try:
        addresses: Iterable[Address] = resolver.resolve(name)
    except LookupError as fault:
        return f"it does not resolve: {fault}"
    for each in addresses:
        if not is_hosts_address(each) or not authorisation.permits(each, name):
            return f"{each}: {outside(authorisation)}"
    return ""


def note_run(book: TargetBook, run: RunRecord) -> tuple[TargetFact, ...]:
    """Note which targets a run has looked at, and give what it says of the inventory.

    Raises:
        StoreError: it cannot be kept.
    """
    known = book.known()
    book.update(scanned(known, run))
    return target_facts(run, known)
