"""A store with findings, and a ticket system on loopback that the product's own client speaks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import factories as make
from portproof.model.deadlines import Deadlines
from portproof.model.finding import Finding
from portproof.model.scan import ClockFacts
from portproof.model.source import EnvironmentSecret
from portproof.model.ticket import (
    JiraKind,
    JiraOptions,
    ServiceNowOptions,
    TicketAccess,
    TicketOptions,
    TicketRules,
)
from portproof.model.waiver import Waivers
from portproof.store.sql import SqlStore, open_store
from portproof.tickets import Ground, open_system
from portproof.usecases.tickets import Done, Office, Problem, Told, sync
from tickets.desk import SECRET, USER, Desk, open_desk
from tickets.jira_desk import JiraDesk
from tickets.servicenow_desk import ServiceNowDesk
from usecases.finding_stores import judged_run

DAY = timedelta(days=1)
MOVES = {"on_resolved": "resolve", "on_reopened": "Reopen"}
FIELDS = {
    "on_resolved": {"state": "6", "close_code": "Solved"},
    "on_reopened": {"state": "2"},
}


class Running:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def facts(self) -> ClockFacts:
        return ClockFacts(source="test", synchronised=True)


@dataclass
class World:
    """What a test of tickets moves: a store, a desk, and the days that go by."""

    store: SqlStore
    desk: Desk
    clock: Running
    moves: bool = False
    rules: TicketRules = field(default_factory=TicketRules)
    waivers: Waivers | None = None
    waited: list[float] = field(default_factory=list)

    def options(self) -> TicketOptions:
        user = "" if self.desk.bearer else USER
        access = TicketAccess(url=self.desk.url, user=user, secret=EnvironmentSecret("SECRET"))
        if isinstance(self.desk, JiraDesk):
            kind = JiraKind.CLOUD if self.desk.cloud else JiraKind.DATA_CENTER
            return JiraOptions(
                access=access, kind=kind, project="OPS", **(MOVES if self.moves else {})
            )
        return ServiceNowOptions(access=access, **(FIELDS if self.moves else {}))

    @contextmanager
    def office(self, *, write: bool = True, **changes: Any) -> Iterator[Office]:
        ground = Ground(
            now=self.clock.now,
            wait=self.waited.append,
            secrets=lambda _: SECRET,
            answer_s=changes.pop("answer_s", 20.0),
        )
        with open_system(changes.pop("options", None) or self.options(), ground) as system:
            yield Office(
                system=system,
                rules=self.rules,
                deadlines=Deadlines(),
                waivers=self.waivers,
                write=write,
            )

    def sync(self, *, write: bool = True, **changes: Any) -> list[Told]:
        """Sync as the product does; both clocks go on by a minute first."""
        self.clock.at += timedelta(minutes=1)
        self.desk.clock = self.clock.at
        with self.office(write=write, **changes) as office:
            return list(sync(self.store, self.clock, office))

    @property
    def is_jira(self) -> bool:
        return isinstance(self.desk, JiraDesk)

    def run(self, *hosts: Any, days: int, **papers: Any) -> None:
        """Judge a run that finished so many days after noon; the clocks follow."""
        judged_run(self.store, *hosts, days=days, **papers)
        self.clock.at = make.NOON + days * DAY + timedelta(minutes=5)
        self.desk.clock = self.clock.at

    def findings(self) -> dict[int, Finding]:
        """The unapproved exposures by their port."""
        return {
            each.judgement.subject.port or 0: each
            for each in self.store.findings()
            if each.judgement.rule == "unapproved-exposure"
        }

    def events(self, port: int) -> list[str]:
        finding = self.findings()[port]
        return [str(each.kind) for each in self.store.finding_events(finding.fingerprint)]

    # ------------------------------------------------------------ the desk, whichever it is

    def held(self) -> list[str]:
        """References of the tickets that are there."""
        if isinstance(self.desk, JiraDesk):
            return [each.key for each in self.desk.issues]
        assert isinstance(self.desk, ServiceNowDesk)
        return [each["number"] for each in self.desk.records]

    def close(self, reference: str) -> None:
        """Close a ticket there, as its people do."""
        if isinstance(self.desk, JiraDesk):
            self.desk.move(reference, "Done")
        else:
            assert isinstance(self.desk, ServiceNowDesk)
            self.desk.set_state(reference, "6")

    def is_closed(self, reference: str) -> bool:
        if isinstance(self.desk, JiraDesk):
            return next(each.status == "Done" for each in self.desk.issues if each.key == reference)
        assert isinstance(self.desk, ServiceNowDesk)
        return next(
            each["state"] == "6" for each in self.desk.records if each["number"] == reference
        )

    def comments(self) -> list[str]:
        """All comments that are there, as text."""
        if isinstance(self.desk, JiraDesk):
            return [unescape(str(each)) for issue in self.desk.issues for each in issue.comments]
        assert isinstance(self.desk, ServiceNowDesk)
        return [each for notes in self.desk.notes.values() for each in notes]


def steps(told: list[Told]) -> list[str]:
    """Give what was done, without what could not be."""
    assert not [each for each in told if isinstance(each, Problem)]
    return [str(each.step) for each in told if isinstance(each, Done)]


def problems(told: list[Told]) -> list[str]:
    return [each.because for each in told if isinstance(each, Problem)]


DESKS: dict[str, Callable[[], Desk]] = {
    "jira-cloud": JiraDesk,
    "servicenow": ServiceNowDesk,
}


@contextmanager
def opened(place: Path, desk: Desk) -> Iterator[World]:
    """Open a store in a folder, and the desk."""
    (place / "store.db").write_bytes(empty_store())
    with open_store(place / "store.db") as store, open_desk(desk):
        yield World(store=store, desk=desk, clock=Running(make.NOON))


@cache
def empty_store() -> bytes:
    """Give a new database, whose schema is made once for all tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        open_store(path, create=True).close()
        return path.read_bytes()
