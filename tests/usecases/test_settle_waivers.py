"""Ends of waivers as events of the log: once, at their instant, whatever runs come later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import factories as make
from portproof.model.deadlines import Deadlines
from portproof.model.finding import FindingEventKind as Kind
from portproof.model.finding import FindingStatus
from portproof.store import verify_log
from portproof.store.sql import SqlStore, open_store
from portproof.usecases.check import check
from portproof.usecases.describe.case import gather
from portproof.usecases.describe.document import describe
from portproof.usecases.inputs import Imprint
from portproof.usecases.settle_waivers import settle_waivers
from usecases.finding_stores import DAY, At, documents, judged_run

EXPOSED = make.open_host(p8080=None)
END = make.NOON + 2 * DAY
WAIVERS = make.waivers(make.waiver(expires=END))
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db", create=True) as opened:
        judged_run(opened, EXPOSED, waivers=WAIVERS)
        yield opened


def life(store: SqlStore) -> list[tuple[Kind, int]]:
    """The events of the one finding, each with the hours since noon."""
    (finding,) = store.findings()
    events = store.finding_events(finding.fingerprint)
    return [(each.kind, round((each.at - make.NOON) / timedelta(hours=1))) for each in events]


BEFORE = [(Kind.OPENED, 0), (Kind.WAIVED, 0)]


def test_an_end_is_recorded_at_its_instant_and_only_once(store: SqlStore) -> None:
    assert settle_waivers(store, WAIVERS, END - INSTANT) == ()
    (event,) = settle_waivers(store, WAIVERS, END + 5 * DAY)
    assert event.at == END
    assert settle_waivers(store, WAIVERS, END + 6 * DAY) == ()
    assert life(store) == [*BEFORE, (Kind.WAIVER_ENDED, 48)]
    (finding,) = store.findings()
    assert (finding.status, finding.first_seen) == (FindingStatus.OPEN, make.NOON)
    assert verify_log(store) == []


def test_without_keeping_the_store_is_only_read(store: SqlStore) -> None:
    head = store.head()
    assert len(settle_waivers(store, WAIVERS, END, keep=False)) == 1
    assert store.head() == head


def test_a_later_run_sees_it_and_does_not_end_its_waiver_again(store: SqlStore) -> None:
    settle_waivers(store, WAIVERS, END)
    judged_run(store, EXPOSED, days=3, waivers=WAIVERS)
    assert life(store) == [*BEFORE, (Kind.WAIVER_ENDED, 48), (Kind.SEEN, 72)]
    assert verify_log(store) == []


def test_a_run_that_finishes_after_the_end_dates_it_at_the_end_all_by_itself(
    store: SqlStore,
) -> None:
    judged_run(store, EXPOSED, days=3, waivers=WAIVERS)
    assert life(store) == [*BEFORE, (Kind.WAIVER_ENDED, 48), (Kind.SEEN, 72)]


def test_a_run_of_the_very_instant_sees_an_open_finding(store: SqlStore) -> None:
    judged_run(store, EXPOSED, days=2, waivers=WAIVERS)
    assert life(store) == [*BEFORE, (Kind.WAIVER_ENDED, 48), (Kind.SEEN, 48)]


def test_a_run_before_the_end_leaves_it_waived(store: SqlStore) -> None:
    judged_run(store, EXPOSED, days=1, waivers=WAIVERS)
    assert life(store) == [*BEFORE, (Kind.SEEN, 24)]


def test_what_ended_and_is_gone_in_the_same_run_ends_first_and_is_resolved(
    store: SqlStore,
) -> None:
    judged_run(store, make.host_outcome(), days=3, waivers=WAIVERS)
    assert life(store) == [*BEFORE, (Kind.WAIVER_ENDED, 48), (Kind.RESOLVED, 72)]


def test_a_waiver_that_was_accepted_anew_waives_it_again(store: SqlStore) -> None:
    settle_waivers(store, WAIVERS, END)
    anew = make.waivers(make.waiver(id="W-2", begins=END + DAY, expires=END + 9 * DAY))
    judged_run(store, EXPOSED, days=4, waivers=anew)
    (finding,) = store.findings()
    assert finding.status is FindingStatus.WAIVED
    assert life(store)[2:] == [(Kind.WAIVER_ENDED, 48), (Kind.SEEN, 96), (Kind.WAIVED, 96)]
    (event,) = settle_waivers(store, anew, END + 9 * DAY)
    assert event.value == "W-2"
    assert verify_log(store) == []


def test_a_run_judged_without_keeping_settles_nothing(store: SqlStore) -> None:
    run_id = judged_run(store, EXPOSED, days=1, waivers=WAIVERS)
    head = store.head()
    check(
        store, documents(waivers=make.waivers(make.waiver(expires=make.NOON))), run_id, keep=False
    )
    assert store.head() == head


def test_a_run_says_what_was_overdue_when_it_finished_by_decided_deadlines(
    store: SqlStore,
) -> None:
    run_id = judged_run(store, EXPOSED, days=95)
    papers = documents()
    decided = replace(papers, deadlines=Deadlines(), deadlines_decided=True)
    told = [
        [
            each.finding
            for each in check(store, held, run_id).facts.asserted
            if each.fact == "finding_overdue"
        ]
        for held in (papers, decided)
    ]
    assert told == [[], [store.findings()[0].fingerprint]]


# ---------------------------------------------------------------- reports


def changes(store: SqlStore, run_id: str) -> list[tuple[str, str]]:
    """What the report of a run says happened to findings, and when."""
    papers = documents(waivers=WAIVERS)
    checked = check(store, papers, run_id, keep=False)
    clock = At(make.NOON + 9 * DAY)
    case = gather(store, clock, checked, papers, Imprint(), probes=())
    return [
        (each.kind, each.after)
        for each in describe(case).changes
        if "finding" in each.kind or "waiver" in each.kind
    ]


def test_the_first_report_after_the_end_says_so_and_no_other(store: SqlStore) -> None:
    second = judged_run(store, EXPOSED, days=1, waivers=WAIVERS)
    settle_waivers(store, WAIVERS, END)
    third = judged_run(store, EXPOSED, days=3, waivers=WAIVERS)
    fourth = judged_run(store, EXPOSED, days=4, waivers=WAIVERS)
    assert changes(store, second) == []
    assert changes(store, third) == [("waiver ended", "2026-11-23T12:00:00Z")]
    assert changes(store, fourth) == []


def test_a_finding_that_stands_is_open_in_reports_with_its_original_first_sighting(
    store: SqlStore,
) -> None:
    settle_waivers(store, WAIVERS, END)
    narrow = make.host_outcome(make.planned_host(tcp="22"))
    run_id = judged_run(store, narrow, days=3, waivers=WAIVERS)
    papers = documents(waivers=WAIVERS)
    checked = check(store, papers, run_id, keep=False)
    case = gather(store, At(make.NOON + 9 * DAY), checked, papers, Imprint(), probes=())
    (told,) = describe(case).findings
    assert (told.status, told.verdict, told.carried_over) == ("open", "DEVIATES", True)
    assert told.first_seen == "2026-11-21T12:00:00Z"
    assert "Waiver W-1 accepted it until 2026-11-23T12:00:00Z, and has ended." in told.because
    assert "accepts it" not in told.because
