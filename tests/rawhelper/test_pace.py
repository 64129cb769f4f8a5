"""Limits of the helper: in no second more than the rate, whoever asks however often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.rawhelper.pace import KeyedPace, Pace


@given(rate=st.integers(1, 5000), gaps=st.lists(st.floats(0, 0.4), min_size=1, max_size=120))
def test_no_second_holds_more_than_the_rate(rate: int, gaps: list[float]) -> None:
    pace, now = Pace(rate), 0.0
    sent: list[float] = []
    for gap in gaps:
        now += gap
        count = pace.granted(now, 10_000)
        pace.spend(now, count)
        sent += [now] * count
    starts = sorted(set(sent))
    times = np.array(sent)
    assert all(((times >= at) & (times < at + 0.999)).sum() <= rate for at in starts)


def test_what_was_granted_and_not_spent_is_there_again() -> None:
    pace = Pace(100)
    assert pace.granted(1.0, 10) == pace.granted(1.0, 10) == 2
    pace.spend(1.0, 2)
    assert pace.granted(1.0, 10) == 0
    assert pace.wait_s(1.0) == pytest.approx(1 / 99)


def test_each_key_has_a_pace_of_its_own() -> None:
    pace = KeyedPace(50)
    keys = np.array([7, 7, 9, 7, 9])
    admitted = pace.admit(1.0, keys)
    assert admitted.tolist() == [True, False, True, False, False]
    pace.spend(1.0, keys[admitted])
    assert not pace.admit(1.0, keys).any()
    assert pace.admit(1.021, keys).tolist() == [True, False, True, False, False]


def test_keys_that_owe_nothing_are_forgotten() -> None:
    pace = KeyedPace(50)
    for key in range(1000):
        pace.spend(float(key), np.array([key]))
    assert len(pace._paid_until) < 5
