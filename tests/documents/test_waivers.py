from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.loaders import VANTAGES
from documents.writing import baseline_of, faults_in, written
from portproof.documents import load_waivers
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.waiver import Waiver, Waivers, last_instant

LEAST = {
    "id": "w-1",
    "rules": "unexpected_open",
    "reason": "waits for delivery",
    "requester": "storage team",
    "approver": "head of infrastructure",
    "begins": "2026-11-02",
    "expires": "2026-11-30",
}


def document(folder: Path, **keys: str) -> Path:
    pairs = ", ".join(f"{key}: {value}" for key, value in (LEAST | keys).items())
    return written(folder, f"waivers: [{{{pairs}}}]\n")


def waiver(folder: Path, **keys: str) -> Waiver:
    return load_waivers(document(folder, **keys)).waivers[0]


def test_a_waiver_without_selectors_covers_all_of_its_rules(tmp_path: Path) -> None:
    read = waiver(tmp_path)
    assert (read.networks, read.names, read.transport, read.ports, read.zones) == (
        (),
        (),
        None,
        None,
        (),
    )


def test_the_day_on_which_it_expires_still_counts(tmp_path: Path) -> None:
    read = waiver(tmp_path)
    assert read.in_force(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    assert not read.in_force(datetime(2026, 12, 1, tzinfo=UTC))


def test_a_whole_year_is_allowed_and_a_day_more_is_not(tmp_path: Path) -> None:
    waiver(tmp_path, begins="2026-01-01", expires="2026-12-31")
    faults = faults_in(load_waivers, document(tmp_path, begins="2026-01-01", expires="2027-01-01"))
    assert "at most 365 days" in faults[0]


@pytest.mark.parametrize(
    ("ports", "transport", "covers"),
    [
        ("22", None, (Transport.TCP, [22])),
        ("53", "udp", (Transport.UDP, [53])),
        ("53/udp", None, (Transport.UDP, [53])),
        ("[53/tcp, 53/udp]", None, (None, [53])),
    ],
)
def test_ports_without_a_transport_are_tcp_as_everywhere(
    tmp_path: Path, ports: str, transport: str | None, covers: tuple[Transport | None, list[int]]
) -> None:
    read = waiver(tmp_path, ports=ports, **({"transport": transport} if transport else {}))
    assert (read.transport, read.ports) == (covers[0], PortSet.from_iterable(covers[1]))


def test_a_transport_without_ports_covers_all_of_them(tmp_path: Path) -> None:
    read = waiver(tmp_path, transport="udp")
    assert (read.transport, read.ports) == (Transport.UDP, None)


def test_assets_of_the_baseline_are_known_when_it_is_given(tmp_path: Path) -> None:
    baseline = baseline_of(tmp_path, "ports: 443", assets="[{id: nas, addresses: 192.0.2.40}]")
    path = document(tmp_path, hosts="nas")
    assert load_waivers(path, baseline=baseline).waivers[0].networks == (ip_network("192.0.2.40"),)
    assert faults_in(load_waivers, path)


def test_zones_and_rules_are_checked_when_they_are_given(tmp_path: Path) -> None:
    path = document(tmp_path, rules="[unexpected_opn]", zones="[moon]")
    faults = faults_in(
        lambda each: load_waivers(each, vantages=VANTAGES, rules=["unexpected_open"]), path
    )
    assert ["unknown rule 'unexpected_opn'" in faults[0], "unknown zone 'moon'" in faults[1]] == [
        True,
        True,
    ]


def test_an_organisation_may_have_no_waivers(tmp_path: Path) -> None:
    path = written(tmp_path, "waivers: []\n")
    read = load_waivers(path)
    assert read == Waivers(waivers=(), digest=read.digest)
    assert len(read.digest) == 64


# ---------------------------------------------------------------- how long


def days_of(folder: Path, head: str) -> dict[str, int]:
    read = load_waivers(written(folder, f"{head}\nwaivers: []\n"))
    return {each.value: days for each, days in read.longest_days.items()}


def test_a_critical_finding_is_accepted_for_ninety_days_and_others_for_a_year(
    tmp_path: Path,
) -> None:
    days = days_of(tmp_path, "")
    assert days == {"critical": 90, "high": 365, "medium": 365, "low": 365, "info": 365}


def test_one_number_only_shortens(tmp_path: Path) -> None:
    assert days_of(tmp_path, "at_most_days: 180")["critical"] == 90
    assert days_of(tmp_path, "at_most_days: 180")["high"] == 180
    assert days_of(tmp_path, "at_most_days: 30")["critical"] == 30
    longer = written(tmp_path, "at_most_days: 366\nwaivers: []\n")
    assert faults_in(load_waivers, longer)[0].startswith("1:15 ")


def test_a_map_by_severity_may_also_lengthen(tmp_path: Path) -> None:
    days = days_of(tmp_path, "at_most_days: 60\nmaximum_days: {critical: 120, low: 730}")
    assert days == {"critical": 120, "high": 60, "medium": 60, "low": 730, "info": 60}


def test_a_waiver_may_last_as_long_as_any_severity_allows(tmp_path: Path) -> None:
    body = (LEAST | {"begins": "2026-01-01", "expires": "2027-12-31"}).items()
    text = f"maximum_days: {{low: 730}}\nwaivers: [{{{', '.join(f'{k}: {v}' for k, v in body)}}}]\n"
    assert load_waivers(written(tmp_path, text)).waivers
    faults = faults_in(load_waivers, written(tmp_path, text.replace("730", "729")))
    assert "lasts 730 days; a risk is accepted for at most 729 days at a time" in faults[0]


def test_an_instant_too_many_is_said_as_such(tmp_path: Path) -> None:
    path = document(tmp_path, begins="2026-01-01T00:00:00Z", expires="2027-01-01T00:00:01Z")
    assert "lasts 365 days and 0:00:01" in faults_in(load_waivers, path)[0]


# ---------------------------------------------------------------- instants

ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59)
"""Minutes east of UTC, as RFC 3339 §5.6 can write them."""


