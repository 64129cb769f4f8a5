from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.documents.hosts import Hosts, Inventory, hosts_of
from portproof.errors import SpecificationError
from portproof.model.endpoint import Network
from portproof.model.targetspec import NameTarget, TargetSpec, addresses, parse_target, size

OCTET = st.one_of(
    st.just("*"),
    st.integers(0, 255).map(str),
    st.tuples(st.integers(0, 255), st.integers(0, 6)).map(
        lambda ends: f"{ends[0]}-{min(255, ends[0] + ends[1])}"
    ),
)


def networks_or_none(target: TargetSpec) -> tuple[Network, ...] | None:
    try:
        return hosts_of(target).networks
    except SpecificationError:
        return None


@given(st.tuples(st.just("10"), st.integers(0, 3).map(lambda last: f"0-{last}"), OCTET, OCTET))
def test_the_networks_of_a_range_hold_exactly_its_addresses(octets: tuple[str, ...]) -> None:
    target = parse_target(".".join(octets))
    assert not isinstance(target, NameTarget)
    networks = networks_or_none(target)
    if networks is None or (size(target) or 0) > 2000:
        held = None if networks is None else sum(each.num_addresses for each in networks)
        assert held in {None, size(target)}
    else:
        assert [each for network in networks for each in network] == list(addresses(target))


def test_a_range_of_whole_octets_is_one_network() -> None:
    assert [str(each) for each in hosts_of(parse_target("10.1.*.*")).networks] == ["10.1.0.0/16"]
    assert [str(each) for each in hosts_of(parse_target("*.*.*.*")).networks] == ["0.0.0.0/0"]


def test_a_range_that_falls_into_thousands_of_networks_is_refused() -> None:
    with pytest.raises(SpecificationError, match="too many"):
        hosts_of(parse_target("1-100.1-100.*.1"))


def test_only_the_first_unknown_names_are_searched_for_a_near_one() -> None:
    inventory = Inventory([], also=["web-server"])
    hints = 0
    for _ in range(50):
        with pytest.raises(SpecificationError) as caught:
            inventory.resolve("web-servr")
        hints += "did you mean" in caught.value.problem
    assert hints == 20


def test_a_union_has_each_host_once_in_order() -> None:
    parts = [
        hosts_of(parse_target(text))
        for text in ("10.0.0.2", "a.example.com", "10.0.0.1", "10.0.0.2")
    ]
    union = Hosts.union(parts)
    assert [str(network) for network in union.networks] == ["10.0.0.2/32", "10.0.0.1/32"]
    assert union.names == ("a.example.com",)


def test_an_id_stands_for_a_target_of_a_source_and_for_no_address() -> None:
    assert Inventory(()).resolve("id:cmdb/web-1") == Hosts(ids=("cmdb/web-1",))
    assert Inventory(()).resolve(" id: aws/vol/eni-1 ").ids == ("aws/vol/eni-1",)


@pytest.mark.parametrize("text", ["id:", "id:web-1", "id:/web-1", "id:cmdb/"])
def test_an_id_without_its_source_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(SpecificationError, match="write id:SOURCE/ID, as `portproof sources show`"):
        Inventory(()).resolve(text)


def test_the_ends_of_a_range_are_not_addresses_that_were_listed_by_themselves() -> None:
    ranged = hosts_of(parse_target("10.0.0.1-4")).ranged
    assert sorted(map(str, ranged)) == ["10.0.0.1/32", "10.0.0.4/32"]
    assert hosts_of(parse_target("10.0.0.1")).ranged == frozenset()
