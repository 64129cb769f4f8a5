from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from portproof.model.baseline import Tier
from portproof.model.inventory import FetchOutcome, TargetChange
from portproof.model.portspec import parse_ports
from portproof.model.source import Listing, SourcedTarget
from portproof.policy.targets import failed, take
from portproof.store import SqlStore, verify_log
from portproof.store.targets import SqlTargets

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEB = SourcedTarget(
    id="web-1",
    kind="host",
    addresses=(ip_address("192.0.2.10"), ip_address("2001:db8::10")),
    names=("web.example.com",),
    owner="net-team",
    tags=("prod",),
    tier=Tier.ONE,
    capability="shop",
    zone="internet",
    ports=parse_ports("443,U:53"),
    seen_at=NOON,
    attributes={"rack": "r1"},
)


@pytest.fixture
def book(store: SqlStore) -> SqlTargets:
    return SqlTargets(store.database)


def listing(*items: SourcedTarget, at: datetime = NOON) -> Listing:
    return Listing(source="cmdb", at=at, items=items)


def test_a_target_is_read_back_as_it_was_kept(book: SqlTargets) -> None:
    taken = take((), listing(WEB))
    book.keep([taken])
    assert tuple(book.known()) == taken.targets


def test_what_is_known_of_an_address_that_left_is_read_back(book: SqlTargets) -> None:
    book.keep([take((), listing(WEB))])
    moved = replace(WEB, addresses=(ip_address("192.0.2.11"),))
    taken = take(book.known(), listing(moved, at=NOON + HOUR))
    book.keep([taken])
    assert tuple(book.known()) == taken.targets
    assert [each.until for each in book.known()[0].spans] == [NOON + HOUR, NOON + HOUR, None]


def test_each_fetch_is_a_leaf_of_the_log_that_verifies(book: SqlTargets, store: SqlStore) -> None:
    before = store.head().size
    book.keep([take((), listing(WEB)), failed("netbox", NOON, "it is down")])
    assert store.head().size == before + 2
    assert verify_log(store) == []


def test_a_list_that_says_the_same_again_is_kept_once(book: SqlTargets, store: SqlStore) -> None:
    book.keep([take((), listing(WEB))])
    for hours in (1, 2, 3):
        book.keep([take(book.known(), listing(WEB, at=NOON + hours * HOUR))])
    with store.database.reading() as session:
        query = "SELECT COUNT(*), COUNT(DISTINCT digest) FROM source_fetch"
        assert session.connection().exec_driver_sql(query).one() == (4, 2)


def test_the_last_fetch_of_each_source_is_told(book: SqlTargets) -> None:
    book.keep([take((), listing(WEB))])
    book.keep([failed("cmdb", NOON + HOUR, "it is down")])
    last = book.last_fetches()["cmdb"]
    assert (last.outcome, last.because, last.at) == (FetchOutcome.FAILED, "it is down", NOON + HOUR)


def test_a_failed_fetch_leaves_every_target_as_it_was(book: SqlTargets) -> None:
    book.keep([take((), listing(WEB))])
    before = book.known()
    book.keep([failed("cmdb", NOON + HOUR, "it is down")])
    assert book.known() == before


def test_a_fetch_that_was_rewritten_is_found(book: SqlTargets, store: SqlStore) -> None:
    taken = take((), listing(WEB))
    assert taken.changes == ((TargetChange.APPEARED, "cmdb/web-1"),)
    book.keep([taken])
    with store.database.writing() as session:
        execute = session.connection().exec_driver_sql
        execute("DROP TRIGGER source_fetch_no_update")
        execute("UPDATE source_fetch SET listed = 7")
    assert any("listed is not what the leaf says" in each for each in verify_log(store))
