"""Business days: as many whole ones lie before a deadline as were given, and no more."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.deadlines import Calendar
from portproof.policy.business_days import (
    business_day_after,
    closing,
    end_after,
    is_business_day,
    opening,
)

OFFICE = Calendar(opens=time(9), closes=time(17), zone=ZoneInfo("Europe/Berlin"))
YEARS = {"min_value": datetime(2000, 1, 1), "max_value": datetime(2100, 1, 1)}  # noqa: DTZ001 - naive bounds, as the strategy wants them
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Chatham", "Australia/Lord_Howe")

calendars = st.builds(
    Calendar,
    working_days=st.frozensets(st.integers(0, 6), min_size=1),
    holidays=st.frozensets(st.dates(date(2000, 1, 1), date(2100, 1, 1)), max_size=5),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    opens=st.times(max_value=time(11)),
    closes=st.one_of(st.just(time()), st.times(min_value=time(12))),
)
instants = st.datetimes(**YEARS, timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("seen", "end"),
    [
        ("2026-11-20T10:00:00+01:00", "2026-11-23T17:00:00+01:00"),  # Friday, in hours: Monday
        ("2026-11-20T20:00:00+01:00", "2026-11-23T17:00:00+01:00"),  # Friday evening: the same
        ("2026-11-22T12:00:00+01:00", "2026-11-23T17:00:00+01:00"),  # Sunday: the same
        ("2026-11-23T03:00:00+01:00", "2026-11-23T17:00:00+01:00"),  # before it opens: all of it
        ("2026-11-23T09:00:00+01:00", "2026-11-24T17:00:00+01:00"),  # it has begun: the next one
        (
            "2026-03-27T10:00:00+01:00",
            "2026-03-30T17:00:00+02:00",
        ),  # over the change to summer time
    ],
)
def test_one_business_day_ends_at_closing_time_where_the_people_are(seen: str, end: str) -> None:
    assert end_after(at(seen), 1, OFFICE) == at(end)


def test_no_day_at_all_ends_with_the_day_of_the_sighting_and_never_before_it() -> None:
    assert end_after(at("2026-11-20T10:00:00+01:00"), 0, OFFICE) == at("2026-11-20T17:00:00+01:00")
    evening = at("2026-11-20T20:00:00+01:00")
    assert end_after(evening, 0, OFFICE) == evening


def test_without_hours_a_day_is_all_of_it() -> None:
    friday_night = at("2026-11-20T23:59:59+00:00")
    assert end_after(friday_night, 1, Calendar()) == at("2026-11-24T00:00:00+00:00")


@given(instants, st.integers(1, 8), calendars)
def test_between_an_instant_and_its_deadline_lie_as_many_whole_business_days_as_were_given(
    seen: datetime, number: int, calendar: Calendar
) -> None:
    end = end_after(seen, number, calendar)
    first = seen.astimezone(calendar.zone).date() - timedelta(days=1)
    last = end.astimezone(calendar.zone).date() + timedelta(days=1)
    days = (first + timedelta(days=each) for each in range((last - first).days + 1))
    whole = [
        day
        for day in days
        if is_business_day(day, calendar)
        and seen < opening(day, calendar)
        and closing(day, calendar) <= end
    ]
    assert len(whole) == number
    assert closing(whole[-1], calendar) == end


@given(instants, st.timedeltas(timedelta(), timedelta(days=9)), st.integers(0, 8), calendars)
def test_what_is_seen_later_is_due_no_earlier(
    seen: datetime, later: timedelta, number: int, calendar: Calendar
) -> None:
    assert end_after(seen, number, calendar) <= end_after(seen + later, number, calendar)


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.integers(0, 20),
    st.sets(st.integers(0, 6), min_size=1),
    st.sets(st.dates(date(2000, 1, 1), date(2100, 1, 1)), max_size=5),
)
def test_a_deadline_in_business_days_falls_on_one_and_leaves_as_many_between(
    day: date, days: int, working: set[int], holidays: set[date]
) -> None:
    own = Calendar(working_days=frozenset(working), holidays=frozenset(holidays))
    last = business_day_after(day, days, own)
    between = [day + timedelta(days=each) for each in range(1, (last - day).days + 1)]
    worked = [each for each in between if each.weekday() in working and each not in holidays]
    assert len(worked) == days
    assert last == (worked[-1] if worked else day)
