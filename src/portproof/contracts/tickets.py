"""What `usecases.tickets` asks of Jira, ServiceNow, or another ticket system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from portproof.model.ticket import Ticket, TicketDraft, TicketNote, TicketState


class TicketSystem(Protocol):
    """Holds tickets: Jira, ServiceNow. Everything it is asked to do may be asked again.

    Each method raises `TicketError` when the system cannot be used, and `TicketRefusedError` when it
    refuses what was asked of one ticket.
    """

    @property
    def name(self) -> str:
        """What it is and where, for print: `jira at https://example.atlassian.net`."""
        ...

    def owns(self, reference: str) -> bool:
        """Whether a reference is written as this system writes its own."""
        ...

    def find(self, marks: Sequence[str]) -> Mapping[str, Ticket]:
        """Give the ticket of each mark that has one there; of several the one opened first."""
        ...

    def read(self, reference: str) -> Ticket | None:
        """Give the ticket of a reference; None: there is none that we may see."""
        ...

    def open(self, draft: TicketDraft) -> Ticket:
        """Open a ticket that carries the draft's mark. It does not look whether there is one."""
        ...

    def tell(self, ticket: Ticket, note: TicketNote) -> None:
        """Add a comment, unless one with its mark is there."""
        ...

    def move(self, ticket: Ticket, to: TicketState) -> bool:
        """Move a ticket to a state; False: nobody configured how."""
        ...
