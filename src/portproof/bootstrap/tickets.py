"""The ticket system put together: its document, its adapter, the waivers, and this machine's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from portproof.bootstrap import Application
from portproof.bootstrap.inventory import known_targets
from portproof.documents.tickets import load_tickets
from portproof.errors import SettingsError, StoreLockedError, TicketError
from portproof.model.deadlines import Deadlines
from portproof.policy.holders import Holders
from portproof.settings import reveal
from portproof.store.lock import RunLock
from portproof.usecases.tickets import Office

__all__ = ["open_office"]


@contextmanager
def open_office(app: Application, named: Path | None, *, write: bool) -> Iterator[Office]:
    """Make ready the ticket system of the option, else of the configuration; nothing is sent yet.

    Raises:
        SettingsError: neither names one.
        DocumentError: a document has faults.
        TicketError: the system's secret or certificates cannot be read, or another process writes
            tickets of this store.
    """
    from portproof.tickets import Ground, open_system  # noqa: PLC0415 - HTTP, for who needs it

    path = named or app.settings.tickets
    if path is None:
        raise SettingsError(
            "no ticket system is named: there is no 'tickets' in the configuration file, and no "
            "--tickets; see docs/tickets.md"
        )
    document = load_tickets(path)
    ground = Ground(now=app.clock.now, wait=time.sleep, secrets=reveal)
    with _alone(app.database, write=write), open_system(document.options, ground) as system:
        yield Office(
            system=system,
            rules=document.rules,
            deadlines=app.settings.deadlines or Deadlines(),
            waivers=app.named_waivers,
            holders=Holders(known_targets(app), app.clock.now()),
            write=write,
        )


@contextmanager
def _alone(database: str, *, write: bool) -> Iterator[None]:
    """Keep other processes from opening tickets for the same findings; one that only looks may.

    A lock of its own, so that a scan of many hours keeps nobody from it.
    """
    if not write or "://" in database:
        yield
        return
    lock = RunLock(Path(f"{database}.tickets"))
    with ExitStack() as held:
        try:
            held.enter_context(lock.holding())
        except StoreLockedError:
            raise TicketError(
                f"{lock.path}: another `portproof tickets sync` is under way: wait for its end"
            ) from None
        yield
