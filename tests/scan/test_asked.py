from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portproof.scan.asked import NEVER_MS, AskedTable, key_of_v4, key_of_v6

STEPS = st.lists(
    st.tuples(st.sets(st.integers(2, 300), max_size=40), st.sets(st.integers(2, 300), max_size=40)),
    max_size=30,
)


def keys(numbers: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(numbers, dtype=np.uint64)


@given(STEPS)
def test_what_is_added_is_found_until_it_is_removed(steps: list[tuple[set[int], set[int]]]) -> None:
    table, held = AskedTable(512), dict[int, int]()
    for added, removed in steps:
        new = [key for key in added if key not in held]
        rows = table.add(keys(new), np.array(new, dtype=np.int64)).tolist()
        held |= dict(zip(new, rows, strict=True))
        assert len(set(held.values())) == len(held) == len(table)
        gone = [key for key in removed if key in held]
        table.remove(np.array([held.pop(key) for key in gone], dtype=np.int64))
        everything = list(range(2, 301))
        assert table.find(keys(everything)).tolist() == [held.get(key, -1) for key in everything]


def test_a_row_is_due_when_its_time_is_over_and_not_before() -> None:
    table = AskedTable(8)
    rows = table.add(keys([5, 6]), np.array([5, 6])).tolist()
    assert (table.due(10_000).tolist(), table.next_due_ms()) == ([], NEVER_MS)
    table.asked([rows[0]], 0, 1_000, 50)
    assert (table.due(49).tolist(), table.due(50).tolist()) == ([], [rows[0]])
    assert table.next_due_ms() == 50


def test_a_round_trip_over_the_turn_of_the_clock_is_still_short() -> None:
    table = AskedTable(8)
    (row,) = table.add(keys([5]), np.array([5])).tolist()
    table.asked([row], 1, (1 << 32) - 10, 0)
    assert table.rtt_us(row, 1, (1 << 32) + 5) == 15


def test_a_row_given_back_belongs_to_nobody() -> None:
    table = AskedTable(8)
    rows = table.add(keys([5]), np.array([77]))
    assert table.holds(int(rows[0]), 77)
    table.remove(rows)
    assert not table.holds(int(rows[0]), 77)
    assert table.room == 8


def test_keys_of_both_families_differ() -> None:
    assert key_of_v4(0, 0) > 1
    assert key_of_v4(2**32 - 1, 65_535) < 1 << 63 <= key_of_v6(1, 53) < 1 << 64
