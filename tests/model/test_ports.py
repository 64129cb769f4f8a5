"""Port sets against Python's own sets, and the text they print as."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.ports import PortSet

NUMBERS = st.frozensets(st.integers(0, 65535), max_size=40) | st.builds(
    lambda low, span: frozenset(range(low, min(low + span, 65535) + 1)),
    st.integers(0, 65535),
    st.integers(0, 300),
)


@given(NUMBERS, NUMBERS)
def test_the_algebra_is_that_of_sets(ours: frozenset[int], theirs: frozenset[int]) -> None:
    left, right = PortSet.from_iterable(ours), PortSet.from_iterable(theirs)
    assert set(left | right) == ours | theirs
    assert set(left & right) == ours & theirs
    assert set(left - right) == ours - theirs
    assert set(left ^ right) == ours ^ theirs
    assert (left <= right) is (ours <= theirs)
    assert (left >= right) is (ours >= theirs)
    assert (left == right) is (ours == theirs)


@given(NUMBERS)
def test_it_counts_and_lists_its_ports_in_ascending_order(numbers: frozenset[int]) -> None:
    ports = PortSet.from_iterable(numbers)
    assert list(ports) == sorted(numbers)
    assert len(ports) == len(numbers)
    assert bool(ports) is bool(numbers)
    assert [ports.nth(position) for position in range(len(ports))] == sorted(numbers)


@given(NUMBERS, st.integers(-2, 70000))
def test_membership_is_that_of_sets(numbers: frozenset[int], number: int) -> None:
    assert (number in PortSet.from_iterable(numbers)) is (number in numbers)


@given(NUMBERS)
def test_ranges_make_up_the_set_and_none_touches_the_next(numbers: frozenset[int]) -> None:
    ranges = PortSet.from_iterable(numbers).ranges()
    assert {port for first, last in ranges for port in range(first, last + 1)} == numbers
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))
    assert PortSet.from_ranges(ranges) == PortSet.from_iterable(numbers)


@given(NUMBERS)
def test_numpy_columns_go_in_and_come_out(numbers: frozenset[int]) -> None:
    ports = PortSet.from_iterable(numbers)
    column = ports.to_array()
    assert column.dtype == np.uint16
    assert column.tolist() == sorted(numbers)
    assert PortSet.from_iterable(column) == ports


@given(NUMBERS)
def test_equal_sets_have_one_hash_and_survive_pickling(numbers: frozenset[int]) -> None:
    ports = PortSet.from_iterable(numbers)
    assert hash(PortSet.from_ranges(ports.ranges())) == hash(ports)
    assert pickle.loads(pickle.dumps(ports)) == ports


def test_all_ports_equal_however_they_were_gathered() -> None:
    gathered = PortSet.from_iterable(range(1, 65536))
    assert gathered == PortSet.all_ports()
    assert hash(gathered) == hash(PortSet.all_ports())
    assert len(PortSet.all_ports()) == 65535
    assert 0 not in PortSet.all_ports()


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        (PortSet.empty(), ""),
        (PortSet.of(443), "443"),
        (PortSet.of(80, 22), "22,80"),
        (PortSet.of(22, 80) | PortSet.from_ranges([(1000, 2000)]), "22,80,1000-2000"),
        (PortSet.from_ranges([(1, 10), (5, 20), (21, 21)]), "1-21"),
        (PortSet.all_ports(), "-"),
        (PortSet.from_ranges([(0, 65535)]), "0-65535"),
        (PortSet.from_ranges([(1, 65534)]), "1-65534"),
    ],
)
def test_it_prints_as_the_shortest_list(ports: PortSet, text: str) -> None:
    assert str(ports) == text


def test_its_representation_shows_the_ports() -> None:
    assert repr(PortSet.of(22, 80)) == "<PortSet 22,80>"
    assert repr(PortSet.empty()) == "<PortSet empty>"


@pytest.mark.parametrize("number", [-1, 65536, 2**31, 2**63, -(2**63) - 1])
def test_a_number_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not between 0 and 65535"):
        PortSet.of(22, number)
    with pytest.raises(ValueError, match="not between 0 and 65535"):
        PortSet.from_ranges([(min(22, number), max(22, number))])


def test_a_column_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="port 70000 is not between"):
        PortSet.from_iterable(np.array([22, 70000]))


@pytest.mark.parametrize("values", [[22.5], ["22"], "22", np.array([22.5])])
def test_what_is_no_integer_is_refused_instead_of_truncated(values: list[int]) -> None:
    with pytest.raises(TypeError):
        PortSet.from_iterable(values)


def test_a_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="80-22 runs backwards"):
        PortSet.from_ranges([(80, 22)])


@pytest.mark.parametrize("position", [-1, 2])
def test_a_position_outside_the_set_is_an_index_error(position: int) -> None:
    with pytest.raises(IndexError, match=f"position {position} among 2"):
        PortSet.of(22, 80).nth(position)
