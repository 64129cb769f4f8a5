"""Business days: which instant lies so many of them after another. Pure.

A business day is a working day of the calendar that is no holiday, from opening to closing time
where the people are (`Calendar.zone`). What is seen before a day opens belongs to the day before,
so that this day counts in full; hence between an instant and the end of its n-th business day lie
exactly n whole business days, and never n + 1::

      Thu        Fri        Sat   Sun   Mon
    ├──────┤   ├──x───┤                ├──────┤ ◄ end of the first business day after x
               x seen                  whole
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from portproof.model.deadlines import Calendar

_DAY = timedelta(days=1)


def is_business_day(day: date, calendar: Calendar) -> bool:
    """Whether people work on a day of the calendar's place."""
    return day.weekday() in calendar.working_days and day not in calendar.holidays


def business_day_after(day: date, number: int, calendar: Calendar) -> date:
    """Give the last of the `number` business days that follow a day; the day itself for 0."""
    while number > 0:
        day += _DAY
        number -= is_business_day(day, calendar)
    return day


def end_after(at: datetime, number: int, calendar: Calendar) -> datetime:
    """Give the first instant (UTC) after the `number` business days that follow an instant.

    For 0 that is the end of the day on which it lies, a business day or not; never before `at`.
    """
    day = business_day_after(_belongs_to(at, calendar), number, calendar)
    return max(closing(day, calendar), at.astimezone(UTC))


def opening(day: date, calendar: Calendar) -> datetime:
    """Give the instant (UTC) at which a day opens."""
    return datetime.combine(day, calendar.opens, calendar.zone).astimezone(UTC)


def closing(day: date, calendar: Calendar) -> datetime:
    """Give the first instant (UTC) after a day's hours; midnight closes the day that it ends."""
    if calendar.closes == time():
        day += _DAY
    return datetime.combine(day, calendar.closes, calendar.zone).astimezone(UTC)


def _belongs_to(at: datetime, calendar: Calendar) -> date:
    local = at.astimezone(calendar.zone)
    return local.date() if local.time() >= calendar.opens else local.date() - _DAY
