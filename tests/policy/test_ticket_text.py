"""What tickets say: bounded, visible, and told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

import factories as make
from portproof.model.finding import ClosedBy, FindingEvent, Severity
from portproof.model.finding import FindingEventKind as Kind
from portproof.policy.ticket_text import LONGEST_TITLE, draft_of, mark_of, note_of, one_line

GONE = FindingEvent(
    finding="3f0c2d1a5b6e7788",
    kind=Kind.RESOLVED,
    at=make.NOON,
    run_id="run-1",
    severity=Severity.HIGH,
    because="10.0.0.5:23/tcp was closed, which conforms",
    closed_by=ClosedBy.RESCAN,
)


@given(st.text(), st.integers(2, 40))
def test_any_text_becomes_one_bounded_line_of_visible_characters(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line) <= most
    assert all(each.isprintable() or each.isspace() for each in line)
    assert not set("\n\r\t\x1b\u202e\u2028") & set(line)
    line.encode("utf-8")


@given(title=st.text(), because=st.text(), owner=st.text())
def test_no_text_of_a_finding_makes_a_ticket_too_long(title: str, because: str, owner: str) -> None:
    draft = draft_of(make.finding(make.judgement(title=title, because=because, owner=owner)), None)
    assert len(draft.title) <= LONGEST_TITLE
    assert all(value and "\n" not in value for _, value in draft.lines)


def test_a_ticket_says_what_its_reader_needs() -> None:
    told = dict(draft_of(make.finding(), date(2026, 12, 24)).lines)
    assert told["Due"] == "2026-12-24"
    assert told["Finding"] == make.finding().fingerprint
    assert {"What was seen", "Where", "Severity", "First seen"} <= told.keys()


def test_each_event_has_a_mark_of_its_own() -> None:
    others = (
        replace(GONE, finding="0000000000000000"),
        replace(GONE, kind=Kind.REOPENED),
        replace(GONE, run_id="run-2"),
    )
    assert len({mark_of(each) for each in (GONE, *others)}) == 4
    assert mark_of(GONE) == mark_of(replace(GONE, because="said otherwise"))


def test_a_comment_tells_the_last_ten_changes_and_how_many_came_before() -> None:
    note = note_of([replace(GONE, run_id=f"run-{each}") for each in range(12)])
    assert note.lines[0].startswith("2 earlier changes")
    assert len(note.lines) == 11
    assert note.lines[-1].startswith("2026-11-21T12:00:00Z It is gone (rescan): 10.0.0.5")
