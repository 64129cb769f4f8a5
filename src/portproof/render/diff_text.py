"""A comparison as text, in the way of ndiff: what was with a minus, what is with a plus.

Each line names its endpoint in full, so that `grep` finds it; a line with neither sign says what is not
compared, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from portproof.model.drift_document import ChangeLine, DiffDocument, GapLine, ShiftLine
from portproof.render.neutral import PEER_LIMIT, visible
from portproof.render.wording import plural

_STATE_WIDTH: Final = len("open|filtered")
_REASON_WIDTH: Final = len("conn-refused")
_MOST_PLACES: Final = 8
"""Hosts of one kind of gap that are named; JSON names all."""
_LONGEST_PORTS: Final = 60


def diff_text(document: DiffDocument) -> str:
    """Write the whole comparison, one line for each side of each change."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: DiffDocument) -> Iterator[str]:
    yield _plain(f"-{_side(document.against, document.before, document.before_at)}")
    yield _plain(f"+{_side('run', document.after, document.after_at)}")
    # Runs that are not compared may be from two vantages; the document names the later one's.
    later = "the later run is " if document.refused else ""
    yield _plain(f" {later}from {document.vantage} in zone {document.zone}")
    yield from (_plain(f"not comparable: {each}") for each in document.refused)
    yield from _differences(document)
    for each in document.changes:
        yield from _change(each)
    for shift in document.shifts:
        yield from _shift(shift)
    for stay in document.between:
        yield _plain(f" {stay.endpoint} was {stay.state} {stay.first_seen} to {stay.last_seen}")
    yield from _gaps(document)
    yield from (_plain(f" {each}") for each in document.notes)
    yield from _conclusion(document)


def _side(against: str, name: str, at: str) -> str:
    kind = {"run": "run", "approved": "approved by", "period": "end of"}[against]
    when = {"run": "ended", "approved": "as of", "period": "at"}[against]
    return f"{kind} {name} ({when} {at})"


def _differences(document: DiffDocument) -> Iterator[str]:
    if document.differences:
        yield " the runs are unlike in:"
    for each in document.differences:
        so = f"; so {each.consequence}" if each.consequence else "; nothing follows from it"
        yield _plain(f"   {each.what}: {each.before}, then {each.after}{so}")


def _change(each: ChangeLine) -> Iterator[str]:
    note = f"  ({each.note})" if each.note else ""
    yield _row("-", each.endpoint, each.before, each.reason_before, each.service_before)
    yield _row("+", each.endpoint, each.after, each.reason_after, each.service_after + note)


def _shift(each: ShiftLine) -> Iterator[str]:
    place = f"{each.address}:{_ports(each.ports)}/{each.transport}"
    yield _row("-", place, each.before, each.reason_before, "")
    yield _row("+", place, each.after, each.reason_after, "")


def _row(sign: str, place: str, state: str, reason: str, rest: str) -> str:
    columns = f"{place}  {state:<{_STATE_WIDTH}} {reason:<{_REASON_WIDTH}} {rest}".rstrip()
    return sign + _plain(columns)


def _gaps(document: DiffDocument) -> Iterator[str]:
    for reason, held in by_reason(document.gaps):
        count = plural(sum(each.count for each in held), "endpoint")
        yield _plain(f" not compared, {reason}: {count}")
        for each in held[:_MOST_PLACES]:
            yield _plain(f"   {each.host} ({each.transport}) {_ports(each.ports)}")
        if len(held) > _MOST_PLACES:
            yield f"   and {len(held) - _MOST_PLACES:,} more hosts; --format json names them all"


def by_reason(gaps: Iterable[GapLine]) -> Iterator[tuple[str, list[GapLine]]]:
    """Give the gaps of each reason, in the order of the reasons' words."""
    ordered = sorted(gaps, key=lambda each: each.reason)
    return ((reason, list(held)) for reason, held in groupby(ordered, key=lambda each: each.reason))


def _conclusion(document: DiffDocument) -> Iterator[str]:
    if document.refused or document.differs:
        return
    nothing = "no difference"
    if document.against == "approved":
        nothing = "no departure from what is approved"
    yield f"{nothing}; compared: {plural(document.compared, 'endpoint')}"


def _ports(ports: str) -> str:
    text = "1-65535" if ports == "-" else ports
    return text if len(text) <= _LONGEST_PORTS else f"{text[:_LONGEST_PORTS].rsplit(',', 1)[0]},…"


def _plain(text: str) -> str:
    return visible(text, 4 * PEER_LIMIT)
