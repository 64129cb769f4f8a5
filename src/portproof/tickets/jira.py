"""Jira, Cloud (REST API v3) and Data Center (v2): tickets are issues of one project.

The mark is a label, `portproof-<fingerprint>`, which JQL finds. A closed issue is one whose status is
of the category `done`, whatever the workflow calls it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from portproof.errors import TicketError, TicketRefusedError
from portproof.model.ticket import (
    JiraKind,
    JiraOptions,
    Ticket,
    TicketDraft,
    TicketNote,
    TicketState,
)
from portproof.tickets.jira_text import Line, document, texts_in, wiki
from portproof.tickets.rest import Rest, visible

_LABEL: Final = "portproof"
_MARK: Final = re.compile(rf"{_LABEL}-([0-9a-f]{{16}})")
_AT_ONCE: Final = 50
"""Marks in one question."""
_PAGE: Final = 100
_MOST_PAGES: Final = 50
_NOT_FOUND: Final = 404
_NO_TRANSITION: Final = 409


class Jira:
    """One project of a Jira."""

    def __init__(self, options: JiraOptions, rest: Rest) -> None:
        self._options = options
        self._rest = rest
        self._cloud = options.kind is JiraKind.CLOUD
        self._api = "/rest/api/3" if self._cloud else "/rest/api/2"
        self._fields = ["labels", "status", "resolutiondate"]
        if self._cloud:
            self._fields.append("statuscategorychangedate")

    @property
    def name(self) -> str:
        """As in `TicketSystem`."""
        return f"jira at {self._rest.url}"

    def owns(self, reference: str) -> bool:
        """Whether it is the key of an issue of the project."""
        project, _, number = reference.partition("-")
        return project == self._options.project and number.isascii() and number.isdecimal()

    def find(self, marks: Sequence[str]) -> Mapping[str, Ticket]:
        """As in `TicketSystem`."""
        found: dict[str, Ticket] = {}
        for start in range(0, len(marks), _AT_ONCE):
            asked = marks[start : start + _AT_ONCE]
            labels = ", ".join(f'"{_LABEL}-{each}"' for each in asked)
            for issue in self._search(f"labels in ({labels}) ORDER BY created ASC, key ASC"):
                ticket = self._ticket(issue)
                if ticket.mark in asked:
                    found.setdefault(ticket.mark, ticket)
        return found

    def read(self, reference: str) -> Ticket | None:
        """As in `TicketSystem`."""
        try:
            issue = self._rest.get(
                f"{self._api}/issue/{reference}", {"fields": ",".join(self._fields)}
            )
        except TicketRefusedError as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        return self._ticket(issue)

    def open(self, draft: TicketDraft) -> Ticket:
        """As in `TicketSystem`."""
        options = self._options
        fields: dict[str, Any] = {
            "project": {"key": options.project},
            "issuetype": {"name": options.issue_type},
            "summary": draft.title,
            "description": self._text(draft.lines),
            "labels": [_LABEL, f"{_LABEL}-{draft.mark}", *options.labels],
        }
        if draft.severity in options.priorities:
            fields["priority"] = {"name": options.priorities[draft.severity]}
        if options.due_date and draft.due is not None:
            fields["duedate"] = draft.due.isoformat()
        made = self._rest.send("POST", f"{self._api}/issue", {"fields": fields})
        return Ticket(
            reference=self._text_at(made, "key"),
            id=self._text_at(made, "id"),
            mark=draft.mark,
            state=TicketState.OPEN,
        )

    def tell(self, ticket: Ticket, note: TicketNote) -> None:
        """As in `TicketSystem`."""
        path = f"{self._api}/issue/{ticket.id}/comment"
        if any(note.mark in texts_in(each) for each in self._comments(path)):
            return
        lines = [("", each) for each in (*note.lines, f"{_LABEL} {note.mark}")]
        self._rest.send("POST", path, {"body": self._text(lines)})

    def move(self, ticket: Ticket, to: TicketState) -> bool:
        """As in `TicketSystem`."""
        options = self._options
        wanted = options.on_resolved if to is TicketState.CLOSED else options.on_reopened
        if not wanted:
            return False
        path = f"{self._api}/issue/{ticket.id}/transitions"
        there = {
            self._text_at(each, "name"): self._text_at(each, "id")
            for each in self._list_at(self._rest.get(path), "transitions")
        }
        chosen = {name.casefold(): number for name, number in there.items()}.get(wanted.casefold())
        if chosen is None:
            listed = visible(", ".join(there)) or "none"
            problem = f"its workflow has no transition {wanted!r} from here; there are: {listed}"
            raise TicketRefusedError(
                f"{self._rest.url}: {ticket.reference}: {problem}", _NO_TRANSITION
            )
        self._rest.send("POST", path, {"transition": {"id": chosen}})
        return True

    # ------------------------------------------------------------ pages

    def _search(self, jql: str) -> Iterator[Any]:
        """Give the issues of a JQL query; Cloud counts pages by token, Data Center by number."""
        path = f"{self._api}/search/jql" if self._cloud else f"{self._api}/search"
        body: dict[str, Any] = {"jql": jql, "maxResults": _PAGE, "fields": self._fields}
        seen = 0
        for _ in range(_MOST_PAGES):
            page = self._rest.find(path, body)
            issues = self._list_at(page, "issues")
            yield from issues
            seen += len(issues)
            if self._cloud:
                token = page.get("nextPageToken")
                if page.get("isLast", token is None) or not isinstance(token, str):
                    return
                body["nextPageToken"] = token
            else:
                if not issues or seen >= self._number_at(page, "total"):
                    return
                body["startAt"] = seen
        raise self._unread(f"its answer has more than {_MOST_PAGES} pages")

    def _comments(self, path: str) -> Iterator[Any]:
        """Give the bodies of an issue's comments, newest first."""
        seen = 0
        for _ in range(_MOST_PAGES):
            asked = {"startAt": str(seen), "maxResults": str(_PAGE), "orderBy": "-created"}
            page = self._rest.get(path, asked)
            comments = self._list_at(page, "comments")
            yield from (each.get("body") for each in comments if isinstance(each, dict))
            seen += len(comments)
            if not comments or seen >= self._number_at(page, "total"):
                return

    # ------------------------------------------------------------ into and out of its shapes

    def _text(self, lines: Sequence[Line]) -> Any:
        return document(lines) if self._cloud else wiki(lines)

    def _ticket(self, issue: Any) -> Ticket:
        fields = issue.get("fields") if isinstance(issue, dict) else None
        if not isinstance(fields, dict):
            raise self._unread("an issue has no fields")
        status = fields.get("status")
        category = status.get("statusCategory") if isinstance(status, dict) else None
        done = self._text_at(category, "key") == "done"
        labels = [each for each in fields.get("labels") or () if isinstance(each, str)]
        marks = [found[1] for found in map(_MARK.fullmatch, labels) if found]
        return Ticket(
            reference=self._text_at(issue, "key"),
            id=self._text_at(issue, "id"),
            mark=marks[0] if marks else "",
            state=TicketState.CLOSED if done else TicketState.OPEN,
            closed_at=self._closed_at(fields) if done else None,
        )

    def _closed_at(self, fields: Mapping[str, Any]) -> datetime | None:
        # Not `updated`: a comment of our own would look like another closing.
        said = fields.get("statuscategorychangedate") or fields.get("resolutiondate")
        if not isinstance(said, str):
            return None
        try:
            return datetime.strptime(said, "%Y-%m-%dT%H:%M:%S.%f%z")
        except ValueError:
            raise self._unread(f"{visible(said)!r} is no time") from None

    def _text_at(self, value: Any, key: str) -> str:
        said = value.get(key) if isinstance(value, dict) else None
        if not isinstance(said, str) or not said.isprintable():
            raise self._unread(f"{key!r} is missing, or no text")
        return said

    def _number_at(self, value: Any, key: str) -> int:
        said = value.get(key) if isinstance(value, dict) else None
        if not isinstance(said, int):
            raise self._unread(f"{key!r} is missing, or no number")
        return said

    def _list_at(self, value: Any, key: str) -> list[Any]:
        said = value.get(key) if isinstance(value, dict) else None
        if not isinstance(said, list):
            raise self._unread(f"{key!r} is missing, or no list")
        return said

    def _unread(self, problem: str) -> TicketError:
        return TicketError(
            f"{self._rest.url}: its answer is not Jira's: {problem}: check the url, and 'kind'"
        )
