"""Findings as people list them, name them, and act on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import factories as make
from portproof.errors import FindingError
from portproof.model.finding import Finding, FindingStatus, Severity
from portproof.model.finding import FindingEventKind as Kind
from portproof.model.observation import Service
from portproof.store import verify_log
from portproof.store.sql import SqlStore, open_store
from portproof.usecases.finding_actions import LONGEST_TEXT, Act, act
from portproof.usecases.findings import Wanted, list_findings, named, tell
from usecases.finding_stores import DAY, NET_TEAM, At, held, judged_run

EXPOSED = make.open_host(p8080=None)
BOTH = make.open_host(p8080=None, p6379=Service("redis"))
"""A medium finding on 8080, a critical one on 6379."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db", create=True) as opened:
        yield opened


def ids(store: SqlStore) -> dict[int, str]:
    """The ids of the unapproved exposures by their port."""
    return {
        each.judgement.subject.port or 0: each.fingerprint
        for each in store.findings()
        if each.judgement.rule == "unapproved-exposure"
    }


def listed(store: SqlStore, *, days: int = 0, **wanted: object) -> list[str]:
    found = list_findings(store, Wanted(**wanted), held(make.NOON + days * DAY))  # type: ignore[arg-type]
    return [each.finding.fingerprint for each in found]


def do(store: SqlStore, kind: Kind, *names: str, days: int = 0, value: str = "x") -> None:
    clock = At(make.NOON + days * DAY + timedelta(hours=1))
    act(store, clock, NET_TEAM, names, Act(kind=kind, because="so it is", value=value))


# ---------------------------------------------------------------- lists


def test_findings_are_listed_worst_first_and_closed_ones_only_when_asked_for(
    store: SqlStore,
) -> None:
    judged_run(store, BOTH)
    medium, critical = ids(store)[8080], ids(store)[6379]
    assert listed(store) == [critical, medium]
    do(store, Kind.FALSE_POSITIVE, critical)
    assert listed(store) == [medium]
    assert listed(store, statuses=frozenset({FindingStatus.CLOSED})) == [critical]


def test_each_filter_leaves_the_others_out(store: SqlStore) -> None:
    judged_run(store, BOTH)
    medium, critical = ids(store)[8080], ids(store)[6379]
    do(store, Kind.ASSIGNED, medium, value="Db-Team", days=2)
    assert listed(store, severities=frozenset({Severity.CRITICAL})) == [critical]
    assert listed(store, owner="db-team ") == [medium]
    assert listed(store, owner="") == [critical]
    assert listed(store, zone="office") == []
    assert listed(store, zone="internet") == [critical, medium]
    assert listed(store, since=make.NOON + DAY) == [medium]
    assert listed(store, overdue=True, days=7) == []
    assert listed(store, overdue=True, days=8) == [critical]


def test_findings_without_a_ticket_are_listed_after_a_working_day(store: SqlStore) -> None:
    judged_run(store, BOTH)  # a Saturday: the working day is Monday
    medium, critical = ids(store)[8080], ids(store)[6379]
    do(store, Kind.TICKETED, critical, value="OPS-1")
    assert listed(store, without_ticket=True, days=2) == []
    assert listed(store, without_ticket=True, days=3) == [medium]


def test_a_waiver_that_ended_since_the_last_run_makes_its_finding_open_in_lists(
    store: SqlStore,
) -> None:
    waivers = make.waivers(make.waiver(expires=make.NOON + 2 * DAY))
    judged_run(store, EXPOSED, waivers=waivers)
    before, after = (
        list_findings(store, Wanted(), held(make.NOON + days * DAY, waivers))[0] for days in (1, 2)
    )
    assert (before.finding.status, before.note) == (FindingStatus.WAIVED, "")
    assert (after.finding.status, after.note) == (
        FindingStatus.OPEN,
        "waiver W-1 ended 2026-11-23T12:00:00Z",
    )
    assert store.findings()[0].status is FindingStatus.WAIVED


# ---------------------------------------------------------------- one finding, wherever seen from


def test_a_finding_is_the_same_one_across_runs_vantages_of_a_zone_and_restarts(
    tmp_path: Path,
) -> None:
    place = tmp_path / "store.db"
    for days, vantage in enumerate(("ext-1", "ext-2", "ext-1")):
        with open_store(place, create=True) as store:
            judged_run(store, EXPOSED, days=days, vantage=vantage)
    with open_store(place) as store:
        (finding,) = store.findings()
        assert (finding.times_seen, finding.first_seen) == (3, make.NOON)
        kinds = [each.kind for each in store.finding_events(finding.fingerprint)]
        assert kinds == [Kind.OPENED, Kind.SEEN, Kind.SEEN]


