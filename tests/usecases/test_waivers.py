"""The register of what is accepted, as the newest runs used it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import factories as make
from portproof.policy.approval_usage import Matched
from portproof.policy.waivers import WaiverStatus
from portproof.store.sql import SqlStore, open_store
from portproof.usecases.waivers import Acceptances, acceptances
from usecases.finding_stores import DAY, documents, judged_run

EXPOSED, CLOSED = make.open_host(p8080=None), make.open_host()
WAIVERS = make.waivers(make.waiver(), make.waiver("missing-service", id="idle"))
WEB = make.baseline(make.entry(port_text="443"), make.entry(id="udp", hosts="10.0.0.99"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db", create=True) as opened:
        yield opened


def review(store: SqlStore, *, days: int = 0, runs: int = 30) -> Acceptances:
    held = documents(WEB, WAIVERS)
    return acceptances(store, held, make.NOON + days * DAY, scope=None, most_runs=runs)


def test_a_waiver_that_accepts_something_now_is_told_from_one_that_never_did(
    store: SqlStore,
) -> None:
    judged_run(store, EXPOSED, waivers=WAIVERS)
    used, idle = review(store).waivers
    assert (used.usage.matched, used.ever_matched) == (1, True)
    assert (idle.usage.matched, idle.ever_matched) == (0, False)


def test_a_waiver_that_once_accepted_something_is_unused_but_not_never_matched(
    store: SqlStore,
) -> None:
    judged_run(store, EXPOSED, waivers=WAIVERS)
    judged_run(store, CLOSED, days=1, waivers=WAIVERS)
    once, _ = review(store).waivers
    assert (once.usage.matched, once.ever_matched) == (0, True)


def test_the_newest_run_of_each_vantage_tells_what_a_waiver_covers(store: SqlStore) -> None:
    judged_run(store, EXPOSED, waivers=WAIVERS, vantage="ext-2")
    judged_run(store, CLOSED, days=1, waivers=WAIVERS)
    used, _ = review(store).waivers
    assert used.usage.matched == 1


def test_notices_and_states_are_those_of_the_instant_asked_for(store: SqlStore) -> None:
    judged_run(store, EXPOSED, waivers=WAIVERS)
    told = [
        (line.usage.status, line.usage.notice_days)
        for days in (0, 10, 15)
        for line in review(store, days=days).waivers[:1]
    ]
    assert told == [
        (WaiverStatus.IN_FORCE, 30),
        (WaiverStatus.IN_FORCE, 7),
        (WaiverStatus.EXPIRED, None),
    ]


def test_approvals_are_told_by_the_runs_that_looked(store: SqlStore) -> None:
    judged_run(store, make.open_host(p443=None))
    judged_run(store, CLOSED, days=1)
    web, elsewhere = review(store).approvals
    assert (web.matched, web.last_matched) == (Matched.SEEN, make.NOON)
    assert elsewhere.matched is Matched.UNMEASURED
    web, _ = review(store, runs=1).approvals
    assert web.matched is Matched.NEVER


def test_without_any_run_nothing_is_called_unused(store: SqlStore) -> None:
    held = review(store)
    assert held.runs == 0
    assert {each.matched for each in held.approvals} == {Matched.UNMEASURED}
    assert [each.usage.matched for each in held.waivers] == [0, 0]
    assert timedelta() < held.waivers[0].usage.end - make.NOON
