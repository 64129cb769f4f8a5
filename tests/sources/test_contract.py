from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from portproof.documents.sources_shape import KINDS
from portproof.errors import SourceError
from sources.contract import Case, cases
from sources.world import SECRET, World

CASES = tuple(cases())
every = pytest.mark.parametrize("case", CASES, ids=str)
connections: list[Any] = []
watching: list[bool] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if watching and event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        connections.append((event, arguments[1:]))


sys.addaudithook(_hear)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_every_kind_that_a_document_may_name_goes_through_this_suite() -> None:
    assert sorted(each.kind for each in CASES) == sorted(KINDS)


@every
def test_it_lists_its_targets_by_their_identity_sorted_and_each_once(
    case: Case, world: World, ends: ExitStack
) -> None:
    listing = case.whole(world, ends).fetch()
    assert tuple(each.id for each in listing.items) == case.ids
    assert all(each.addresses or each.names for each in listing.items)


@every
def test_the_same_answer_gives_the_same_list(case: Case, world: World, ends: ExitStack) -> None:
    source = case.whole(world, ends)
    assert source.fetch() == source.fetch() == case.whole(world, ends).fetch()


@every
def test_it_dates_what_it_lists_with_the_time_of_the_fetch(
    case: Case, world: World, ends: ExitStack
) -> None:
    listing = case.whole(world, ends).fetch()
    assert {listing.at, *(each.seen_at for each in listing.items)} == {world.now}


@pytest.mark.parametrize("case", [each for each in CASES if each.empty], ids=str)
def test_an_empty_list_is_an_answer_and_no_error(case: Case, world: World, ends: ExitStack) -> None:
    assert case.empty is not None
    assert case.empty(world, ends).fetch().items == ()


@every
def test_what_cannot_be_read_is_an_error_with_source_place_and_remedy(
    case: Case, world: World, ends: ExitStack
) -> None:
    with pytest.raises(SourceError) as refused:
        case.broken(world, ends).fetch()
    told = str(refused.value)
    assert told.startswith("source here: ")
    assert all(each in told for each in case.names)
    assert told.isprintable()
    assert len(told) < 1_000


@pytest.mark.parametrize("case", [each for each in CASES if each.hostile], ids=str)
def test_hostile_text_becomes_one_short_printable_line(
    case: Case, world: World, ends: ExitStack
) -> None:
    assert case.hostile is not None
    listing = case.hostile(world, ends).fetch()
    assert listing.items
    texts = [*listing.not_understood]
    for each in listing.items:
        texts += [
            each.id,
            each.kind,
            each.owner,
            *each.tags,
            *each.names,
            *each.attributes.values(),
        ]
    assert all(each.isprintable() and len(each) <= 256 for each in texts)


@every
def test_a_list_longer_than_its_bound_fails_as_a_whole(
    case: Case, world: World, ends: ExitStack
) -> None:
    world.limits = replace(world.limits, items=0)
    with pytest.raises(SourceError, match="lists more than 0 targets"):
        case.whole(world, ends).fetch()


@pytest.mark.parametrize(
    "case", [each for each in CASES if each.kind not in {"static", "dns", "dns_transfer"}], ids=str
)
def test_an_answer_larger_than_its_bound_fails_as_a_whole(
    case: Case, world: World, ends: ExitStack
) -> None:
    world.limits = replace(world.limits, bytes=8)
    with pytest.raises(SourceError, match="than 8 bytes"):
        case.whole(world, ends).fetch()


@every
def test_a_fetch_that_takes_too_long_fails_as_a_whole(
    case: Case, world: World, ends: ExitStack
) -> None:
    source = case.whole(world, ends)
    ticks = iter(range(0, 1_000_000, 500))
    slow = replace(source, ground=replace(source.ground, elapsed_s=lambda: next(ticks)))
    with pytest.raises(SourceError, match="it took longer than 120 s"):
        slow.fetch()


@every
def test_a_stopped_fetch_gives_nothing_and_the_next_one_everything(
    case: Case, world: World, ends: ExitStack
) -> None:
    source = case.whole(world, ends)
    world.stopped = True
    with pytest.raises(SourceError, match="the fetch was stopped"):
        source.fetch()
    world.stopped = False
    assert tuple(each.id for each in source.fetch().items) == case.ids


@pytest.mark.parametrize("case", [each for each in CASES if not each.asks], ids=str)
def test_files_are_read_without_any_network(case: Case, world: World, ends: ExitStack) -> None:
    source = case.whole(world, ends)
    connections.clear()
    watching.append(True)
    try:
        source.fetch()
    finally:
        watching.clear()
    assert connections == []


@every
def test_making_a_source_asks_nothing(case: Case, world: World, ends: ExitStack) -> None:
    case.whole(world, ends)
    assert world.site.asked == []


@every
def test_no_secret_shows_in_a_source_its_list_or_its_errors(
    case: Case, world: World, ends: ExitStack
) -> None:
    source = case.whole(world, ends)
    shown = [repr(source), repr(source.fetch())]
    with pytest.raises(SourceError) as refused:
        case.broken(world, ends).fetch()
    shown.append(str(refused.value))
    assert not any(SECRET in each or "never-copied" in each for each in shown)
