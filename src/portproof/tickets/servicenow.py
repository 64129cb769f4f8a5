"""ServiceNow, by its Table API: tickets are records of one table that extends Task.

The mark is `correlation_id`, which ServiceNow keeps for just this. Comments are work notes, which the
people who work on it see and its caller does not. Conditions of a query that the table has no field
for are left out by ServiceNow without a word, so that every record is held against what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from portproof.errors import TicketError
from portproof.model.ticket import (
    ServiceNowOptions,
    Ticket,
    TicketDraft,
    TicketNote,
    TicketState,
)
from portproof.tickets.rest import Rest, visible

_NUMBER: Final = re.compile(r"[A-Z]{2,10}[0-9]{4,12}")
_FIELDS: Final = "sys_id,number,state,correlation_id,resolved_at,closed_at"
_AT_ONCE: Final = 50
_PAGE: Final = 100
_MOST_PAGES: Final = 50
_LONGEST: Final = 4_000
"""Characters of a description or a work note, as the tables ship."""
# What stands between these in a journal field is shown as HTML.
_CODE: Final = re.compile(r"\[(/?\s*code\s*)\]", re.IGNORECASE)


class ServiceNow:
    """One table of a ServiceNow instance."""

    def __init__(self, options: ServiceNowOptions, rest: Rest) -> None:
        self._options = options
        self._rest = rest
        self._table = f"/api/now/table/{options.table}"

    @property
    def name(self) -> str:
        """As in `TicketSystem`."""
        return f"servicenow at {self._rest.url}"

    def owns(self, reference: str) -> bool:
        """Whether it is written as the number of a record."""
        return _NUMBER.fullmatch(reference) is not None

    def find(self, marks: Sequence[str]) -> Mapping[str, Ticket]:
        """As in `TicketSystem`."""
        found: dict[str, Ticket] = {}
        for start in range(0, len(marks), _AT_ONCE):
            asked = marks[start : start + _AT_ONCE]
            query = f"correlation_idIN{','.join(asked)}^ORDERBYsys_created_on"
            for record in self._search(query):
                ticket = self._ticket(record)
                if ticket.mark in asked:
                    found.setdefault(ticket.mark, ticket)
        return found

    def read(self, reference: str) -> Ticket | None:
        """As in `TicketSystem`."""
        tickets = map(self._ticket, self._search(f"number={reference}"))
        return next((each for each in tickets if each.reference == reference), None)

    def open(self, draft: TicketDraft) -> Ticket:
        """As in `TicketSystem`; a table that keeps no `correlation_id` gives a ticket without mark."""
        options = self._options
        text = "\n\n".join(f"{name}: {value}" for name, value in draft.lines)
        record = {
            **options.fields,
            **options.by_severity.get(draft.severity, {}),
            "short_description": _plain(draft.title),
            "description": _plain(text),
            "correlation_id": draft.mark,
            "correlation_display": "portproof",
        }
        return self._ticket(self._record(self._rest.send("POST", self._table, record)))

    def tell(self, ticket: Ticket, note: TicketNote) -> None:
        """As in `TicketSystem`."""
        path = f"{self._table}/{ticket.id}"
        asked = {"sysparm_fields": "work_notes", "sysparm_display_value": "true"}
        said = self._record(self._rest.get(path, asked)).get("work_notes")
        if isinstance(said, str) and note.mark in said:
            return
        end = f"portproof {note.mark}"
        text = _plain("\n".join(note.lines), _LONGEST - len(end) - 1)
        self._rest.send("PATCH", path, {"work_notes": f"{text}\n{end}"})

    def move(self, ticket: Ticket, to: TicketState) -> bool:
        """As in `TicketSystem`."""
        options = self._options
        wanted = options.on_resolved if to is TicketState.CLOSED else options.on_reopened
        if wanted:
            self._rest.send("PATCH", f"{self._table}/{ticket.id}", dict(wanted))
        return bool(wanted)

    # ------------------------------------------------------------ pages

    def _search(self, query: str) -> Iterator[Mapping[str, Any]]:
        for page in range(_MOST_PAGES):
            asked = {
                "sysparm_query": query,
                "sysparm_fields": _FIELDS,
                "sysparm_limit": str(_PAGE),
                "sysparm_offset": str(page * _PAGE),
                "sysparm_display_value": "false",
            }
            answer = self._rest.get(self._table, asked)
            records = answer.get("result") if isinstance(answer, dict) else None
            if not isinstance(records, list):
                raise self._unread("'result' is missing, or no list")
            yield from (self._mapping(each) for each in records)
            if len(records) < _PAGE:
                return
        raise self._unread(f"it has more than {_MOST_PAGES} pages")

    # ------------------------------------------------------------ out of its shapes

    def _record(self, answer: Any) -> Mapping[str, Any]:
        return self._mapping(answer.get("result") if isinstance(answer, dict) else None)

    def _ticket(self, record: Mapping[str, Any]) -> Ticket:
        closed = _text(record, "state") in self._options.closed_states
        reference, sys_id = _text(record, "number"), _text(record, "sys_id")
        if not self.owns(reference) or not sys_id.isalnum():
            raise self._unread("a record has no 'number' or 'sys_id'")
        return Ticket(
            reference=reference,
            id=sys_id,
            mark=_text(record, "correlation_id"),
            state=TicketState.CLOSED if closed else TicketState.OPEN,
            closed_at=self._closed_at(record) if closed else None,
        )

    def _closed_at(self, record: Mapping[str, Any]) -> datetime | None:
        # A resolved record is closed for good days later: that is no second closing.
        said = _text(record, "resolved_at") or _text(record, "closed_at")
        if not said:
            return None
        try:
            return datetime.strptime(said, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            raise self._unread(f"{visible(said)!r} is no time") from None

    def _mapping(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._unread("a record is no mapping")
        return value

    def _unread(self, problem: str) -> TicketError:
        return TicketError(
            f"{self._rest.url}: its answer is not that of a Table API: {problem}: check the url"
        )


def _text(record: Mapping[str, Any], key: str) -> str:
    said = record.get(key)
    return said if isinstance(said, str) else ""


def _plain(text: str, most: int = _LONGEST) -> str:
    """Give a text that no journal field shows as HTML, and that every one can hold."""
    kept = _CODE.sub(r"(\1)", text)
    return kept if len(kept) <= most else f"{kept[: most - 1]}…"
