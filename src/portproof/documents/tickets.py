"""`tickets.yaml`: where tickets are kept, and for which findings they are opened."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from portproof.documents.reading import Reading, Steps
from portproof.documents.tickets_shape import (
    AccessShape,
    JiraShape,
    ServiceNowShape,
    TicketsShape,
)
from portproof.errors import DocumentError, Fault
from portproof.model.source import EnvironmentSecret, FileSecret, SecretRef
from portproof.model.ticket import (
    JiraOptions,
    ServiceNowOptions,
    TicketAccess,
    TicketOptions,
    TicketRules,
    TicketsDocument,
)

_OURS: Final = frozenset(
    {"short_description", "description", "correlation_id", "correlation_display", "work_notes"}
)
"""Fields that portproof writes itself."""


def load_tickets(path: Path) -> TicketsDocument:
    """Read where tickets are kept; relative paths are resolved against the document's folder.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    document = reading.shape(TicketsShape)
    options = _Loader(reading, path.parent).options(document)
    reading.finish()
    if options is None:
        raise DocumentError([Fault(reading.file, 0, 0, "no ticket system could be read")])
    return TicketsDocument(
        options=options,
        rules=TicketRules(from_severity=document.from_severity, most_new=document.most_new),
        file=reading.file,
        digest=reading.digest,
    )


class _Loader:
    """Turns shapes into options; faults of meaning go to the reading."""

    def __init__(self, reading: Reading, folder: Path) -> None:
        self._reading = reading
        self._folder = folder

    def options(self, shape: TicketsShape) -> TicketOptions | None:
        """Give the one system; None where that is a fault."""
        match shape.jira, shape.servicenow:
            case JiraShape() as jira, None:
                return self._jira(jira)
            case None, ServiceNowShape() as servicenow:
                return self._servicenow(servicenow)
            case None, None:
                # A system whose own keys had a fault was cut out, and is no missing one.
                if not self._reading.damaged(()):
                    self._reading.fault((), "expected 'jira' or 'servicenow'")
            case _:
                problem = "tickets are kept in one system: leave out 'jira' or 'servicenow'"
                self._reading.fault(("servicenow",), problem)
        return None

    def _jira(self, shape: JiraShape) -> JiraOptions:
        return JiraOptions(
            access=self._access(("jira",), shape),
            kind=shape.kind,
            project=shape.project,
            issue_type=shape.issue_type,
            labels=tuple(shape.labels),
            priorities=dict(shape.priorities),
            due_date=shape.due_date,
            on_resolved=shape.on_resolved or "",
            on_reopened=shape.on_reopened or "",
        )

    def _servicenow(self, shape: ServiceNowShape) -> ServiceNowOptions:
        for severity, fields in shape.by_severity.items():
            self._require_not_ours(("servicenow", "by_severity", severity.value), fields)
        for key in ("fields", "on_resolved", "on_reopened"):
            self._require_not_ours(("servicenow", key), getattr(shape, key))
        return ServiceNowOptions(
            access=self._access(("servicenow",), shape),
            table=shape.table,
            fields=dict(shape.fields),
            by_severity={each: dict(fields) for each, fields in shape.by_severity.items()},
            closed_states=frozenset(shape.closed_states),
            on_resolved=dict(shape.on_resolved),
            on_reopened=dict(shape.on_reopened),
        )

    def _require_not_ours(self, steps: Steps, fields: dict[str, str]) -> None:
        for each in sorted(_OURS & fields.keys()):
            self._reading.fault_of_key(steps, each, f"portproof writes '{each}' itself")

    def _access(self, steps: Steps, shape: AccessShape) -> TicketAccess:
        return TicketAccess(
            url=shape.url,
            user=shape.user or "",
            secret=self._secret((*steps, "secret"), shape),
            ca=self._folder / shape.ca if shape.ca else None,
        )

    def _secret(self, steps: Steps, shape: AccessShape) -> SecretRef:
        place = shape.secret
        if (place.env is None) is (place.file is None):
            self._reading.fault(steps, "expected {env: NAME} or {file: PATH}")
        if place.file is not None:
            return FileSecret(self._folder / place.file)
        return EnvironmentSecret(place.env or "")
