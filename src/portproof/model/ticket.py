"""Tickets: what a ticket system says of one, what it is asked to hold, and how it is reached.

A ticket carries a *mark*, the fingerprint of its finding, where the system can search for it. So a
ticket that was opened there and not noted here is found again, and never opened twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from portproof.model.finding import Severity
from portproof.model.source import SecretRef


class TicketState(StrEnum):
    """What matters of a ticket's state; each system has many more, and its own words."""

    OPEN = "open"
    CLOSED = "closed"
    """Resolved, done, cancelled: nobody there works on it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One ticket as its system shows it."""

    reference: str
    """What people call it, `OPS-12` or `INC0010023`; findings keep it."""
    id: str
    """What the system's interface calls it."""
    mark: str
    """The fingerprint that it carries; empty: none."""
    state: TicketState
    closed_at: datetime | None = None
    """When it was closed; None while it is open, and where the system does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDraft:
    """A ticket to be opened. Texts are single printable lines of any characters, bounded."""

    mark: str
    title: str
    lines: tuple[tuple[str, str], ...]
    """Name and value of each thing that it says, in their order."""
    severity: Severity
    due: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketNote:
    """A comment to be added; its texts are as those of a draft."""

    mark: str
    """What tells it from other comments on the ticket; it is printed at its end."""
    lines: tuple[str, ...]


# ---------------------------------------------------------------- what a person says


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAccess:
    """How a ticket system is reached, and as whom."""

    url: str
    """Its base, without a slash at its end: https, or http to this machine."""
    user: str
    """With it the secret is a password or API token (Basic); empty: it is a bearer token."""
    secret: SecretRef
    ca: Path | None = None
    """Certificates that are trusted instead of the system's."""


class JiraKind(StrEnum):
    """Which of Jira's two products; their interfaces differ in search and in rich text."""

    CLOUD = "cloud"
    """REST API v3, texts in the Atlassian Document Format."""
    DATA_CENTER = "data-center"
    """REST API v2, texts in wiki markup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JiraOptions:
    """A project in Jira."""

    access: TicketAccess
    kind: JiraKind
    project: str
    issue_type: str = "Task"
    labels: tuple[str, ...] = ()
    """Added to those of portproof."""
    priorities: Mapping[Severity, str] = field(default_factory=dict)
    """Names of Jira's priorities; a severity that is left out gets the project's default."""
    due_date: bool = False
    """Whether the due day is set; the field must be on the project's screen."""
    on_resolved: str = ""
    """Name of the transition of a ticket whose finding is gone; empty: a comment alone."""
    on_reopened: str = ""
    """Name of the transition of a closed ticket whose finding is back; empty: a comment alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNowOptions:
    """A table in ServiceNow that extends Task, such as `incident`."""

    access: TicketAccess
    table: str = "incident"
    fields: Mapping[str, str] = field(default_factory=dict)
    """Set on each new record, such as `assignment_group`."""
    by_severity: Mapping[Severity, Mapping[str, str]] = field(default_factory=dict)
    """Set on a new record of that severity, such as `urgency` and `impact`."""
    closed_states: frozenset[str] = frozenset({"6", "7", "8"})
    """Values of `state` that mean closed; those of an incident: Resolved, Closed, Cancelled."""
    on_resolved: Mapping[str, str] = field(default_factory=dict)
    """Set when the finding is gone, such as `state` and `close_code`; empty: a comment alone."""
    on_reopened: Mapping[str, str] = field(default_factory=dict)
    """Set on a closed record whose finding is back; empty: a comment alone."""


TicketOptions: TypeAlias = JiraOptions | ServiceNowOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRules:
    """For which findings tickets are opened."""

    from_severity: Severity = Severity.MEDIUM
    """The least severity that gets a ticket."""
    most_new: int = 50
    """Tickets opened at a time; the others wait for the next: a first run may find thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketsDocument:
    """`tickets.yaml`: one ticket system, and what is opened there."""

    options: TicketOptions
    rules: TicketRules
    file: str
    digest: str
    """SHA-256 of the document's bytes, lower-case hex."""
