"""Ticket systems: where the people who mend things keep their work, each behind one contract.

::

    tickets.yaml ─► open_system ─► TicketSystem ◄── usecases.tickets
                                   │    │
                            jira ──┘    └── servicenow      what each is asked, and says
                              │                │
                          jira_text            │            rich text: wiki markup, ADF
                              └──── rest ──────┘            HTTP, bounded

Read `rest` first, then `servicenow`, which is the simpler one.

The hardest decision: what makes opening a ticket safe to do again. Neither system takes a key for
idempotence, so the fingerprint of the finding is written into the ticket itself, in the same request
that opens it, where the system can search for it: a label in Jira, `correlation_id` in ServiceNow.
Opening is therefore never tried twice in one sync, not even when the answer was lost; the next sync
looks for the mark first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portproof.contracts.tickets import TicketSystem
from portproof.model.ticket import JiraOptions, ServiceNowOptions, TicketOptions
from portproof.tickets.jira import Jira
from portproof.tickets.rest import Ground, Rest
from portproof.tickets.servicenow import ServiceNow

__all__ = ["Ground", "open_system"]


@contextmanager
def open_system(options: TicketOptions, ground: Ground) -> Iterator[TicketSystem]:
    """Make the ticket system that the options describe, for the block; nothing is sent yet.

    Raises:
        TicketError: its secret or certificates cannot be read.
    """
    with Rest(options.access, ground) as rest:
        match options:
            case JiraOptions():
                yield Jira(options, rest)
            case ServiceNowOptions():
                yield ServiceNow(options, rest)
