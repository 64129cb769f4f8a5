"""Who held an address when, as the sources list it: for whom what names an address was meant.

An approval or a waiver that names an address is meant for the target that had it on that day. The
next owner of the address is another target, and nothing that was approved for the first holds for
it. Where the lists leave a choice, the answer is the one that lets less pass:

- A day is held against its first instant, so that an address which changes hands on the day of its
  approval stays approved for whoever had it in the morning.
- Where nobody had the address on that day, as far as is known, it is meant for the next who is
  listed with it; without a day, for the first who ever was.
- Each source speaks for itself: one that goes on listing the same id does not outweigh another
  that says that the machine behind it is a new one.
- Where nobody has the address any more, it is still meant for a target that has retired (a finding
  of its own says that it answers), and not for one that has moved on to another address.

What names an id follows that id. Without an inventory nobody held anything, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from portproof.model.endpoint import Address
from portproof.model.inventory import KnownTarget
from portproof.policy.dated import as_of, over

_FIRST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HandedOn:
    """That an address is no longer with the one for whom something was meant."""

    meant_for: str
    """Who had it then (`cmdb/web-1`)."""
    until: datetime
    """When a list first had that target without it, or the target no more."""
    now: tuple[str, ...]
    """Who has it now; empty where no source lists it."""

    def __str__(self) -> str:
        now = f"it now belongs to {', '.join(self.now)}" if self.now else "no source lists it now"
        return f"{self.meant_for}, which had this address until {self.until:%Y-%m-%d}; {now}"


@dataclass(frozen=True, slots=True)
class _Tenure:
    """One target's time with one address, as known at the instant of the holders."""

    target: KnownTarget
    since: datetime
    last: datetime
    """When it was last listed with it."""
    end: datetime | None
    """The first instant at which it no longer had it; None while it has, or is retired with it."""

    @property
    def key(self) -> str:
        return self.target.key

    @property
    def retired(self) -> bool:
        return self.end is None and self.target.retired_at is not None

    @property
    def present(self) -> bool:
        return self.end is None and self.target.retired_at is None

    @property
    def left(self) -> datetime | None:
        """When it was over, as far as lists tell; None while the target is listed with it."""
        return self.end or self.target.retired_at

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.left is None or at < self.left)


_Tenures = Sequence[_Tenure]


class Holders:
    """Who holds and held which address, as known at one instant; made once per evaluation.

    Nearly all addresses have one holder and no history: for those a question is one look-up.
    """

    def __init__(self, known: Iterable[KnownTarget] = (), at: datetime | None = None) -> None:
        """Index the targets as the lists tell at an instant (None: by all that they tell)."""
        tenures: dict[Address, list[_Tenure]] = {}
        for each in known if at is None else as_of(known, at):
            for address, tenure in _tenures(each):
                tenures.setdefault(address, []).append(tenure)
        self._now = {address: _now(held) for address, held in tenures.items()}
        self._contested = {
            address: held
            for address, held in tenures.items()
            if len(held) > 1 or not self._now[address]
        }

    def ids(self, address: Address) -> tuple[str, ...]:
        """Give the ids that have an address now; of retired ones, where nobody else has it."""
        return _keys(self._now.get(address, ()))

    def retired(self, address: Address) -> tuple[KnownTarget, ...]:
        """Give the retired targets that had an address last, where nobody has it now."""
        held = self._now.get(address, ())
        return tuple(each.target for each in held if each.retired)

    def has_history(self, address: Address) -> bool:
        """Whether more than one target ever had the address, or the only one has it no more."""
        return bool(self._contested) and address in self._contested

    def handed_on(self, address: Address, meant: date | datetime | None) -> HandedOn | None:
        """Say whether an address has left the one whom something was meant for at that time.

        None: it has not, as far as is known. `meant` is a day or an instant; None: nobody said when.
        """
        held = self._contested.get(address, ())
        if not held:
            return None
        at = _instant(meant)
        by_source = _by_source(held)
        intended = {source: _meant(each, at) for source, each in by_source.items()}
        ever = {each.key for each in _meant(held, at)}
        for source, those in sorted(intended.items()):
            if those and _has_left(those, by_source[source], held, ever):
                last = max(those, key=lambda each: each.left or _FIRST)
                return HandedOn(last.key, last.left or last.last, _keys(_listed(held)))
        return None

    def successor(self, address: Address) -> str:
        """Give the id that an address belongs to now that it is not its first holder's any more.

        Empty while it is, and where nothing is known of it.
        """
        handed = self.handed_on(address, None)
        return handed.now[0] if handed is not None and handed.now else ""


def _tenures(known: KnownTarget) -> Iterator[tuple[Address, _Tenure]]:
    for span in known.spans:
        yield span.address, _Tenure(known, span.since, span.last, over(known, span))


def _now(held: _Tenures) -> tuple[_Tenure, ...]:
    """Give who has it: those that are listed with it, else those that retired with it."""
    return _listed(held) or _lingering(held)


def _listed(held: _Tenures) -> tuple[_Tenure, ...]:
    """Give those that are listed with it, less those whose source lists another one since.

    A suddenly short list retires nobody; the address of one that it lacks may be another's in it.
    """
    present = [each for each in held if each.present]
    newest = {each.target.source: each.since for each in sorted(present, key=_since)}
    return tuple(each for each in present if newest[each.target.source] <= each.last)


def _lingering(held: _Tenures) -> tuple[_Tenure, ...]:
    """Give those that retired with it, less those after which another one had it."""
    newest = max((each.since for each in held), default=_FIRST)
    return tuple(
        each
        for each in held
        if each.retired and (each.since == newest or (each.left or newest) > newest)
    )


def _since(tenure: _Tenure) -> datetime:
    return tenure.since


def _keys(held: _Tenures) -> tuple[str, ...]:
    return tuple(sorted({each.key for each in held}))


def _by_source(held: _Tenures) -> Mapping[str, _Tenures]:
    by_source: dict[str, list[_Tenure]] = {}
    for each in held:
        by_source.setdefault(each.target.source, []).append(each)
    return by_source


def _instant(meant: date | datetime | None) -> datetime:
    if meant is None:
        return _FIRST
    return meant if isinstance(meant, datetime) else datetime.combine(meant, time(), UTC)


def _meant(held: _Tenures, at: datetime) -> _Tenures:
    """Give those that had the address then, else the next that were listed with it."""
    then = [each for each in held if each.holds(at)]
    if then:
        return then
    later = [each for each in held if each.since > at]
    first = min((each.since for each in later), default=at)
    return [each for each in later if each.since == first]


def _has_left(those: _Tenures, same_source: _Tenures, held: _Tenures, ever: set[str]) -> bool:
    """Whether none of those that were meant has the address, seen by their own source.

    `held` are all that ever had it, `ever` those that were meant by the word of all sources.
    """
    meant = {each.key for each in those}
    here = {each.key for each in _listed(same_source)}
    if here:
        return meant.isdisjoint(here)
    anywhere = {each.key for each in _listed(held)}
    if anywhere:
        return ever.isdisjoint(anywhere)
    return meant.isdisjoint(each.key for each in _lingering(held))
