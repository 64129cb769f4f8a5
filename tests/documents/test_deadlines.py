"""The section `findings` of the configuration: what it says, and what it leaves to the defaults."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from documents.writing import faults_in, written
from portproof.documents import load_settings
from portproof.model.deadlines import Calendar, Deadlines
from portproof.model.finding import Severity


def test_an_empty_section_says_the_defaults(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "findings: {}\n")).deadlines == Deadlines()


def test_each_day_may_be_decided(tmp_path: Path) -> None:
    text = """\
    findings:
      due_days: {critical: 3, admin_exposed: 5}
      ticket_days: 2
      working_days: [sunday, monday]
      holidays: [2026-12-25]
      time_zone: Europe/Berlin
      hours: {opens: "09:00", closes: "24:00"}
    """
    read = load_settings(written(tmp_path, text)).deadlines
    assert read == Deadlines(
        due_days={
            Severity.CRITICAL: 3,
            Severity.HIGH: 30,
            Severity.MEDIUM: 90,
            Severity.LOW: 180,
        },
        admin_exposed_days=5,
        ticket_days=2,
        calendar=Calendar(
            working_days=frozenset({6, 0}),
            holidays=frozenset({date(2026, 12, 25)}),
            zone=ZoneInfo("Europe/Berlin"),
            opens=time(9),
            closes=time(),
        ),
    )


@pytest.mark.parametrize(
    "section",
    [
        "{due_days: {critical: 0}}",
        "{due_days: {severe: 3}}",
        "{ticket_days: -1}",
        "{working_days: []}",
        "{working_days: [someday]}",
        "{holidays: [2027-02-29]}",
        "{time_zone: Europe/Atlantis}",
        "{time_zone: ../../etc/passwd}",
        "{time_zone: 1}",
        "{hours: {opens: '09:00', closes: '09:00'}}",
        "{hours: {opens: '9', closes: '17:00'}}",
        "{hours: {opens: '25:00', closes: '17:00'}}",
    ],
)
def test_a_section_that_makes_no_sense_is_one_fault_with_its_place(
    tmp_path: Path, section: str
) -> None:
    (fault,) = faults_in(load_settings, written(tmp_path, f"findings: {section}\n"))
    assert fault.startswith("1:")
