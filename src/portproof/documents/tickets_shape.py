"""The shape of `tickets.yaml`: one ticket system, and for which findings tickets are opened."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.types import StringConstraints

from portproof.documents.shape import Chosen, Parsed, Shape, Words, refuse
from portproof.documents.sources_shape import SecretShape
from portproof.model.finding import Severity
from portproof.model.ticket import JiraKind

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/@?#:\[\]]+)(:[0-9]{1,5})?(/[^\s?#]*)?"
)


def _url(value: object) -> str:
    """Read a URL without quoting what is wrong with one, since it may hold a secret."""
    matched = _URL.fullmatch(value) if isinstance(value, str) else None
    if matched is None:
        raise refuse(
            "expected a URL as https://host/path, without user, password, query or fragment"
        )
    if matched["scheme"] != "https" and not _is_here(matched["host"].strip("[]")):
        raise refuse(
            "the secret would be sent unencrypted: write https (http is for this machine alone)"
        )
    return matched[0].rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


BaseUrl: TypeAlias = Annotated[str, Parsed(_url, {"type": "string", "format": "uri"})]
FieldName: TypeAlias = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,79}$")]
Fields: TypeAlias = dict[FieldName, Words]


class AccessShape(Shape):
    """How a ticket system is reached, and as whom."""

    url: BaseUrl
    user: Words | None = None
    """The user whose password or API token the secret is; left out: it is a bearer token."""
    secret: SecretShape
    """Where the password or token is: {env: NAME} or {file: PATH}."""
    ca: Words | None = None
    """PEM file of the certificates to trust instead of the system's."""


class JiraShape(AccessShape):
    """A project in Jira."""

    kind: Chosen[JiraKind]
    """Which product it is: cloud or data-center."""
    project: Annotated[str, StringConstraints(pattern="^[A-Z][A-Z0-9_]{1,254}$")]
    """The key of the project."""
    issue_type: Words = "Task"
    labels: list[Annotated[str, StringConstraints(pattern=r"^\S{1,255}$")]] = Field(
        default_factory=list
    )
    """Added to those of portproof."""
    priorities: dict[Chosen[Severity], Words] = Field(default_factory=dict)
    """Priority by severity; left out: the project's default."""
    due_date: bool = False
    """Set the due day; the field must be on the project's screen."""
    on_resolved: Words | None = None
    """Transition of a ticket whose finding is gone; left out: a comment alone."""
    on_reopened: Words | None = None
    """Transition of a closed ticket whose finding is back; left out: a comment alone."""


class ServiceNowShape(AccessShape):
    """A table in ServiceNow."""

    table: FieldName = "incident"
    """A table that extends Task."""
    fields: Fields = Field(default_factory=dict)
    """Set on each new record, such as assignment_group."""
    by_severity: dict[Chosen[Severity], Fields] = Field(default_factory=dict)
    """Set on a new record of that severity, such as urgency and impact."""
    closed_states: list[Words] = Field(default_factory=lambda: ["6", "7", "8"], min_length=1)
    """Values of state that mean closed; left out: those of an incident."""
    on_resolved: Fields = Field(default_factory=dict)
    """Set when the finding is gone, such as state and close_code; left out: a work note alone."""
    on_reopened: Fields = Field(default_factory=dict)
    """Set on a closed record whose finding is back; left out: a work note alone."""


class TicketsShape(Shape):
    """The ticket system."""

    model_config = ConfigDict(title="portproof tickets")

    schema_: Annotated[Literal["portproof.tickets/1"] | None, Field(alias="schema")] = None
    from_severity: Chosen[Severity] = Severity.MEDIUM
    """The least severity that gets a ticket."""
    most_new: Annotated[int, Field(ge=1, le=1000)] = 50
    """Tickets opened at a time; the others wait for the next."""
    jira: JiraShape | None = None
    servicenow: ServiceNowShape | None = None
