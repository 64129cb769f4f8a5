"""How far a run has drawn its probes: what a later run has to count as asked, perhaps.

Probe numbers are those of the plan's order (`plan.order`): the same plan with the same seed has
the same numbers, so a few stretches of them say which endpoints may have been sent to, whatever
their number. "Drawn" is always the larger claim: a number that was drawn may not have been sent
yet; one that was sent has been drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portproof.model.endpoint import Transport


@dataclass(frozen=True, slots=True)
class Stretch:
    """The probe numbers `begin` ... `end - 1`."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What was drawn of the order over one transport, by a run and by those that it continues."""

    transport: Transport
    size: int
    """Probes in the whole order; another size is another order, whose numbers mean nothing here."""
    stretches: tuple[Stretch, ...]
    """Ascending, apart from each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What a run took over from the one that it continues."""

    run_id: str
    since: datetime
    """The beginning of the first run that something was carried over from."""
    until: datetime
    """The end of the run that is continued: nothing was carried over that is younger."""


def joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Give the same numbers as ascending stretches that are apart from each other."""
    merged: list[Stretch] = []
    for each in sorted(stretches, key=lambda each: (each.begin, each.end)):
        if each.end <= each.begin:
            continue
        if merged and each.begin <= merged[-1].end:
            merged[-1] = Stretch(merged[-1].begin, max(merged[-1].end, each.end))
        else:
            merged.append(each)
    return tuple(merged)
