"""The section `findings` of `portproof.yaml`: by when they are mended, and have a ticket."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import Field

from portproof.documents.shape import Chosen, Day, OneOrMore, Shape
from portproof.model.deadlines import DUE_DAYS, Deadlines
from portproof.model.finding import Severity


class WeekDay(StrEnum):
    """Days of the week, in their order."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_Days: TypeAlias = Annotated[int, Field(ge=1, le=3650)]


class DueShape(Shape):
    """Days from the first sighting; what is left out keeps its default."""

    critical: _Days = DUE_DAYS[Severity.CRITICAL]
    high: _Days = DUE_DAYS[Severity.HIGH]
    medium: _Days = DUE_DAYS[Severity.MEDIUM]
    low: _Days = DUE_DAYS[Severity.LOW]
    admin_exposed: _Days = 14
    """At most so many for an administration interface open to an untrusted zone."""


class FindingsShape(Shape):
    """How long findings may stand."""

    due_days: DueShape = DueShape()
    """By severity; defaults: critical 7, high 30, medium 90, low 180."""
    ticket_days: Annotated[int, Field(ge=0, le=60)] = 1
    """Working days after the first sighting by whose end a finding has a ticket."""
    working_days: OneOrMore[Chosen[WeekDay]] = Field(default_factory=lambda: list(WeekDay)[:5])
    """Days of the week on which people work; left out: monday to friday."""
    holidays: list[Day] = Field(default_factory=list)
    """Days on which nobody works."""


def deadlines_of(shape: FindingsShape | None) -> Deadlines | None:
    """Give what the section says; None: there is none."""
    if shape is None:
        return None
    order = list(WeekDay)
    return Deadlines(
        due_days={each: getattr(shape.due_days, each) for each in DUE_DAYS},
        admin_exposed_days=shape.due_days.admin_exposed,
        ticket_days=shape.ticket_days,
        working_days=frozenset(map(order.index, shape.working_days)),
        holidays=frozenset(shape.holidays),
    )
