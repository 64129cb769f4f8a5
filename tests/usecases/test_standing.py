"""Which findings of earlier runs a report carries over, from which runs, and under which waiver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import factories as make
from portproof.contracts import Store
from portproof.documents import load_facts
from portproof.model.evidence import EvidenceDocument
from portproof.model.scan import ClockFacts, HostOutcome
from portproof.model.waiver import Waivers
from portproof.store.sql import open_store
from portproof.usecases.check import check
from portproof.usecases.describe.case import gather
from portproof.usecases.describe.document import describe
from portproof.usecases.inputs import Documents, Imprint

OPENED = make.open_host(p8080=None)
NARROW = make.host_outcome(make.planned_host(tcp="22"))
DESK = replace(make.VANTAGE, id="desk", zone="office")


class Later:
    """A clock that stands still a month after the first run."""

    def now(self) -> datetime:
        return make.NOON + timedelta(days=30)

    def facts(self) -> ClockFacts:
        return ClockFacts(source="test", synchronised=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "store.db", create=True) as opened:
        yield opened


def keep(store: Store, run_id: str, host: HostOutcome, *, days: int, **plan: object) -> None:
    """Store a run of that day; its raw records are not part of this story."""
    bare = replace(host, observations=tuple(replace(o, evidence=None) for o in host.observations))
    at = make.NOON + timedelta(days=days)
    run = make.run(
        bare,
        plan={"run_id": run_id, "vantage": make.VANTAGE, **plan},
        started=at - timedelta(minutes=5),
        finished=at,
    )
    with store.run_lock():
        store.begin_run(run.plan, run.started)
        store.finish_run(run)


def report(store: Store, run_id: str, waivers: Waivers | None = None) -> EvidenceDocument:
    documents = Documents(
        baseline=make.baseline(),
        waivers=waivers or make.waivers(),
        vantages=make.VANTAGES,
        authorisation=None,
        rules=make.SERVICE_RULES,
        facts=load_facts(Path(__file__).parents[2] / "policies/facts.yaml"),
        frameworks=(),
    )
    checked = check(store, documents, run_id)
    return describe(gather(store, Later(), checked, documents, Imprint(), probes=()))


def test_what_was_not_measured_again_stands_and_says_so(store: Store) -> None:
    keep(store, "wide", OPENED, days=0)
    keep(store, "narrow", NARROW, days=1)
    (opened,) = report(store, "wide").findings
    (standing,) = report(store, "narrow").findings
    assert not opened.carried_over
    assert standing.carried_over
    assert standing.id == opened.id
    assert "Not judged again in this run" in standing.because


@pytest.mark.parametrize(
    "elsewhere",
    [{"scope": "another client"}, {"vantage": DESK}],
    ids=["another scope", "another zone"],
)
def test_a_finding_of_elsewhere_is_not_in_the_report(
    store: Store, elsewhere: dict[str, object]
) -> None:
    keep(store, "there", make.open_host("10.1.1.1", p6379=None), days=0, **elsewhere)
    keep(store, "here", NARROW, days=1)
    assert report(store, "there").findings
    here = report(store, "here")
    assert not here.findings
    assert here.summary.sentence == "No deviation was observed within the stated coverage."


def test_a_finding_of_a_later_run_is_not_in_the_report_of_an_earlier_one(store: Store) -> None:
    keep(store, "narrow", NARROW, days=0)
    keep(store, "wide", OPENED, days=1)
    assert report(store, "wide").findings
    assert not report(store, "narrow").findings


def test_a_finding_seen_before_stands_although_a_later_run_saw_it_again(store: Store) -> None:
    for run_id, host, day in (("first", OPENED, 0), ("narrow", NARROW, 1), ("last", OPENED, 2)):
        keep(store, run_id, host, days=day)
    report(store, "first")
    report(store, "last")
    assert [each.carried_over for each in report(store, "narrow").findings] == [True]


def test_a_standing_finding_whose_waiver_has_ended_deviates_again(store: Store) -> None:
    waivers = make.waivers(make.waiver(expires=make.NOON + timedelta(days=3)))
    keep(store, "wide", OPENED, days=0)
    keep(store, "soon", NARROW, days=1)
    keep(store, "late", NARROW, days=9)
    assert report(store, "wide", waivers).findings[0].verdict == "WAIVED"
    (soon,) = report(store, "soon", waivers).findings
    assert (soon.verdict, soon.status, soon.waiver) == ("WAIVED", "waived", "W-1")
    (late,) = report(store, "late", waivers).findings
    assert (late.verdict, late.status, late.waiver) == ("DEVIATES", "open", "")
    assert "accepts it until" not in late.because
    assert late.because.count("Waiver W-1 accepted it until") == 1


def test_a_waiver_that_began_since_covers_a_standing_finding(store: Store) -> None:
    keep(store, "wide", OPENED, days=0)
    keep(store, "narrow", NARROW, days=1)
    report(store, "wide")
    (standing,) = report(store, "narrow", make.waivers(make.waiver())).findings
    assert (standing.verdict, standing.status, standing.waiver) == ("WAIVED", "waived", "W-1")


def test_a_waiver_by_name_still_covers_what_it_covered(store: Store) -> None:
    named = make.planned_host(name="www.example.com", tcp="22,8080")
    waivers = make.waivers(make.waiver(names=("www.example.com",)))
    keep(store, "wide", replace(OPENED, host=named), days=0)
    keep(store, "narrow", NARROW, days=1)
    assert report(store, "wide", waivers).findings[0].verdict == "WAIVED"
    assert report(store, "narrow", waivers).findings[0].verdict == "WAIVED"


def test_the_earlier_run_is_found_behind_any_number_of_others(store: Store) -> None:
    keep(store, "first", NARROW, days=0)
    for number in range(61):
        keep(store, f"desk-{number:02}", NARROW, days=1 + number, vantage=DESK)
    keep(store, "last", NARROW, days=70)
    document = report(store, "last")
    assert document.compared_with == "first"
    assert len(document.operation) == 60


def test_the_register_of_waivers_says_how_each_was_used(store: Store) -> None:
    ended = make.waiver(id="W-2", expires=make.NOON - timedelta(days=1))
    keep(store, "wide", OPENED, days=0)
    used = report(store, "wide", make.waivers(make.waiver(), ended)).waivers
    assert [(each.id, each.status, each.matched) for each in used] == [
        ("W-1", "in force", 1),
        ("W-2", "expired", 0),
    ]
