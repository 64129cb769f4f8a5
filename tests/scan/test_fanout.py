from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from portproof.scan.fanout import fan_out


async def watched(
    pieces: list[tuple[str, int]], *, at_once: int, per_group: int
) -> tuple[list[int], int, int]:
    """Do the pieces; gives what was done, the most at once in all, and in one group."""
    done: list[int] = []
    under_way: Counter[str] = Counter()
    groups = {piece: group for group, piece in pieces}
    most = [0, 0]

    async def work(piece: int) -> None:
        under_way[groups[piece]] += 1
        most[0] = max(most[0], under_way.total())
        most[1] = max(most[1], *under_way.values())
        await asyncio.sleep(0.001)
        under_way[groups[piece]] -= 1
        done.append(piece)

    await fan_out(pieces, work, at_once=at_once, per_group=per_group, stop=lambda: False)
    return done, most[0], most[1]


async def test_every_piece_is_done_once_within_both_limits() -> None:
    pieces = [("abc"[number % 3], number) for number in range(60)]
    done, at_once, in_group = await watched(pieces, at_once=5, per_group=2)
    assert sorted(done) == list(range(60))
    assert (at_once, in_group) == (5, 2)


async def test_a_group_alone_gets_its_share_and_no_more() -> None:
    done, at_once, _ = await watched(
        [("a", number) for number in range(10)], at_once=50, per_group=3
    )
    assert len(done) == 10
    assert at_once == 3


async def test_groups_are_served_in_turn() -> None:
    pieces = [("long", number) for number in range(20)] + [("short", 99)]
    done, _, _ = await watched(pieces, at_once=1, per_group=1)
    assert done.index(99) <= 2


async def test_no_work_is_no_wait() -> None:
    done, _, _ = await watched([], at_once=5, per_group=5)
    assert done == []


async def test_a_failure_ends_all_and_is_the_callers() -> None:
    async def work(piece: int) -> None:
        await asyncio.sleep(0.001)
        raise LookupError(piece)

    with pytest.raises(LookupError):
        await fan_out([("a", 1), ("a", 2)], work, at_once=2, per_group=2, stop=lambda: False)
