"""Doctor: what this machine can do, each gap with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from portproof.errors import (
    DocumentError,
    PortproofError,
    SettingsError,
    StoreError,
    StoreNewerError,
    StoreOutdatedError,
)


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

# The first that fits: the narrower kinds of error stand before the wider ones.
_REMEDIES: Final[tuple[tuple[type[PortproofError], str], ...]] = (
    (DocumentError, "correct each file at the place named, then run portproof doctor again"),
    (SettingsError, "correct the name in portproof.yaml, or give the option"),
    (StoreNewerError, "install the portproof that made it, or name another file: --database"),
    (StoreOutdatedError, "portproof db upgrade"),
    (StoreError, "restore a backup, or name another file: --database"),
    (PortproofError, "do what is said there, then run portproof doctor again"),
)


def examine(examinations: Iterable[Examination]) -> tuple[Diagnosis, ...]:
    """Carry out every examination; one that raises a portproof error is a broken part, not the end."""
    return tuple(_examined(part, look) for part, look in examinations)


def _examined(part: str, look: Callable[[], Diagnosis]) -> Diagnosis:
    try:
        return look()
    except PortproofError as fault:
        remedy = next(text for kind, text in _REMEDIES if isinstance(fault, kind))
        return Diagnosis(part=part, health=Health.BROKEN, found=str(fault), remedy=remedy)
