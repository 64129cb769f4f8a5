"""Hosts as stretches of addresses: the same hosts, whatever they cost."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.hosts import HostList, HostStretch
from portproof.model.ports import PortSet
from portproof.model.scan import PlannedHost


def host(address: str, target: str = "t", ports: int = 80) -> PlannedHost:
    return PlannedHost(
        address=ip_address(address),
        target=target,
        tcp=PortSet.of(ports),
        udp=PortSet.empty(),
    )


hosts = st.lists(
    st.builds(
        lambda number, version, target, port: replace(
            host("10.0.0.0" if version == 4 else "fd00::", target, port),
            address=ip_address("10.0.0.0" if version == 4 else "fd00::") + number,
        ),
        st.integers(0, 12),
        st.sampled_from([4, 6]),
        st.sampled_from(["net", "other"]),
        st.sampled_from([22, 80]),
    ),
    unique_by=lambda each: each.address,
    max_size=20,
).map(tuple)


@given(hosts)
def test_it_holds_the_same_hosts_in_the_same_order(listed: tuple[PlannedHost, ...]) -> None:
    kept = HostList.of(listed)
    assert tuple(kept) == listed
    assert len(kept) == len(listed)
    assert [kept[index] for index in range(len(listed))] == list(listed)
    assert [kept[index - len(listed)] for index in range(len(listed))] == list(listed)
    assert kept[1:-1] == listed[1:-1]


@given(hosts, hosts)
def test_it_equals_what_holds_the_same_hosts(
    one: tuple[PlannedHost, ...], other: tuple[PlannedHost, ...]
) -> None:
    kept = HostList.of(one)
    uncut = HostList(HostStretch(each, 1) for each in one)
    assert kept == one
    assert one == kept
    assert kept == uncut
    assert hash(kept) == hash(uncut)
    assert (kept == HostList.of(other)) is (one == other)


def test_neighbours_of_which_the_same_is_asked_are_one_stretch() -> None:
    listed = [host("10.0.0.1"), host("10.0.0.2"), host("10.0.0.3", ports=22), host("10.0.0.4")]
    assert [each.count for each in HostList.of(listed).stretches] == [2, 1, 1]


def test_a_sixteen_millionth_host_is_computed() -> None:
    everything = HostList([HostStretch(host("10.0.0.0"), 1 << 24), HostStretch(host("::1"), 1)])
    assert len(everything) == (1 << 24) + 1
    assert str(everything[(1 << 24) - 1].address) == "10.255.255.255"
    assert str(everything[-1].address) == "::1"


def test_a_place_beyond_the_list_is_an_error() -> None:
    with pytest.raises(IndexError):
        HostList.of([host("10.0.0.1")])[1]
    with pytest.raises(IndexError):
        HostList([])[0]


@pytest.mark.parametrize(("first", "count"), [("10.0.0.1", 0), ("255.255.255.255", 2)])
def test_a_stretch_lies_inside_its_family(first: str, count: int) -> None:
    with pytest.raises(ValueError, match="addresses begin at"):
        HostStretch(host(first), count)


def test_the_place_of_an_address_in_its_stretch() -> None:
    stretch = HostStretch(host("10.0.0.1"), 4)
    assert stretch.offset_of(ip_address("10.0.0.4")) == 3
    assert stretch.offset_of(ip_address("10.0.0.5")) is None
    assert stretch.offset_of(ip_address("::1")) is None
