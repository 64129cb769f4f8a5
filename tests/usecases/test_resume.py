"""Which runs may be gone on with, and by whose leave; what is refused sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portproof.errors import AuthorisationError, PortproofError, StoreError
from portproof.model.authorisation import Authorisation
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.vantage import Vantage
from portproof.scan.clock import SystemClock
from portproof.scan.executor import Executor
from portproof.scan.resolver import SystemResolver
from portproof.store import SqlStore, open_store, verify_log
from portproof.usecases.resume import resume
from portproof.usecases.scan import ScanServices
from vantage import Heard, authorisation, plan_for, planned_hosts

HERE = Vantage(id="local", zone="office")
HOST = "127.0.0.9"


@dataclass
class Scanned:
    """A store, and the authorisation that its runs rest on."""

    store: SqlStore
    held: Authorisation = field(default_factory=lambda: authorisation([f"{HOST}/32"]))
    heard: Heard = field(default_factory=Heard)

    def stopped(self, run_id: str) -> None:
        """Keep a run that was stopped before its first probe."""
        self._keep(run_id, stop=True)

    def complete(self, run_id: str) -> None:
        self._keep(run_id, stop=False)

    def _keep(self, run_id: str, *, stop: bool) -> None:
        plan = plan_for(self.held, planned_hosts([HOST], "1-50"), run_id=run_id)
        with self.store.run_lock():
            listener = self.store.begin_run(plan, datetime.now(UTC))
            self.store.finish_run(self._executor().run(plan, listener, lambda: stop))

    def go_on(
        self,
        run_id: str | None = None,
        *,
        held: Authorisation | None = None,
        vantage: Vantage = HERE,
    ) -> RunRecord:
        services = ScanServices(
            clock=SystemClock(),
            resolver=SystemResolver(),
            scanner=self._executor(),
            store=self.store,
        )
        return resume(
            services,
            run_id,
            held or self.held,
            vantage,
            watcher=self.heard,
            stop=lambda: False,
        )

    def refused(self) -> str:
        """The code of the last refusal that the store keeps."""
        with self.store.database.reading() as session:
            query = "SELECT code FROM refusal ORDER BY seq DESC LIMIT 1"
            return str(session.connection().exec_driver_sql(query).scalar())

    def _executor(self) -> Executor:
        return Executor(self.held, clock=SystemClock())


@pytest.fixture
def scanned(tmp_path: Path) -> Iterator[Scanned]:
    with open_store(tmp_path / "store.db", create=True) as store:
        yield Scanned(store)


def assert_refused(
    scanned: Scanned, error: type[PortproofError], match: str, **asked: object
) -> None:
    runs, rows = len(scanned.store.runs()), scanned.heard.rows
    with pytest.raises(error, match=match):
        scanned.go_on(**asked)  # type: ignore[arg-type]
    assert (len(scanned.store.runs()), scanned.heard.rows) == (runs, rows)


def test_the_newest_interrupted_run_that_nobody_went_on_with_is_the_default(
    scanned: Scanned,
) -> None:
    scanned.stopped("run-1")
    scanned.stopped("run-2")
    scanned.complete("run-3")
    done = scanned.go_on()
    assert (done.plan.continues, done.status) == ("run-2", RunStatus.COMPLETE)
    assert scanned.go_on().plan.continues == "run-1"
    assert_refused(scanned, StoreError, "no interrupted run is left")
    assert verify_log(scanned.store) == []


def test_a_continuation_is_a_run_of_its_own_over_the_same_endpoints_in_the_same_order(
    scanned: Scanned,
) -> None:
    scanned.stopped("run-1")
    before, after = scanned.store.load_run("run-1").plan, scanned.go_on("run-1").plan
    assert after.run_id != before.run_id
    # Its own control listeners have ports of their own; all else is the same.
    assert replace(after, run_id="run-1", continues=None, controls=()) == before


def test_a_run_that_is_complete_or_unknown_is_refused(scanned: Scanned) -> None:
    scanned.complete("run-1")
    assert_refused(scanned, StoreError, "run-1 is complete, not interrupted", run_id="run-1")
    assert_refused(scanned, StoreError, "there is no run run-2", run_id="run-2")


def test_a_run_that_was_continued_names_its_continuation(scanned: Scanned) -> None:
    scanned.stopped("run-1")
    later = scanned.go_on("run-1").plan.run_id
    assert_refused(scanned, StoreError, f"continued already, by run {later}", run_id="run-1")


def test_an_authorisation_that_has_ended_is_checked_again(scanned: Scanned) -> None:
    scanned.stopped("run-1")
    ended = replace(scanned.held, valid_until=datetime.now(UTC) - timedelta(seconds=1))
    assert_refused(scanned, AuthorisationError, "expired", held=ended)
    assert scanned.refused() == "expired"


def test_another_version_of_the_authorisation_is_refused(scanned: Scanned) -> None:
    scanned.stopped("run-1")
    amended = replace(scanned.held, digest="e" * 64)
    assert_refused(scanned, AuthorisationError, "another version of it", held=amended)
    assert scanned.refused() == "changed"


def test_a_run_of_another_vantage_is_refused(scanned: Scanned) -> None:
    scanned.stopped("run-1")
    elsewhere = Vantage(id="outside", zone="internet")
    assert_refused(scanned, StoreError, "made from vantage local", vantage=elsewhere)
