"""What was found wrong with a document, as a value: what `baseline lint` answers."""

from __future__ import annotations

from dataclasses import dataclass

from portproof.errors import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """One document, looked through; where it has faults, nothing else is said of it."""

    file: str
    faults: tuple[Fault, ...] = ()
    """In the order of their places."""
    files: tuple[str, ...] = ()
    """Every file that was read, the first one first."""
    entries: int = 0
    """Approved entries of the base."""
    proposed: int = 0
    environments: tuple[str, ...] = ()
