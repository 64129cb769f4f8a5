"""Jira for tests: what REST API v3 (Cloud) and v2 (Data Center) document of issues, strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tickets.desk import Answer, Asked, Desk, Refused, require_known

JQL = re.compile(r'labels in \(("[^"]+"(?:, "[^"]+")*)\) ORDER BY created ASC, key ASC')
ISSUE = re.compile(r"/issue/([A-Z0-9-]+)(/comment|/transitions)?")
CATEGORY = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
TRANSITIONS = {"11": ("Start", "In Progress"), "31": ("Resolve", "Done"), "41": ("Reopen", "To Do")}
FIELDS = {"project", "issuetype", "summary", "description", "labels", "priority", "duedate"}
LONGEST = 32_767


@dataclass
class Issue:
    number: int
    key: str
    fields: dict[str, Any]
    status: str = "To Do"
    comments: list[Any] = field(default_factory=list)
    closed: datetime | None = None
    former: tuple[str, ...] = ()
    """Keys that it had in other projects; Jira answers to them."""


class JiraDesk(Desk):
    """A Jira with the project OPS."""

    def __init__(self, *, cloud: bool = True, page: int = 2, dated: bool = True) -> None:
        super().__init__()
        self.cloud = cloud
        self.page = page
        """Issues and comments on a page, however many are asked for: Jira may give fewer."""
        self.dated = dated
        """Whether the workflow says when an issue was closed."""
        self.issues: list[Issue] = []

    def move(self, key: str, status: str) -> None:
        """Move an issue, as its people do."""
        issue = self._issue(key)
        issue.status = status
        issue.closed = self.tick() if status == "Done" else None

    def handle(self, asked: Asked) -> Answer:
        api = "/rest/api/3" if self.cloud else "/rest/api/2"
        if not asked.path.startswith(api):
            raise Refused(404, b"<html>no such page</html>")
        path = asked.path.removeprefix(api)
        if path in ("/search", "/search/jql"):
            return self._search(path, asked)
        if (asked.method, path) == ("POST", "/issue"):
            return self._create(asked.body)
        found = ISSUE.fullmatch(path)
        if found is None:
            raise Refused(404, b"<html>no such page</html>")
        does = {
            ("GET", None): self._read,
            ("GET", "/comment"): self._comments,
            ("POST", "/comment"): self._comment,
            ("GET", "/transitions"): self._transitions,
            ("POST", "/transitions"): self._transition,
        }
        return does[asked.method, found[2]](self._issue(found[1]), asked)

    def _read(self, issue: Issue, asked: Asked) -> Answer:
        require_known(asked.query, {"fields", "expand"}, _message)
        return Answer(200, self._shown(issue, asked.query["fields"].split(",")))

    def _issue(self, name: str) -> Issue:
        for each in self.issues:
            if name in (each.key, str(each.number), *each.former):
                return each
        raise Refused(
            404, {"errorMessages": ["Issue does not exist or you do not have permission"]}
        )

    # ------------------------------------------------------------ search

    def _search(self, path: str, asked: Asked) -> Answer:
        if self.cloud and path == "/search":
            raise Refused(410, {"errorMessages": ["The requested API has been removed"]})
        if not self.cloud and path == "/search/jql":
            raise Refused(404)
        known = {"jql", "maxResults", "fields"} | (
            {"nextPageToken", "reconcileIssues"} if self.cloud else {"startAt", "validateQuery"}
        )
        require_known(asked.body, known, _message)
        matched = JQL.fullmatch(asked.body["jql"])
        if matched is None:
            raise Refused(400, {"errorMessages": ["Error in the JQL Query"]})
        wanted = {each.strip('"') for each in matched[1].split(", ")}
        found = [each for each in self.issues if wanted & set(each.fields["labels"])]
        at = (
            int(asked.body.get("nextPageToken", "p0")[1:])
            if self.cloud
            else asked.body.get("startAt", 0)
        )
        shown = [self._shown(each, asked.body["fields"]) for each in found[at : at + self.page]]
        end = at + len(shown)
        if not self.cloud:
            page = {"startAt": at, "maxResults": self.page, "total": len(found)}
            return Answer(200, {**page, "issues": shown})
        if end >= len(found):
            return Answer(200, {"issues": shown, "isLast": True})
        return Answer(200, {"issues": shown, "isLast": False, "nextPageToken": f"p{end}"})

    def _shown(self, issue: Issue, wanted: list[str]) -> dict[str, Any]:
        told = (
            issue.closed.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
            if issue.closed and self.dated
            else None
        )
        every = {
            "labels": issue.fields["labels"],
            "summary": issue.fields["summary"],
            "status": {"name": issue.status, "statusCategory": {"key": CATEGORY[issue.status]}},
            "resolutiondate": told,
            **({"statuscategorychangedate": told} if self.cloud else {}),
        }
        fields = {name: value for name, value in every.items() if name in wanted}
        return {"id": str(issue.number), "key": issue.key, "fields": fields}

    # ------------------------------------------------------------ writing

    def _create(self, body: Any) -> Answer:
        require_known(body, {"fields", "update"}, _message)
        fields = body["fields"]
        require_known(
            fields, FIELDS, lambda name: {"errors": {name: f"Field '{name}' cannot be set."}}
        )
        if fields["project"] != {"key": "OPS"}:
            raise Refused(
                400, {"errorMessages": [], "errors": {"project": "valid project is required"}}
            )
        summary = fields["summary"]
        if not summary or "\n" in summary or len(summary) > 255:
            raise Refused(400, {"errors": {"summary": "The summary is invalid"}})
        if any(" " in each for each in fields["labels"]):
            raise Refused(400, {"errors": {"labels": "The label contains spaces"}})
        self._require_text(fields["description"], "description")
        number = 10_000 + len(self.issues)
        issue = Issue(number, f"OPS-{len(self.issues) + 1}", fields)
        self.issues.append(issue)
        return Answer(201, {"id": str(number), "key": issue.key, "self": f"{self.url}/{number}"})

    def _require_text(self, text: Any, name: str) -> None:
        if not self.cloud:
            if not isinstance(text, str) or len(text) > LONGEST:
                raise Refused(400, {"errors": {name: "Operation value must be a string"}})
            return
        wrong = not isinstance(text, dict) or (text.get("type"), text.get("version")) != ("doc", 1)
        if wrong or not all(map(_is_paragraph, text["content"])):
            raise Refused(400, {"errors": {name: "Operation value must be an Atlassian Document"}})

    def _comment(self, issue: Issue, asked: Asked) -> Answer:
        require_known(asked.body, {"body", "visibility"}, _message)
        self._require_text(asked.body["body"], "comment")
        issue.comments.append(asked.body["body"])
        return Answer(201, {"id": str(len(issue.comments)), "body": asked.body["body"]})

    def _comments(self, issue: Issue, asked: Asked) -> Answer:
        require_known(asked.query, {"startAt", "maxResults", "orderBy", "expand"}, _message)
        at = int(asked.query.get("startAt", "0"))
        newest = (
            list(reversed(issue.comments))
            if asked.query.get("orderBy") == "-created"
            else issue.comments
        )
        shown = [{"id": str(number), "body": each} for number, each in enumerate(newest)]
        page = {"startAt": at, "maxResults": self.page, "total": len(newest)}
        return Answer(200, {**page, "comments": shown[at : at + self.page]})

    def _transitions(self, issue: Issue, asked: Asked) -> Answer:
        there = [
            {"id": each, "name": name, "to": {"statusCategory": {"key": CATEGORY[to]}}}
            for each, (name, to) in TRANSITIONS.items()
            if to != issue.status
        ]
        return Answer(200, {"expand": "transitions", "transitions": there})

    def _transition(self, issue: Issue, asked: Asked) -> Answer:
        body = asked.body
        require_known(body, {"transition", "fields", "update"}, _message)
        chosen = TRANSITIONS.get(body["transition"]["id"])
        if chosen is None or chosen[1] == issue.status:
            raise Refused(
                400,
                {
                    "errorMessages": [
                        "It seems that you have tried to perform an illegal workflow operation."
                    ]
                },
            )
        self.move(issue.key, chosen[1])
        return Answer(204)


def _message(name: str) -> dict[str, Any]:
    return {"errorMessages": [f"Unrecognized field {name!r}"]}


def _is_paragraph(node: Any) -> bool:
    texts = all(
        each["type"] == "text" and each["text"] and each.keys() <= {"type", "text", "marks"}
        for each in node["content"]
    )
    return node.keys() == {"type", "content"} and node["type"] == "paragraph" and texts
