"""The loss of a path is estimated from the attempts of what answered, and few answers count as few."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.scan.loss import (
    ENOUGH_ANSWERS,
    MOST_DOUBT,
    LossBook,
    Tally,
    askings_for,
    estimate,
    packet_loss,
)


def answers(loss: float, count: int, most: int, seed: int = 1) -> list[int]:
    """Attempts of endpoints that answered within `most` askings, each lost with that probability."""
    chance = random.Random(seed)
    found: list[int] = []
    while len(found) < count:
        attempts = next((k for k in range(1, most + 1) if chance.random() >= loss), None)
        found += [] if attempts is None else [attempts]
    return found


def tally(attempts: list[int]) -> Tally:
    return Tally(len(attempts), sum(attempts) - len(attempts))


@pytest.mark.parametrize("loss", [0.02, 0.1, 0.3, 0.51, 0.7])
@pytest.mark.parametrize("most", [2, 3, 11, 31])
def test_the_estimate_finds_the_loss_also_where_attempts_are_cut_off_early(
    loss: float, most: int
) -> None:
    found = estimate([(tally(answers(loss, 20_000, most)), most)])
    assert found.likeliest == pytest.approx(loss, abs=0.03)
    assert found.likeliest < found.cautious < found.likeliest + 0.05


def test_tallies_that_are_cut_off_differently_count_together() -> None:
    parts = [(tally(answers(0.4, 5_000, most, seed=most)), most) for most in (1, 3, 31)]
    assert estimate(parts).likeliest == pytest.approx(0.4, abs=0.02)


def test_the_cautious_estimate_is_too_low_once_in_twenty() -> None:
    for count in (20, 100, 400):
        parts = [tally(answers(0.51, count, 31, seed=seed)) for seed in range(400)]
        too_low = sum(estimate([(each, 31)]).cautious < 0.51 for each in parts)
        assert 0.01 <= too_low / 400 <= 0.10


def test_fewer_answers_are_met_with_more_caution() -> None:
    few, many = estimate([(Tally(4, 2), 31)]), estimate([(Tally(400, 200), 31)])
    assert few.likeliest == pytest.approx(many.likeliest)
    assert few.cautious - few.likeliest > 5 * (many.cautious - many.likeliest)


def test_where_nothing_was_lost_nothing_is_raised() -> None:
    assert estimate([(Tally(1, 0), 31), (Tally(1_000, 0), 3)]).cautious == 0.0
    assert estimate([]).cautious == 0.0
    assert askings_for(0.0) == 1


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 255))
def test_an_estimate_is_a_probability_whatever_was_counted(
    count: int, repeats: int, most: int
) -> None:
    found = estimate([(Tally(count, repeats), most)])
    assert 0.0 <= found.likeliest <= found.cautious < 1.0


@given(st.floats(0.0, 0.999), st.floats(1e-9, 0.5))
def test_so_many_askings_suffice_and_one_fewer_does_not(loss: float, doubt: float) -> None:
    askings = askings_for(loss, doubt)
    assert loss**askings < doubt * (1 + 1e-9)
    assert askings == 1 or loss ** (askings - 1) >= doubt * (1 - 1e-9)


def test_thirty_packets_in_a_hundred_each_way_take_twenty_one_askings() -> None:
    assert askings_for(1 - 0.7**2, MOST_DOUBT) == 21
    assert packet_loss(1 - 0.7**2) == pytest.approx(0.3)


# ---------------------------------------------------------------- by path


def book(**paths: tuple[int, int]) -> LossBook:
    """A book with paths of so many answers and so many repeats; ports were asked up to 31 times."""
    held = LossBook()
    held.given(np.array([31], dtype=np.uint8))
    for path, (count, repeats) in paths.items():
        held.targets_answered(path, count, count + repeats)
    return held


def test_a_path_with_answers_of_its_own_goes_by_them() -> None:
    held = book(good=(200, 0), bad=(200, 200))
    assert held.of("good").cautious == 0.0
    assert held.of("bad").likeliest == pytest.approx(0.5, abs=0.01)


def test_a_path_with_few_answers_takes_the_worse_of_its_own_and_the_runs() -> None:
    held = book(few=(ENOUGH_ANSWERS - 1, 0), bad=(200, 200), worse=(3, 30))
    assert held.of("few") == held.of("never heard of") == held.of_all()
    assert held.of("worse").cautious > held.of_all().cautious


def test_controls_tell_of_the_path_where_a_plan_asks_each_port_only_once() -> None:
    held = LossBook()
    held.given(np.array([1, 1], dtype=np.uint8))
    held.targets_answered("path", 100, 100)
    assert held.of("path").cautious == 0.0
    for attempts in answers(0.5, 30, 31):
        held.control_answered("path", attempts)
    assert held.of("path").likeliest == pytest.approx(0.5, abs=0.15)


def test_a_run_of_countless_paths_forgets_the_oldest_and_still_knows_the_whole() -> None:
    held = LossBook()
    held.given(np.array([31], dtype=np.uint8))
    for path in range(20_000):
        held.targets_answered(path, 1, 2)
    assert held.answers == 20_000
    assert held.of(0) == held.of_all()
