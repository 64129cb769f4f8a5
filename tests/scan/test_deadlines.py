from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portproof.scan.deadlines import TICK_S, Deadlines

MOMENTS = st.floats(0.0, 50.0)


@given(st.lists(MOMENTS, max_size=30), st.lists(MOMENTS, max_size=30))
def test_each_is_due_once_never_early_and_at_most_two_ticks_late(
    deadlines: list[float], looks: list[float]
) -> None:
    waiting: Deadlines[int] = Deadlines(0.0)
    for number, at in enumerate(deadlines):
        waiting.put(number, at)
    seen: list[int] = []
    for now in [*sorted(looks), 60.0]:
        for number in waiting.due(now):
            assert deadlines[number] <= now
            seen.append(number)
        late = [at for number, at in enumerate(deadlines) if number not in seen]
        assert all(at > now - 2 * TICK_S for at in late)
    assert sorted(seen) == list(range(len(deadlines)))


def test_a_new_deadline_takes_the_place_of_the_old_one() -> None:
    waiting: Deadlines[str] = Deadlines(100.0)
    waiting.put("a", 101.0)
    waiting.put("a", 105.0)
    assert waiting.due(104.0) == []
    assert waiting.due(105.1) == ["a"]


def test_what_was_dropped_is_never_due() -> None:
    waiting: Deadlines[str] = Deadlines(0.0)
    waiting.put("a", 1.0)
    waiting.drop("a")
    waiting.drop("never put")
    assert waiting.due(9.0) == []


def test_a_deadline_in_the_past_is_due_at_the_next_tick() -> None:
    waiting: Deadlines[str] = Deadlines(50.0)
    waiting.put("a", 1.0)
    assert waiting.due(50.0 + 2 * TICK_S) == ["a"]


def test_what_is_due_comes_in_the_order_of_its_deadlines() -> None:
    waiting: Deadlines[str] = Deadlines(0.0)
    for name, at in (("last", 3.0), ("first", 1.0), ("second", 2.0)):
        waiting.put(name, at)
    assert waiting.due(4.0) == ["first", "second", "last"]