def test_what_a_person_did_outlives_a_restart_and_the_next_run(tmp_path: Path) -> None:
    place = tmp_path / "store.db"
    with open_store(place, create=True) as store:
        judged_run(store, EXPOSED)
        do(store, Kind.FIX_CLAIMED, ids(store)[8080])
    with open_store(place) as store:
        judged_run(store, EXPOSED, days=1, vantage="ext-2")
        (life,) = tell(store, [ids(store)[8080][:6]], held())
        assert [each.kind for each in life.events] == [
            Kind.OPENED,
            Kind.FIX_CLAIMED,
            Kind.SEEN,
            Kind.FIX_REFUTED,
        ]
        assert life.events[1].actor == NET_TEAM
        assert life.events[1].run_id == "run-0-ext-1"
        assert verify_log(store) == []


# ---------------------------------------------------------------- names


def known(*fingerprints: str) -> list[Finding]:
    return [make.finding(fingerprint=each) for each in fingerprints]


def test_the_beginning_of_an_id_is_enough_when_it_is_one() -> None:
    findings = known("aab0000000000000", "aac0000000000000")
    (found,) = named(findings, [" AAB "])
    assert found is findings[0]


def test_a_finding_that_is_named_twice_is_one() -> None:
    findings = known("aab0000000000000")
    assert len(named(findings, ["aab", "aab0000000000000"])) == 1


def test_a_whole_id_is_never_ambiguous() -> None:
    findings = known("aa", "aab0000000000000")
    assert named(findings, ["aa"]) == (findings[0],)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("aa", "aa may be 2 findings: aab0000000000000"),
        ("b", "no finding's id begins with b"),
        ("", "'' is no id of a finding"),
        ("OPS-1", "'ops-1' is no id of a finding"),
    ],
)
def test_a_name_that_is_not_one_finding_is_refused(name: str, problem: str) -> None:
    with pytest.raises(FindingError, match=problem):
        named(known("aab0000000000000", "aac0000000000000"), [name])


def test_of_very_many_candidates_some_are_named_and_the_rest_counted() -> None:
    many = known(*(f"a{number:015x}" for number in range(30)))
    with pytest.raises(FindingError, match=r"may be 30 findings: .*, and 20 more$"):
        named(many, ["a"])


# ---------------------------------------------------------------- acts


def test_one_act_may_be_about_several_findings_and_is_done_to_all_or_none(store: SqlStore) -> None:
    judged_run(store, BOTH)
    medium, critical = ids(store)[8080], ids(store)[6379]
    do(store, Kind.ACKNOWLEDGED, medium)
    before = store.head()
    with pytest.raises(FindingError, match=f"nothing was changed; {medium}: it is acknowledged"):
        do(store, Kind.ACKNOWLEDGED, critical, medium)
    assert store.head() == before
    do(store, Kind.FIX_CLAIMED, critical, medium)
    assert {each.status for each in store.findings()} >= {FindingStatus.FIX_CLAIMED}


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (Act(kind=Kind.ACKNOWLEDGED, because=" "), "why is it acknowledged"),
        (Act(kind=Kind.FIX_CLAIMED, because=""), "what was done about it"),
        (Act(kind=Kind.FALSE_POSITIVE, because="no", value=" "), "the reference of a proof"),
        (Act(kind=Kind.ASSIGNED, because="", value=""), "an owner must be named"),
        (Act(kind=Kind.COMMENTED, because="\n"), "a comment needs a text"),
        (Act(kind=Kind.COMMENTED, because="caf\udce9"), "a text is not UTF-8"),
        (Act(kind=Kind.COMMENTED, because="x" * (LONGEST_TEXT + 1)), "a text has 2,001 characters"),
        (
            Act(kind=Kind.FALSE_POSITIVE, because="no", value="OPS-7", digest="12"),
            "'12' is no SHA-256",
        ),
    ],
)
def test_an_act_without_what_an_auditor_would_ask_for_is_refused(
    store: SqlStore, wanted: Act, problem: str
) -> None:
    judged_run(store, EXPOSED)
    before = store.head()
    with pytest.raises(FindingError, match=problem):
        act(store, At(make.NOON), NET_TEAM, [ids(store)[8080]], wanted)
    assert store.head() == before


def test_the_owner_is_that_of_the_asset_until_somebody_assigns_another() -> None:
    judged = replace(make.judgement(), owner="web-team")
    assert make.finding(judged).owner == "web-team"
    assert make.finding(judged, assigned_to="net-team").owner == "net-team"
