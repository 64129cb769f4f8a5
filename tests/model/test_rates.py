"""Two limits together: the lower one of each kind binds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portproof.model.rates import Rates

limits = st.integers(1, 10**8)
optional = st.none() | limits
rates = st.builds(
    Rates,
    global_pps=limits,
    per_host_pps=limits,
    max_connections=limits,
    per_host_connections=limits,
    per_subnet_pps=optional,
    max_flows=optional,
)
unlimited = float("inf")


@given(rates, rates)
def test_the_stricter_of_two_rates_exceeds_neither(one: Rates, other: Rates) -> None:
    both = one.stricter(other)
    for name in Rates.__dataclass_fields__:
        given_limits = [getattr(each, name) or unlimited for each in (one, other)]
        assert (getattr(both, name) or unlimited) == min(given_limits)


def test_a_limit_that_only_one_names_holds() -> None:
    assert Rates(max_flows=9).stricter(Rates()).max_flows == 9
    assert Rates().stricter(Rates(per_subnet_pps=5)).per_subnet_pps == 5


def test_runs_from_before_the_limit_of_flows_had_none() -> None:
    assert Rates().max_flows is None
