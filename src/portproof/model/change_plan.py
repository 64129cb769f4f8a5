"""What a changed baseline would do, before it is merged: findings of a plan, and as they are told.

The lower half is plain values in a stable order, so that the JSON has a schema
(`policies/schema/plan.schema.json`, generated from these types).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portproof.model.baseline import BaselineEntry, SourceLocation
from portproof.model.drift import Gap
from portproof.model.endpoint import Endpoint
from portproof.model.observation import PortState

PLAN_SCHEMA = "portproof.baseline-plan/1"


class Effect(StrEnum):
    """What a change does to an observed port."""

    BECOMES_APPROVED = "becomes approved"
    BECOMES_UNAPPROVED = "becomes unapproved"
    BECOMES_MISSING = "becomes required and does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortEffect:
    """One observed port that the change judges otherwise."""

    effect: Effect
    endpoint: Endpoint
    state: PortState
    service: str
    """What identified itself, a stranger's text; empty when nothing did."""
    entry: BaselineEntry
    """Of the new baseline where it is approved or required, else of the old one."""
    kept: BaselineEntry | None
    """The entry of that id in the new baseline; None when it was removed."""


class WeakeningKind(StrEnum):
    """In which way a change lets more through, or asks for less."""

    NEW_ENTRY = "new entry"
    MORE_ZONES = "more zones"
    MORE_HOSTS = "more hosts"
    MORE_PORTS = "more ports"
    LONGER = "longer validity"
    NOT_REQUIRED = "required becomes allowed"
    REQUIREMENT_DROPPED = "requirement dropped"
    LOWER_TLS = "TLS floor lowered"
    ANY_SERVICE = "service no longer named"
    NO_MITIGATION = "mitigation dropped"
    FEWER_APPROVALS = "fewer approvals needed"
    UNPROTECTED = "no longer protected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakening:
    """One way in which zones weaken."""

    kind: WeakeningKind
    subject: str
    """The entry's id, or the zone's name."""
    zones: tuple[str, ...]
    """From which zones more is let through, or less is asked for."""
    detail: str
    location: SourceLocation | None
    """In the new baseline; None for what was removed from it."""


class LackKind(StrEnum):
    """What an entry lacks."""

    APPROVER = "no approver"
    END = "no end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """An approved entry of the new baseline without an approver, or without an end."""

    kind: LackKind
    entry: BaselineEntry
    changed: bool
    """Whether the change brought or touched the entry; otherwise it lacked this before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """Everything that a change of the baseline would do."""

    effects: tuple[PortEffect, ...]
    gaps: tuple[Gap, ...]
    """Ports that the change judges otherwise, and whose state the run does not tell."""
    weakenings: tuple[Weakening, ...]
    lacks: tuple[Lack, ...]
    removed: tuple[BaselineEntry, ...]
    unseen: tuple[BaselineEntry, ...]
    """New or touched entries for zones that the run did not look from, or hosts it did not ask."""


# ---------------------------------------------------------------- as it is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line that exists: a path below the root of the repository, with forward slashes; 1-based."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One statement of a plan."""

    rule: str
    """`port-becomes-approved`, `zone-weakens`, `approver-missing`: stable."""
    subject: str
    """The endpoint, the entry's id or the zone's name."""
    text: str
    """A whole sentence; it may quote a stranger's banner."""
    zones: tuple[str, ...]
    changed: bool
    """False: it was so before this change."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanGap:
    """Ports of one host about which the run tells nothing."""

    reason: str
    host: str
    transport: str
    ports: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDocument:
    """One plan."""

    base: str
    """A file, or a revision with its file, `origin/main:baseline.yaml`."""
    new: str
    run: str
    """The run whose observations are judged; empty where none was named."""
    zone: str
    """The zone that the run looked from; empty without a run."""
    day: str
    """The day that approvals are held against."""
    tool_version: str
    lines: tuple[PlanLine, ...]
    gaps: tuple[PlanGap, ...]
    notes: tuple[str, ...]
    schema: str = PLAN_SCHEMA

    def of(self, *rules: str) -> tuple[PlanLine, ...]:
        """Give the lines of some rules."""
        return tuple(each for each in self.lines if each.rule in rules)

    @property
    def changes_anything(self) -> bool:
        """Whether the change does anything that a reviewer must look at."""
        return any(each.changed for each in self.lines)
