"""Doctor: what this machine can do, each gap with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from portproof.errors import PortproofError


class Health(StrEnum):
    """How a part of the machine stands."""

    GOOD = "good"
    LIMITED = "limited"
    """portproof works, with less: what less is said."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One part looked at: what was found, and what to do where it is not good."""

    part: str
    health: Health
    found: str
    remedy: str = ""


Examination = tuple[str, Callable[[], Diagnosis]]


def examine(examinations: Iterable[Examination]) -> tuple[Diagnosis, ...]:
    """Carry out every examination; one that raises a portproof error is a broken part, not the end."""
    return tuple(_examined(part, look) for part, look in examinations)


def _examined(part: str, look: Callable[[], Diagnosis]) -> Diagnosis:
    try:
        return look()
    except PortproofError as fault:
        return Diagnosis(
            part=part, health=Health.BROKEN, found=str(fault), remedy="mend what is named"
        )
