"""A state table on the way is never filled: what we hold of it is counted, and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.plan.flows import CLOSED_S, SILENT_S, flow_limited_s
from portproof.scan.flows import FlowBook


def test_the_budget_is_what_may_leave_at_once() -> None:
    book = FlowBook(10)
    assert book.take(0.0, 15) == 10
    assert book.take(1.0, 1) == 0


def test_a_silent_probe_holds_its_entry_for_two_minutes() -> None:
    book = FlowBook(1)
    book.take(0.0, 1)
    assert book.take(SILENT_S, 1) == 0
    assert book.take(SILENT_S + 1, 1) == 1


def test_an_answered_one_gives_it_back_after_ten_seconds() -> None:
    book = FlowBook(1)
    book.take(0.0, 1)
    book.answered(0.1, 0.0)
    assert book.take(CLOSED_S, 1) == 0
    assert book.take(CLOSED_S + 1, 1) == 1


def test_what_was_not_sent_holds_nothing() -> None:
    book = FlowBook(10)
    book.take(0.0, 10)
    book.give_back(4)
    assert book.held(0.0) == 6


def test_it_says_how_long_to_wait_for_room() -> None:
    book = FlowBook(1)
    assert book.wait_s(0.0) == 0.0
    book.take(0.0, 1)
    wait_s = book.wait_s(5.0)
    assert SILENT_S - 5 <= wait_s <= SILENT_S - 4
    assert book.take(5.0 + wait_s, 1) == 1


def test_an_answer_that_nobody_was_sent_gives_nothing_back() -> None:
    book = FlowBook(1)
    book.take(5.0, 1)
    book.answered(5.1, 1.0, 3)
    assert book.held(5.2) == 1


def test_a_budget_without_an_entry_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1 entry"):
        FlowBook(0)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(0, 40), st.integers(0, 40)), max_size=60),
)
def test_the_table_never_holds_more_than_the_budget(
    budget: int, steps: list[tuple[float, int, int]]
) -> None:
    """A true table, entry by entry, beside the book, which decides how many leave."""
    book, now = FlowBook(budget), 0.0
    silent: list[float] = []
    closed: list[float] = []
    for pause_s, wanted, answered in steps:
        now += pause_s
        silent += [now] * book.take(now, wanted)
        for _ in range(min(answered, len(silent))):
            sent = silent.pop()
            book.answered(now, sent)
            closed.append(now)
        silent = [each for each in silent if each + SILENT_S > now]
        closed = [each for each in closed if each + CLOSED_S > now]
        assert len(silent) + len(closed) <= budget


def test_what_fits_into_the_table_does_not_wait() -> None:
    assert flow_limited_s(1_000, 1_000) == 0.0
    assert flow_limited_s(3_000, 1_000, hold_s=10.0) == 20.0
    assert flow_limited_s(10**9, None) == 0.0
