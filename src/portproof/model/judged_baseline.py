"""What a run was judged by: every entry of the baseline as it was then, and what is read back of it.

Git can be rewritten, and a file edited before it is committed. What runs recorded cannot: it is part
of the append-only log, so that each version of an entry that ever counted is kept, whatever became of
the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Recorded: TypeAlias = "Mapping[str, Recorded] | Sequence[Recorded] | str | int | bool | None"
"""Plain values, as JSON has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBaseline:
    """A baseline at the moment that a run was judged by it."""

    scope: str
    environment: str
    commit: str
    """The commit that was checked out; empty where git could not tell."""
    anchor: str
    """The commit that later runs hold the history against (`Provenance.anchor`); may be empty."""
    entries: Mapping[str, Recorded]
    """By id: `policy.approval_record` says what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedVersion:
    """One entry in a row of judgings that it was the same in."""

    content: Mapping[str, Recorded] | None
    """None: there was no such entry then."""
    digest: str
    """Of its canonical content, lower-case hex SHA-256; empty without an entry."""
    touched: Mapping[str, Recorded]
    """`commit`, `author`, `at`, `why` of the commit that last touched it; empty where it was not
    committed, or git could not tell."""
    first_run: str
    first_at: datetime
    """When it was judged, not when the run was."""
    last_run: str
    last_at: datetime
    judgings: int
