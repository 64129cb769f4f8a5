"""What tickets and their comments say. Pure: plain lines, which each ticket system writes its way.

Titles and reasons quote peers, and documents quote people: each text here is one line in which every
character can be seen, and bounded. What has a meaning in a system's own markup is that adapter's
matter.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from portproof.model.finding import (
    Finding,
    FindingEvent,
    FindingEventKind,
    Severity,
)
from portproof.model.ticket import TicketDraft, TicketNote
from portproof.policy.subjects import endpoints_of
from portproof.policy.wording import instant

LONGEST_TITLE: Final = 160
"""Characters: ServiceNow's short_description holds 160 (Jira's summary 255)."""
_LONGEST_VALUE: Final = 600
_MOST_ENDPOINTS: Final = 20
_MOST_LINES: Final = 10
"""Lines of news in one comment; of more the last ones are told, and how many came before."""
_MARK_DIGITS: Final = 12
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a glyph: controls, bidi overrides, lone surrogates."""

_NEWS: Final = {
    FindingEventKind.REOPENED: "It is back",
    FindingEventKind.FIX_REFUTED: "It is still there",
    FindingEventKind.WAIVED: "It is accepted for now",
    FindingEventKind.WAIVER_ENDED: "It is no longer accepted, and open again",
    FindingEventKind.RESOLVED: "It is gone",
    FindingEventKind.FALSE_POSITIVE: "It was closed as a false positive",
}
NEWS: Final = frozenset(_NEWS)
"""Events of a finding that its ticket is told."""


def draft_of(finding: Finding, due: date | None) -> TicketDraft:
    """Give the ticket to be opened for a finding; `due` None: it is never due."""
    judged = finding.judgement
    severity = judged.severity or Severity.INFO
    lines = ((name, one_line(value)) for name, value in _lines(finding, due))
    return TicketDraft(
        mark=finding.fingerprint,
        title=one_line(f"{severity}: {judged.title}", LONGEST_TITLE),
        lines=tuple((name, value) for name, value in lines if value),
        severity=severity,
        due=due,
    )


def note_of(events: Sequence[FindingEvent]) -> TicketNote:
    """Give the comment that tells what happened to a finding, oldest first; there is something."""
    lines = [_told(each) for each in events[-_MOST_LINES:]]
    more = len(events) - len(lines)
    if more > 0:
        lines.insert(0, f"{more} earlier changes are in portproof's own record of the finding.")
    return TicketNote(mark=mark_of(events[-1]), lines=tuple(lines))


def mark_of(event: FindingEvent) -> str:
    """Give what tells the comment on an event from all others, on any ticket."""
    parts = (event.finding, event.kind, instant(event.at), event.run_id, event.value)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:_MARK_DIGITS]


def one_line(text: str, most: int = _LONGEST_VALUE) -> str:
    r"""Give a text as one line of at most `most` characters; what cannot be seen is its escape.

    Line ends and tabs become spaces, `ESC` becomes `\x1b`, a right-to-left override `\u202e`.
    """
    kept = " ".join(text[: 4 * most].split())
    shown = "".join(map(_visible, kept))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    return ascii(character)[1:-1]


def _lines(finding: Finding, due: date | None) -> Iterator[tuple[str, str]]:
    judged = finding.judgement
    yield "Finding", finding.fingerprint
    yield "What was seen", judged.because
    yield "Where", _where(finding)
    yield "Asset", judged.subject.asset
    yield "Severity", str(judged.severity or Severity.INFO)
    yield "What to do", judged.action
    yield "Owner", finding.owner
    yield "First seen", instant(finding.first_seen)
    yield "Last seen", f"{instant(finding.last_seen)} (run {finding.run_id})"
    yield "Due", due.isoformat() if due else ""
    yield "Baseline", _baseline(finding)
    yield "Controls", ", ".join(judged.controls)
    yield (
        "When this ticket is closed",
        "a fix is claimed; only a later run that no longer sees it closes the finding",
    )


def _where(finding: Finding) -> str:
    judged = finding.judgement
    endpoints = [str(each) for each in endpoints_of(judged)]
    listed = ", ".join(endpoints[:_MOST_ENDPOINTS])
    more = len(endpoints) - _MOST_ENDPOINTS
    told = f"{listed} and {more} more" if more > 0 else listed
    return f"{told} from {judged.subject.zone}" if told and judged.subject.zone else told


def _baseline(finding: Finding) -> str:
    judged = finding.judgement
    place = judged.location
    at = f" ({place.file}:{place.line})" if place else ""
    return f"entry {judged.entry_id}{at}" if judged.entry_id else at.strip(" ()")


def _told(event: FindingEvent) -> str:
    by = f" ({event.closed_by})" if event.closed_by else ""
    because = f": {event.because}" if event.because else "."
    return one_line(f"{instant(event.at)} {_NEWS[event.kind]}{by}{because}")