def begins_the_day_before(instant: datetime) -> str:
    return (instant - timedelta(days=1)).astimezone(UTC).isoformat()


@settings(max_examples=60)
@given(st.timedeltas(timedelta(), timedelta(days=207 * 365)), ZONES)
def test_an_instant_is_the_same_whatever_zone_it_is_written_in(past: timedelta, east: int) -> None:
    instant = datetime(1991, 1, 1, tzinfo=UTC) + past
    written_there = instant.astimezone(timezone(timedelta(minutes=east))).isoformat()
    with TemporaryDirectory() as folder:
        read = waiver(
            Path(folder), begins=f"'{begins_the_day_before(instant)}'", expires=f"'{written_there}'"
        )
    assert read.expires == instant
    assert read.in_force(last_instant(read.expires))
    assert not read.in_force(read.expires)


@settings(max_examples=60)
@given(st.dates(date(1991, 1, 1), date(2198, 12, 31)))
def test_a_bare_date_holds_from_its_first_to_its_last_instant_in_utc(day: date) -> None:
    with TemporaryDirectory() as folder:
        read = waiver(Path(folder), begins=day.isoformat(), expires=day.isoformat())
    midnight = datetime.combine(day, time(), UTC)
    last = datetime.combine(day, time(23, 59, 59, 999_999), UTC)
    assert (read.begins, last_instant(read.expires)) == (midnight, last)
    assert read.in_force(midnight)
    assert read.in_force(last)
    assert not read.in_force(midnight - timedelta(microseconds=1))
    assert not read.in_force(last + timedelta(microseconds=1))


@pytest.mark.parametrize("day", ["2028-02-29", "2000-02-29"])
def test_a_leap_day_is_a_day(tmp_path: Path, day: str) -> None:
    read = waiver(tmp_path, begins=day, expires=day)
    assert read.expires - read.begins == timedelta(days=1)
    assert read.expires.date().isoformat().endswith("-03-01")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2027-02-29", "there is no day 2027-02-29 in the calendar"),
        ("2100-02-29", "there is no day 2100-02-29 in the calendar"),
        ("2026-12-31T23:59:60Z", "is a leap second, which no clock here counts; write second 59"),
        ("2026-12-31T24:00:00Z", "expected"),
        ("2026-12-31T12:00:00", "the time zone is missing"),
        ("2026-12-31T12:00:00+24:00", "there is no instant"),
        ("2026-12-31T12:00Z", "expected"),
    ],
)
def test_what_is_no_instant_is_said_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    (fault,) = faults_in(load_waivers, document(tmp_path, expires=f"'{text}'"))
    assert fault.startswith("1:")
    assert problem in fault


def test_a_waiver_may_name_a_target_of_a_source(tmp_path: Path) -> None:
    held = waiver(tmp_path, hosts="[id:cmdb/web-1, 10.0.0.1-4]")
    assert (held.ids, held.names) == (("cmdb/web-1",), ())
    assert held.ranged == {ip_network("10.0.0.1"), ip_network("10.0.0.4")}
