"""A comparison as it is told: what every form of `portproof diff` prints, and its JSON holds.

Plain values only, in a stable order, so that the JSON has a schema (`policies/schema/diff.schema.json`,
generated from these types). A renderer computes nothing. Times are RFC 3339 in UTC with `Z`.
"""

from __future__ import annotations

from dataclasses import dataclass

DIFF_SCHEMA = "portproof.diff/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceLine:
    """One thing in which the two sides are unlike."""

    what: str
    before: str
    after: str
    consequence: str
    """What is not compared because of it; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """One port that shows itself otherwise than on the other side."""

    kind: str
    """`opened`, `closed`, `service` and `own listener` between runs; `unapproved` and `absent`
    against the approved state."""
    endpoint: str
    before: str
    """A state, or `not approved`, `approved`, `required`."""
    after: str
    reason_before: str = ""
    reason_after: str = ""
    service_before: str = ""
    service_after: str = ""
    """What identified itself: a stranger's text."""
    note: str = ""
    """The entry that speaks of the port, or when it was last and first seen so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftLine:
    """Ports of one host that changed between states neither of which is open."""

    address: str
    transport: str
    ports: str
    """A port specification, `22,80,1000-2000`; `-` is 1 to 65535."""
    before: str
    after: str
    reason_before: str = ""
    reason_after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapLine:
    """Ports of one host of which nothing is said."""

    reason: str
    host: str
    transport: str
    ports: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BetweenLine:
    """A state that a port was seen in between the two sides, and has on neither of them."""

    endpoint: str
    state: str
    first_seen: str
    last_seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffDocument:
    """One comparison."""

    against: str
    """`run`, `approved` or `period`."""
    before: str
    """A run's id, the baseline's file, or the period `2026-07-01T00:00:00Z..2026-09-30T23:59:59Z`."""
    after: str
    """The id of the run that is compared."""
    before_at: str
    """When: the run's end, the end of the period; empty for a baseline."""
    after_at: str
    vantage: str
    zone: str
    refused: tuple[str, ...] = ()
    """Why nothing is compared; then the lists of changes are empty, and that says nothing."""
    differences: tuple[DifferenceLine, ...] = ()
    changes: tuple[ChangeLine, ...] = ()
    shifts: tuple[ShiftLine, ...] = ()
    gaps: tuple[GapLine, ...] = ()
    between: tuple[BetweenLine, ...] = ()
    notes: tuple[str, ...] = ()
    compared: int = 0
    """Endpoints that were held against each other."""
    uncompared: int = 0
    """Endpoints of the gaps."""
    schema: str = DIFF_SCHEMA

    @property
    def differs(self) -> bool:
        """Whether something changed."""
        return bool(self.changes or self.shifts)
