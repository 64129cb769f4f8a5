"""The section `findings` of `portproof.yaml`: by when they are mended, and have a ticket."""

from __future__ import annotations

import re
from datetime import UTC, time, tzinfo
from enum import StrEnum
from typing import Annotated, Final, NoReturn, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from portproof.documents.reading import Reading
from portproof.documents.shape import Chosen, Day, OneOrMore, Parsed, Shape, refuse
from portproof.documents.wording import found
from portproof.model.deadlines import DUE_DAYS, Calendar, Deadlines
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


_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def _clock_time(value: object) -> time:
    if isinstance(value, str) and _TIME.fullmatch(value):
        return time() if value == "24:00" else time.fromisoformat(value)
    raise refuse(f"expected a time of day as 09:00, found {found(value)}")


def _zone(value: object) -> tzinfo:
    try:
        return ZoneInfo(value) if isinstance(value, str) else _no_zone(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _no_zone(value)


def _no_zone(value: object) -> NoReturn:
    raise refuse(
        f"expected a time zone of the IANA database as Europe/Berlin, found {found(value)}"
    )


_Days: TypeAlias = Annotated[int, Field(ge=1, le=3650)]
ClockTime: TypeAlias = Annotated[
    time, Parsed(_clock_time, {"type": "string", "pattern": _TIME.pattern})
]
Zone: TypeAlias = Annotated[tzinfo, Parsed(_zone, {"type": "string"})]


class HoursShape(Shape):
    """The hours of a working day."""

    opens: ClockTime
    """Such as 09:00."""
    closes: ClockTime
    """Such as 17:00, later than it opens; 24:00 for the end of the day."""


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
    """Business days after the first sighting by whose end a finding has a ticket."""
    working_days: OneOrMore[Chosen[WeekDay]] = Field(default_factory=lambda: list(WeekDay)[:5])
    """Days of the week on which people work; left out: monday to friday."""
    holidays: list[Day] = Field(default_factory=list)
    """Days on which nobody works."""
    time_zone: Zone | None = None
    """Where the working days and hours are, such as Europe/Berlin; left out: UTC."""
    hours: HoursShape | None = None
    """The hours of a working day; left out: all of it."""


def deadlines_of(reading: Reading, shape: FindingsShape | None) -> Deadlines | None:
    """Give what the section says; None: there is none. Faults of meaning go to the reading."""
    if shape is None:
        return None
    order = list(WeekDay)
    opens, closes = (shape.hours.opens, shape.hours.closes) if shape.hours else (time(), time())
    if time() < closes <= opens:
        reading.fault(("findings", "hours", "closes"), "a day closes later than it opens")
    return Deadlines(
        due_days={each: getattr(shape.due_days, each) for each in DUE_DAYS},
        admin_exposed_days=shape.due_days.admin_exposed,
        ticket_days=shape.ticket_days,
        calendar=Calendar(
            working_days=frozenset(map(order.index, shape.working_days)),
            holidays=frozenset(shape.holidays),
            zone=shape.time_zone or UTC,
            opens=opens,
            closes=closes,
        ),
    )
