"""Findings for a terminal: a table of many, and the whole life of one.

Each cell is a `Text` of `visible` characters: titles and reasons quote peers and people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from portproof.model.custom_rule import is_custom
from portproof.model.finding import Finding, FindingEvent, FindingEventKind, Judgement
from portproof.policy.subjects import endpoints_of
from portproof.policy.wording import counted, instant
from portproof.render.neutral import JUDGED_LIMIT, visible
from portproof.usecases.findings import Life, Standing

_ID_WIDTH: Final = 16
_STYLE: Final = {"critical": "bold white on red", "high": "bold red", "medium": "bold yellow"}
_MOST_ENDPOINTS: Final = 3
_INDENT: Final = 4


def standing_table(standing: Sequence[Standing], limit: int) -> RenderableType:
    """Give the first findings in their order, and below how many there are in all; or that none is."""
    if not standing:
        return Text("no such finding")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("id", no_wrap=True, min_width=_ID_WIDTH)
    table.add_column("severity", no_wrap=True)
    table.add_column("status", overflow="fold", max_width=14)
    table.add_column("due", overflow="fold", max_width=10)
    table.add_column("what", overflow="fold", ratio=1)
    for each in standing[:limit]:
        table.add_row(*_cells(each))
    overdue = sum(each.overdue for each in standing)
    late = f", {overdue} of them overdue" if overdue else ""
    told = f"{counted(len(standing), 'finding')}{late}"
    if len(standing) > limit:
        told = f"{told}; the first {limit} are shown, and all of them in every --format but table"
    return Group(table, Text(told))


def life_told(life: Life) -> RenderableType:
    """Give everything about one finding: what it is, how it stands, and each of its events."""
    standing = life.standing
    judged = standing.finding.judgement
    head = Text(f"{standing.finding.fingerprint}  {judged.severity}  {_status(standing)}", "bold")
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold", ratio=1)
    for name, value in _facts(standing):
        facts.add_row(Text(name), Text(visible(value)))
    events = [_event_told(event, times) for event, times in _collapsed(life.events)]
    return Group(head, Text(visible(judged.title)), facts, Text(), *events)


def _cells(standing: Standing) -> tuple[Text, ...]:
    finding = standing.finding
    judged = finding.judgement
    severity = str(judged.severity or "")
    due = standing.due.isoformat() if standing.due else ""
    told = [judged.title, _where(judged)]
    told += [f"owner: {finding.owner}"] if finding.owner else []
    told += [f"ticket: {finding.ticket}"] if finding.ticket else []
    return (
        Text(finding.fingerprint),
        Text(severity, style=_STYLE.get(severity, "")),
        Text(_status(standing)),
        Text(f"{due} overdue" if standing.overdue else due),
        Text("\n".join(visible(each, JUDGED_LIMIT) for each in told if each)),
    )


def _status(standing: Standing) -> str:
    finding = standing.finding
    told = [str(finding.status)]
    told += [f"by {finding.closed_by}"] if finding.closed_by else []
    told += [f"({standing.note})"] if standing.note else []
    return visible(" ".join(told))


def _where(judged: Judgement) -> str:
    """Give where it was seen; for a judgement on a document, where that says so."""
    if not judged.subject.zone:
        return _location(judged) or judged.subject.asset
    endpoints = [str(each) for each in endpoints_of(judged)]
    more = len(endpoints) - _MOST_ENDPOINTS
    listed = ", ".join(endpoints[:_MOST_ENDPOINTS]) or judged.subject.asset
    return f"{listed}{f' and {more} more' if more > 0 else ''} from {judged.subject.zone}"


def _facts(standing: Standing) -> Iterator[tuple[str, str]]:
    finding = standing.finding
    judged = finding.judgement
    yield "where", _where(judged)
    yield "asset", judged.subject.asset
    yield "because", judged.because
    for step in judged.trace:
        yield "severity", f"{step.severity} by {step.rule}: {step.because}"
    yield "to do", judged.action or "-"
    yield "owner", _owner(finding)
    yield "governed by", _governing(judged)
    if judged.waiver_id:
        yield "waiver", judged.waiver_id
    due = standing.due.isoformat() if standing.due else "never, at this severity"
    yield "due", f"{due} (overdue)" if standing.overdue else due
    late = "none, and the working days for one are over" if standing.wants_ticket else "none"
    yield "ticket", finding.ticket or late
    reopened = f", reopened {counted(finding.reopened, 'time')}" if finding.reopened else ""
    first, last = instant(finding.first_seen), instant(finding.last_seen)
    times = counted(finding.times_seen, "time")
    yield "seen", f"{times}, first {first}, last {last} (run {finding.run_id}){reopened}"
    for digest in judged.evidence:
        yield "evidence", f"portproof evidence show {digest}"


def _owner(finding: Finding) -> str:
    if finding.assigned_to:
        return f"{finding.assigned_to} (assigned)"
    owner = finding.judgement.owner
    return f"{owner} (of the asset or entry)" if owner else "nobody is named"


def _governing(judged: Judgement) -> str:
    """Name the entry that it was held against, or the nearest one with why it does not match."""
    if is_custom(judged.rule):
        return f"rule {judged.rule} ({_location(judged)})"
    if not judged.entry_id:
        return "no entry of the baseline"
    place = f" ({_location(judged)})" if judged.location else ""
    if judged.nearest:
        return f"none; the nearest is {judged.nearest}{place}"
    return f"entry {judged.entry_id}{place}"


def _location(judged: Judgement) -> str:
    place = judged.location
    return f"{place.file}:{place.line}:{place.column}" if place else ""


def _collapsed(events: Sequence[FindingEvent]) -> Iterator[tuple[FindingEvent, int]]:
    """Give the events; sightings in a row are one, the last, with how many they were."""
    for is_seen, group in groupby(events, key=lambda each: each.kind is FindingEventKind.SEEN):
        if is_seen:
            *before, last = group
            yield last, len(before) + 1
        else:
            yield from ((each, 1) for each in group)


def _event_told(event: FindingEvent, times: int) -> RenderableType:
    by = str(event.actor) if event.actor else f"run {event.run_id}"
    what = event.kind if times == 1 else f"{event.kind}, {times} times, last"
    line = Text(f"{instant(event.at)}  {what} by {visible(by)}")
    told = (Text(visible(each, JUDGED_LIMIT)) for each in _told(event))
    return Group(line, *(Padding(each, (0, 0, 0, _INDENT)) for each in told))


_NAMES: Final = {
    FindingEventKind.ASSIGNED: "to ",
    FindingEventKind.TICKETED: "ticket ",
    FindingEventKind.WAIVED: "by waiver ",
    FindingEventKind.WAIVER_ENDED: "waiver ",
    FindingEventKind.FALSE_POSITIVE: "proof: ",
}


def _told(event: FindingEvent) -> Iterator[str]:
    if event.value:
        yield f"{_NAMES.get(event.kind, '')}{event.value}"
    if event.digest:
        yield f"SHA-256 of the proof: {event.digest}"
    # What a sighting saw stands above; the whole text of each is in the JSON form.
    repeated = event.kind is FindingEventKind.SEEN or (
        event.kind is FindingEventKind.WAIVED and event.value
    )
    if event.because and not repeated:
        yield event.because
