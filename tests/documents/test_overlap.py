from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from itertools import combinations, count, islice

from hypothesis import given
from hypothesis import strategies as st

from portproof.documents.overlap import MOST_REPORTED, overlaps
from portproof.model.baseline import (
    Approval,
    BaselineEntry,
    Direction,
    Presence,
    SourceLocation,
    Tier,
)
from portproof.model.endpoint import Network, Transport
from portproof.model.ports import PortSet

NETWORKS = [
    *("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.1/32", "10.0.0.128/25", "10.0.1.0/24"),
    *("::/0", "::/96", "2001:db8::/64", "2001:db8::1/128", "::a00:1/128"),
]


def entry(
    networks: Sequence[Network],
    ports: PortSet,
    *,
    names: Sequence[str] = (),
    zones: Sequence[str] = ("office",),
    transport: Transport = Transport.TCP,
    direction: Direction = Direction.INBOUND,
) -> BaselineEntry:
    return BaselineEntry(
        id="entry",
        networks=tuple(networks),
        names=tuple(names),
        hosts_text=(),
        transport=transport,
        ports=ports,
        zones=tuple(zones),
        service="",
        presence=Presence.ALLOWED,
        tier=Tier.THREE,
        direction=direction,
        approval=Approval(),
        location=SourceLocation(file="baseline.yaml", line=1),
    )


def share_a_host(one: BaselineEntry, other: BaselineEntry) -> bool:
    return bool(set(one.names) & set(other.names)) or any(
        left.version == right.version and left.overlaps(right)
        for left in one.networks
        for right in other.networks
    )


def overlap_by_definition(one: BaselineEntry, other: BaselineEntry) -> bool:
    return (
        one.direction is other.direction
        and one.transport is other.transport
        and bool(set(one.zones) & set(other.zones))
        and bool(one.ports & other.ports)
        and share_a_host(one, other)
    )


ENTRIES = st.builds(
    entry,
    st.lists(st.sampled_from(NETWORKS).map(ip_network), max_size=3, unique=True),
    st.sets(st.integers(1, 6), min_size=1, max_size=3).map(PortSet.from_iterable),
    names=st.lists(st.sampled_from(["a.example.com", "b.example.com"]), max_size=2, unique=True),
    zones=st.lists(st.sampled_from(["office", "internet"]), min_size=1, max_size=2),
    transport=st.sampled_from(Transport),
    direction=st.sampled_from(Direction),
)


@given(st.lists(ENTRIES, max_size=12))
def test_exactly_the_pairs_that_overlap_by_definition_are_found(
    entries: list[BaselineEntry],
) -> None:
    pairs = [
        (first, second)
        for first, second in combinations(range(len(entries)), 2)
        if overlap_by_definition(entries[first], entries[second])
    ]
    found = overlaps(entries)
    assert [(each.first, each.second) for each in found] == sorted(
        pairs, key=lambda pair: pair[::-1]
    )
    for each in found:
        assert each.ports == entries[each.first].ports & entries[each.second].ports
        assert each.zone in entries[each.first].zones
        assert each.zone in entries[each.second].zones


def test_a_thousand_copies_of_one_entry_are_reported_in_bounds() -> None:
    host = [ip_network("192.0.2.1")]
    assert len(overlaps([entry(host, PortSet.of(443))] * 1000)) == MOST_REPORTED


def test_hosts_inside_each_other_do_not_overlap_while_their_ports_differ() -> None:
    nested = [ip_network(f"10.0.0.0/{length}", strict=False) for length in range(33)]
    apart = [
        entry([network], PortSet.of(port)) for network, port in zip(nested, count(1), strict=False)
    ]
    assert overlaps(apart) == []
    again = entry([ip_network("10.0.0.0/32")], PortSet.of(*islice(count(1), 33)))
    assert len(overlaps([*apart, again])) == 33


def test_entries_that_name_the_same_target_of_a_source_overlap_as_those_of_one_name_do() -> None:
    one, other = (replace(entry([], PortSet.of(port)), ids=("cmdb/web-1",)) for port in (22, 443))
    assert overlaps([one, other]) == []
    (found,) = overlaps([one, replace(other, ports=PortSet.of(22))])
    assert found.host == "id:cmdb/web-1"
