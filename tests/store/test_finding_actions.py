"""What people do to findings is appended like everything else, and proved like everything else."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portproof.errors import StoreError
from portproof.model.finding import Actor, ClosedBy, FindingEvent, FindingStatus, IdentitySource
from portproof.model.finding import FindingEventKind as Kind
from portproof.store import SqlStore, open_store, verify_log
from store.examples import BEGAN, HOUR, happened, judgement, run

NET_TEAM = Actor(name="net-team", source=IdentitySource.GIT)
FALSE: dict[str, Any] = {"value": "OPS-7", "digest": "a" * 64}


def acted(kind: Kind, *, hours: int = 1, **changes: Any) -> FindingEvent:
    done = replace(happened(kind), at=BEGAN + hours * HOUR, actor=NET_TEAM)
    return replace(done, **changes)


@pytest.fixture
def opened(store: SqlStore) -> SqlStore:
    """A store in which one run opened one finding."""
    run(store, "run-1")
    store.apply_events("run-1", [happened(Kind.OPENED)], [judgement()])
    return store


def test_an_act_comes_back_as_it_was_with_who_did_it(opened: SqlStore) -> None:
    done = acted(Kind.FALSE_POSITIVE, **FALSE)
    opened.append_actions([done])
    assert opened.finding_events(judgement().fingerprint)[-1] == done
    (finding,) = opened.findings()
    assert (finding.status, finding.closed_by) == (FindingStatus.CLOSED, ClosedBy.FALSE_POSITIVE)


def test_owner_ticket_and_claim_are_part_of_the_finding(opened: SqlStore) -> None:
    opened.append_actions(
        [
            acted(Kind.ASSIGNED, value="db-team"),
            acted(Kind.TICKETED, value="OPS-1"),
            acted(Kind.FIX_CLAIMED, hours=2),
            acted(Kind.COMMENTED, hours=3),
        ]
    )
    (finding,) = opened.findings()
    assert (finding.owner, finding.ticket, finding.status) == (
        "db-team",
        "OPS-1",
        FindingStatus.FIX_CLAIMED,
    )
    assert finding.claimed_at == finding.changed_at == BEGAN + 2 * HOUR


def test_each_act_is_a_leaf_and_the_log_still_proves_everything(opened: SqlStore) -> None:
    before = opened.head().size
    opened.append_actions([acted(Kind.ACKNOWLEDGED), acted(Kind.COMMENTED)])
    assert opened.head().size == before + 2
    assert verify_log(opened) == []


def test_acts_between_judgings_are_replayed_in_their_place(opened: SqlStore) -> None:
    opened.append_actions([acted(Kind.FIX_CLAIMED)])
    later = BEGAN + 5 * HOUR
    run(opened, "run-2", at=later)
    events = [happened(each, "run-2", at=later) for each in (Kind.SEEN, Kind.FIX_REFUTED)]
    opened.apply_events("run-2", events, [judgement()])
    opened.append_actions([acted(Kind.FALSE_POSITIVE, hours=6, **FALSE)])
    run(opened, "run-3", at=later + HOUR)
    seen = happened(Kind.SEEN, "run-3", at=later + HOUR)
    opened.apply_events("run-3", [seen], [replace(judgement(), because="seen again")])
    (finding,) = opened.findings()
    assert (finding.status, finding.times_seen) == (FindingStatus.CLOSED, 3)
    assert finding.judgement == judgement()
    assert verify_log(opened) == []


def test_an_act_that_the_state_does_not_allow_is_refused_and_nothing_is_kept(
    opened: SqlStore,
) -> None:
    before = opened.head()
    with pytest.raises(StoreError, match="it is acknowledged already"):
        opened.append_actions([acted(Kind.ACKNOWLEDGED), acted(Kind.ACKNOWLEDGED)])
    with pytest.raises(StoreError, match="holds no finding ffff"):
        opened.append_actions([acted(Kind.COMMENTED), acted(Kind.COMMENTED, finding="f" * 16)])
    assert opened.head() == before
    assert opened.findings()[0].status is FindingStatus.OPEN


def test_a_person_may_act_while_a_scan_is_under_way(opened: SqlStore, place: Path) -> None:
    with opened.run_lock(), open_store(place) as other:
        other.append_actions([acted(Kind.ACKNOWLEDGED)])
    assert opened.findings()[0].status is FindingStatus.ACKNOWLEDGED


def test_whoever_rewrites_an_actor_is_found_out(opened: SqlStore, place: Path) -> None:
    opened.append_actions([acted(Kind.FALSE_POSITIVE, **FALSE)])
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("DROP TRIGGER finding_event_no_update")
        connection.execute("UPDATE finding_event SET actor = 'nobody' WHERE actor IS NOT NULL")
    (problem,) = verify_log(opened)
    assert problem.endswith("actor is not what the leaf says")


def test_the_leaf_of_an_event_of_a_run_says_no_more_than_before(opened: SqlStore) -> None:
    with opened.database.reading() as session:
        query = "SELECT data FROM leaf WHERE kind = 'finding-event'"
        (data,) = session.connection().exec_driver_sql(query).scalars()
    said = {"finding", "kind", "at", "run_id", "severity", "because"}
    assert set(json.loads(data)["body"]) == said


def test_the_events_of_one_kind_are_given_over_all_findings(store: SqlStore) -> None:
    run(store, "run-1")
    both = (judgement(), judgement(23))
    store.apply_events("run-1", [happened(Kind.OPENED, to=each) for each in both], both)
    store.append_actions([acted(Kind.COMMENTED, finding=each.fingerprint) for each in both])
    found = store.events_of(Kind.COMMENTED)
    assert [each.finding for each in found] == [each.fingerprint for each in both]
