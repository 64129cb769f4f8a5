from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portproof.scan.turnstile import Turnstile


def admitted(turnstile: Turnstile[str]) -> list[str]:
    """Let in whoever may go in now."""
    names = []
    while (name := turnstile.admit()) is not None:
        names.append(name)
    return names


def test_no_more_go_in_than_may_be_inside_together() -> None:
    turnstile: Turnstile[str] = Turnstile(at_once=2, per_group=9)
    for name in ("a1", "b1", "c1"):
        turnstile.queue(name[0], name)
    assert admitted(turnstile) == ["a1", "b1"]
    turnstile.leave("a")
    assert admitted(turnstile) == ["c1"]


def test_no_more_of_a_group_go_in_than_its_share() -> None:
    turnstile: Turnstile[str] = Turnstile(at_once=9, per_group=1)
    for name in ("a1", "a2", "b1"):
        turnstile.queue(name[0], name)
    assert admitted(turnstile) == ["a1", "b1"]
    turnstile.leave("b")
    assert admitted(turnstile) == []
    turnstile.leave("a")
    assert admitted(turnstile) == ["a2"]


def test_groups_are_served_in_turn() -> None:
    turnstile: Turnstile[str] = Turnstile(at_once=9, per_group=9)
    for name in ("a1", "a2", "a3", "b1", "b2"):
        turnstile.queue(name[0], name)
    assert admitted(turnstile) == ["a1", "b1", "a2", "b2", "a3"]


def test_whoever_comes_back_goes_ahead_of_the_group() -> None:
    turnstile: Turnstile[str] = Turnstile(at_once=1, per_group=1)
    for name in ("a1", "a2"):
        turnstile.queue("a", name)
    assert turnstile.admit() == "a1"
    turnstile.queue("a", "a1 again", first=True)
    turnstile.leave("a")
    assert turnstile.admit() == "a1 again"
    assert turnstile


@given(st.data())
def test_limits_hold_and_nobody_is_forgotten(data: st.DataObject) -> None:
    at_once, per_group = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    turnstile: Turnstile[int] = Turnstile(at_once=at_once, per_group=per_group)
    groups = data.draw(st.lists(st.integers(0, 3), max_size=20))
    for number, group in enumerate(groups):
        turnstile.queue(group, number)
    inside: list[int] = []
    served: list[int] = []
    while turnstile or inside:
        let_in = turnstile.admit()
        if let_in is not None:
            inside.append(let_in)
            served.append(let_in)
            assert len(inside) <= at_once
            of_group = [each for each in inside if groups[each] == groups[let_in]]
            assert len(of_group) <= per_group
        else:
            turnstile.leave(groups[inside.pop(data.draw(st.integers(0, len(inside) - 1)))])
    assert sorted(served) == list(range(len(groups)))
