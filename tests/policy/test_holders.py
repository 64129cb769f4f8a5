"""Who held an address when: an approval stays with the one it was given for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from portproof.model.inventory import KnownTarget
from portproof.model.source import Listing, SourcedTarget
from portproof.policy.holders import Holders
from portproof.policy.targets import take

START = datetime(2026, 5, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
ADDRESS = ip_address("10.0.0.1")
OTHER = ip_address("10.0.0.2")
FILLER = {"rest-1": "10.9.0.1", "rest-2": "10.9.0.2", "rest-3": "10.9.0.3"}
"""Targets that stay, so that no list is suddenly short."""


def day(number: int) -> date:
    return (START + number * DAY).date()


def inventory(*days: Mapping[str, str], source: str = "aws") -> tuple[KnownTarget, ...]:
    """What is known after one list a day, each saying which id has which address."""
    known: tuple[KnownTarget, ...] = ()
    for number, listed in enumerate(days):
        at = START + number * DAY
        items = tuple(
            SourcedTarget(id=name, kind="host", addresses=(ip_address(held),), seen_at=at)
            for name, held in ({**FILLER, **listed}).items()
        )
        known = take(known, Listing(source=source, at=at, items=items)).targets
    return known


def told(known: Sequence[KnownTarget], meant: date | datetime | None) -> str:
    handed = Holders(known).handed_on(ADDRESS, meant)
    return "" if handed is None else str(handed)


# ---------------------------------------------------------------- by example


def test_an_address_that_always_was_the_same_targets_is_still_its() -> None:
    known = inventory({"a": "10.0.0.1"}, {"a": "10.0.0.1"})
    assert told(known, day(0)) == told(known, None) == ""
    assert Holders(known).ids(ADDRESS) == ("aws/a",)


def test_what_was_meant_for_the_owner_of_that_day_is_not_for_the_next() -> None:
    known = inventory({"a": "10.0.0.1"}, {"a": "10.0.0.1"}, {"b": "10.0.0.1"})
    assert told(known, day(0)) == (
        "aws/a, which had this address until 2026-05-03; it now belongs to aws/b"
    )
    assert told(known, day(3)) == ""


def test_on_the_day_of_the_change_itself_it_is_meant_for_who_had_it_in_the_morning() -> None:
    known = inventory({"a": "10.0.0.1"}, {"b": "10.0.0.1"})
    assert told(known, day(1)).startswith("aws/a")
    assert told(known, START + DAY) == ""


def test_what_is_older_than_the_inventory_is_meant_for_the_first_who_is_known() -> None:
    known = inventory({"a": "10.0.0.1"}, {"b": "10.0.0.1"})
    assert told(known, day(-300)).startswith("aws/a")
    assert told(inventory({"a": "10.0.0.1"}), day(-300)) == ""


def test_what_has_no_date_is_meant_for_the_first_who_is_known() -> None:
    known = inventory({"a": "10.0.0.1"}, {"b": "10.0.0.1"})
    assert told(known, None).startswith("aws/a")


def test_what_is_approved_ahead_is_meant_for_the_next_who_comes() -> None:
    free = {"c": "10.0.0.3"}
    known = inventory({"a": "10.0.0.1"}, free, free, {"b": "10.0.0.1"})
    assert told(known, day(2)) == ""
    assert told(known, day(0)).startswith("aws/a")


def test_an_address_that_its_target_has_left_is_nobodys() -> None:
    known = inventory({"a": "10.0.0.1"}, {"a": "10.0.0.2"})
    assert told(known, day(0)) == (
        "aws/a, which had this address until 2026-05-02; no source lists it now"
    )
    assert Holders(known).ids(ADDRESS) == ()
    assert Holders(known).ids(OTHER) == ("aws/a",)


def test_a_retired_target_keeps_its_address_until_somebody_else_has_it() -> None:
    gone = inventory({"a": "10.0.0.1"}, {})
    assert told(gone, day(0)) == ""
    assert [each.key for each in Holders(gone).retired(ADDRESS)] == ["aws/a"]
    taken = inventory({"a": "10.0.0.1"}, {}, {"b": "10.0.0.1"})
    assert told(taken, day(0)).startswith("aws/a")
    assert Holders(taken).retired(ADDRESS) == ()


def test_a_target_that_returns_to_its_address_has_its_approvals_again() -> None:
    known = inventory({"a": "10.0.0.1"}, {"b": "10.0.0.1"}, {"a": "10.0.0.1"})
    assert told(known, day(0)) == ""
    assert told(known, START + DAY).startswith("aws/b")


def test_two_targets_that_share_an_address_are_both_meant() -> None:
    shared = {"a": "10.0.0.1", "b": "10.0.0.1"}
    known = inventory(shared, {"b": "10.0.0.1", "c": "10.0.0.1"})
    assert told(known, day(0)) == ""
    known = inventory(shared, {"c": "10.0.0.1"})
    assert told(known, day(0)).endswith("it now belongs to aws/c")


def test_a_suddenly_short_list_that_has_another_owner_says_that_it_changed_hands() -> None:
    many = {f"more-{each}": f"10.7.0.{each}" for each in range(1, 9)}
    known = inventory({"a": "10.0.0.1", **many}, {"b": "10.0.0.1"})
    assert [each.retired_at for each in known if each.target.id == "a"] == [None]
    assert told(known, day(0)).endswith("it now belongs to aws/b")
    assert Holders(known).ids(ADDRESS) == ("aws/b",)


def test_a_register_that_goes_on_naming_the_machine_does_not_outweigh_its_replacement() -> None:
    cmdb = inventory({"web": "10.0.0.1"}, {"web": "10.0.0.1"}, source="cmdb")
    cloud = inventory({"a": "10.0.0.1"}, {"b": "10.0.0.1"})
    assert told((*cmdb, *cloud), day(0)).startswith("aws/a")


def test_a_source_that_is_added_later_changes_hands_of_nothing() -> None:
    cmdb = inventory({"web": "10.0.0.1"}, {"web": "10.0.0.1"}, {"web": "10.0.0.1"}, source="cmdb")
    cloud = inventory({}, {}, {"a": "10.0.0.1"})
    assert told((*cmdb, *cloud), day(0)) == ""


def test_a_name_that_points_elsewhere_takes_nothing_from_a_machine_that_is_still_there() -> None:
    cmdb = inventory({"web": "10.0.0.1"}, {"web": "10.0.0.1"}, source="cmdb")
    names = inventory({"www": "10.0.0.1"}, {"www": "10.0.0.2"}, source="dns")
    assert told((*cmdb, *names), day(0)) == ""


def test_a_target_that_moved_to_another_register_under_another_id_is_another_target() -> None:
    old = inventory({"a": "10.0.0.1"}, {}, {}, source="old")
    new = inventory({}, {}, {"b": "10.0.0.1"}, source="new")
    assert told((*old, *new), day(0)).endswith("it now belongs to new/b")


def test_an_earlier_run_is_held_against_the_owners_of_its_own_time() -> None:
    known = inventory({"a": "10.0.0.1"}, {"a": "10.0.0.1"}, {"b": "10.0.0.1"})
    before = Holders(known, START + DAY)
    assert (before.handed_on(ADDRESS, day(0)), before.ids(ADDRESS)) == (None, ("aws/a",))
    assert Holders(known, START + 2 * DAY).handed_on(ADDRESS, day(0)) is not None


def test_without_an_inventory_nobody_ever_held_anything() -> None:
    nobody = Holders()
    assert nobody.handed_on(ADDRESS, None) is None
    assert (nobody.ids(ADDRESS), nobody.successor(ADDRESS)) == ((), "")


def test_the_second_owner_of_an_address_is_its_successor_and_the_first_is_not() -> None:
    assert Holders(inventory({"a": "10.0.0.1"})).successor(ADDRESS) == ""
    known = inventory({"a": "10.0.0.1"}, {"b": "10.0.0.1"})
    assert Holders(known).successor(ADDRESS) == "aws/b"


# ---------------------------------------------------------------- for any history


@dataclass(frozen=True)
class History:
    """Who had the address on each day; None: nobody."""

    owners: tuple[str | None, ...]
    retiring: bool = False
    """Whether who does not have it is not listed at all, and does not merely have another address."""

    @property
    def known(self) -> tuple[KnownTarget, ...]:
        """What is known after it."""
        spare = {} if self.retiring else {"a": "10.1.0.1", "b": "10.1.0.2", "c": "10.1.0.3"}
        return inventory(*({**spare, **({who: "10.0.0.1"} if who else {})} for who in self.owners))


owners = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=8)
histories = owners.map(lambda who: History(tuple(who)))
of_both_kinds = st.builds(History, owners.map(tuple), st.booleans())


@given(of_both_kinds, st.integers(-2, 9))
def test_nothing_ever_passes_to_another_owner_than_that_of_its_day(
    history: History, on: int
) -> None:
    noon = START + on * DAY + timedelta(hours=6)
    known = history.known
    held = Holders(known)
    had = [each for each in history.owners if each]
    # A retired target keeps its last address; one that is listed elsewhere does not.
    now = had[-1] if history.retiring and had else history.owners[-1]
    # The list of a day is read in its morning and holds until the next.
    then = history.owners[min(on, len(history.owners) - 1)] if on >= 0 else None
    applies = held.handed_on(ADDRESS, noon) is None
    if then is not None and then != now:
        assert not applies
    if then is not None and then == now:
        assert applies


@given(histories)
def test_an_id_that_moves_is_found_at_its_address_of_now(history: History) -> None:
    held = Holders(history.known)
    now = history.owners[-1]
    assert held.ids(ADDRESS) == ((f"aws/{now}",) if now else ())


@given(of_both_kinds)
def test_an_address_is_never_of_two_who_had_it_one_after_the_other(history: History) -> None:
    had = [each for each in history.owners if each]
    last = {f"aws/{had[-1]}"} if had else set()
    assert set(Holders(history.known).ids(ADDRESS)) <= last


@given(of_both_kinds, st.integers(0, 8))
def test_what_comes_later_changes_nothing_of_an_earlier_instant(history: History, cut: int) -> None:
    earlier = replace(history, owners=history.owners[: cut + 1])
    at = START + min(cut, len(history.owners) - 1) * DAY
    then, now = Holders(earlier.known), Holders(history.known, at)
    for number in range(-1, 9):
        assert str(then.handed_on(ADDRESS, day(number))) == str(now.handed_on(ADDRESS, day(number)))
    assert then.ids(ADDRESS) == now.ids(ADDRESS)
    retired = [[each.key for each in held.retired(ADDRESS)] for held in (then, now)]
    assert retired[0] == retired[1]
