from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from portproof.documents.shape import Day, From, OneEndpoint, PortText, Until

DAYS = st.dates(date(1990, 1, 1), date(2199, 12, 31))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timedelta(minutes=minutes))


def read(field: object, value: object) -> object:
    return TypeAdapter(field).validate_python(value)


def kinds_of_error(field: object, value: object) -> set[str]:
    try:
        read(field, value)
    except ValidationError as error:
        return {each["type"] for each in error.errors()}
    return set()


@given(DAYS)
def test_a_day_is_read_as_it_is_printed(day: date) -> None:
    assert read(Day, day.isoformat()) == day
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert read(From, day.isoformat()) == midnight
    assert read(Until, day.isoformat()) == midnight + timedelta(days=1)


@given(st.datetimes(datetime(1991, 1, 1), datetime(2198, 12, 31)), ZONES)  # noqa: DTZ001 - zones follow
def test_an_instant_is_the_same_in_every_zone(naive: datetime, zone: timedelta) -> None:
    sign = "-" if zone < timedelta() else "+"
    hours, minutes = divmod(abs(zone) // timedelta(minutes=1), 60)
    text = f"{naive.isoformat('T', 'microseconds')}{sign}{hours:02d}:{minutes:02d}"
    expected = naive.replace(tzinfo=UTC) - zone
    assert read(From, text) == read(Until, text) == expected


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.text())))
def test_whatever_is_written_is_read_or_refused(value: object) -> None:
    for field in (Day, From, Until, PortText, OneEndpoint):
        assert kinds_of_error(field, value) <= {"portproof"}


@pytest.mark.parametrize("value", [443, "443", "T:22", "8000-8010", "https"])
def test_ports_are_numbers_or_text(value: object) -> None:
    assert read(PortText, value) == str(value)


@pytest.mark.parametrize("value", ["22:22", "8080:80:443", True, 1.5, {"22": 22}, None])
def test_what_may_be_read_as_another_number_is_no_port(value: object) -> None:
    with pytest.raises(ValidationError, match=r"ports|pair of numbers"):
        read(PortText, value)
