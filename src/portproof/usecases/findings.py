"""Findings: list them, name them, and tell the whole life of one."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from portproof.contracts import Store
from portproof.errors import FindingError
from portproof.model.deadlines import Deadlines
from portproof.model.finding import Finding, FindingEvent, FindingStatus, Severity
from portproof.model.waiver import Waivers
from portproof.policy.due import due_of, is_overdue, wants_ticket
from portproof.policy.holders import Holders
from portproof.policy.waiver_end import ending

_MOST_CANDIDATES: Final = 10
_HEXADECIMAL: Final = frozenset(string.hexdigits.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which findings to list; what says nothing leaves none out."""

    statuses: frozenset[FindingStatus] = frozenset(FindingStatus) - {FindingStatus.CLOSED}
    severities: frozenset[Severity] = frozenset(Severity)
    owner: str | None = None
    """As written, but for case; empty: those of nobody."""
    zone: str | None = None
    """The vantage zone it was seen from."""
    since: datetime | None = None
    """Changed at that instant or later: an event other than a sighting or a comment."""
    overdue: bool = False
    """Only those that are overdue."""
    without_ticket: bool = False
    """Only those that should have a ticket by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What findings are held against: the days that were decided, the waivers, and the time."""

    deadlines: Deadlines
    waivers: Callable[[], Waivers | None]
    """Asked only when a finding is waived, since documents may be large; None: there is no document,
    so no waiver can be seen to have ended."""
    at: datetime
    holders: Callable[[], Holders] = Holders
    """Who has and had which address; asked only with the waivers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One finding as it stands at an instant."""

    finding: Finding
    """With the state that it has then: that of a waiver that ended since the last run is open."""
    note: str
    """Why its state is not the one that the last run left; empty: it is."""
    due: date | None
    """The last day that is in time; None: it is never due."""
    overdue: bool
    wants_ticket: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A finding with all that ever happened to it."""

    standing: Standing
    events: tuple[FindingEvent, ...]
    """Oldest first."""


def list_findings(store: Store, wanted: Wanted, held: Held) -> tuple[Standing, ...]:
    """Give the findings that are wanted: the worst first, of these the longest known.

    Raises:
        StoreError: the store cannot be read.
    """
    found = (_standing(each, held) for each in store.findings())
    return tuple(sorted((each for each in found if _is_wanted(each, wanted)), key=_worst_first))


def tell(store: Store, names: Sequence[str], held: Held) -> tuple[Life, ...]:
    """Give the lives of the findings of those ids, or unambiguous beginnings of ids.

    Raises:
        FindingError: there is none of a name, or several.
        StoreError: the store cannot be read.
    """
    return tuple(
        Life(
            standing=_standing(each, held),
            events=tuple(store.finding_events(each.fingerprint)),
        )
        for each in named(store.findings(), names)
    )


def named(findings: Iterable[Finding], names: Sequence[str]) -> tuple[Finding, ...]:
    """Give the findings of those ids, or unambiguous beginnings of ids; each once, in that order.

    Raises:
        FindingError: there is none of a name, or several.
    """
    known = {each.fingerprint: each for each in findings}
    found = (_one(known, each.strip().lower()) for each in names)
    return tuple({each.fingerprint: each for each in found}.values())


def _one(known: dict[str, Finding], name: str) -> Finding:
    if name in known:
        return known[name]
    if not name or set(name) - _HEXADECIMAL:
        raise FindingError(
            f"{name!r} is no id of a finding: `portproof findings list` shows them, as 3f0c2d…"
        )
    found = [each for each in known if each.startswith(name)]
    if not found:
        raise FindingError(
            f"no finding's id begins with {name}: see `portproof findings list --all`"
        )
    if len(found) > 1:
        listed = [f"{each} ({known[each].judgement.title})" for each in found[:_MOST_CANDIDATES]]
        more = len(found) - len(listed)
        rest = f", and {more} more" if more else ""
        raise FindingError(f"{name} may be {len(found)} findings: {', '.join(listed)}{rest}")
    return known[found[0]]


def _standing(finding: Finding, held: Held) -> Standing:
    note = ""
    if finding.status is FindingStatus.WAIVED:
        waivers = held.waivers()
        end = ending(finding, waivers, held.at, held.holders()) if waivers else None
        if end is not None:
            note = f"waiver {end.waiver_id} {end.told}"
            finding = replace(finding, status=FindingStatus.OPEN)
    return Standing(
        finding=finding,
        note=note,
        due=due_of(finding, held.deadlines),
        overdue=is_overdue(finding, held.deadlines, held.at),
        wants_ticket=wants_ticket(finding, held.deadlines, held.at),
    )


def _is_wanted(standing: Standing, wanted: Wanted) -> bool:
    finding = standing.finding
    severity = finding.judgement.severity or Severity.INFO
    return (
        finding.status in wanted.statuses
        and severity in wanted.severities
        and _is_theirs(finding, wanted)
        and (wanted.since is None or (finding.changed_at or finding.first_seen) >= wanted.since)
        and (standing.overdue or not wanted.overdue)
        and (standing.wants_ticket or not wanted.without_ticket)
    )


def _is_theirs(finding: Finding, wanted: Wanted) -> bool:
    owned = wanted.owner is None or finding.owner.casefold() == wanted.owner.strip().casefold()
    return owned and (wanted.zone is None or finding.judgement.subject.zone == wanted.zone)


def _worst_first(standing: Standing) -> tuple[int, datetime, str]:
    finding = standing.finding
    severity = finding.judgement.severity or Severity.INFO
    return (-severity.rank, finding.first_seen, finding.fingerprint)
