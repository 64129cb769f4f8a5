"""Address arithmetic gives what listing would give."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from portproof.model.portspec import PortSpec, parse_ports
from portproof.plan.authorise import Span
from portproof.plan.stretches import pieces

SPECS = tuple(map(parse_ports, ("22", "80,443", "22,U:53")))


def span(first: str, last: str) -> Span:
    return ip_address(first), ip_address(last)


@st.composite
def some_spans(draw: st.DrawFn) -> Span:
    first, last = sorted(draw(st.tuples(st.integers(0, 40), st.integers(0, 40))))
    return IPv4Address(first), IPv4Address(last)


@given(
    st.lists(st.tuples(some_spans(), st.sampled_from(SPECS)), max_size=8),
    st.lists(some_spans(), max_size=4),
)
def test_every_address_is_in_one_piece_with_the_union_of_its_ports(
    asked: list[tuple[Span, PortSpec]], excluded: list[Span]
) -> None:
    cut = list(pieces(asked, excluded))
    found = {at: each for each in cut for at in range(each.first, each.last + 1)}
    assert len(found) == sum(each.addresses for each in cut)
    for at in range(41):
        held = [ports for (first, last), ports in asked if int(first) <= at <= int(last)]
        assert (at in found) == bool(held)
        if held:
            assert set(found[at].ports.tcp) == {port for each in held for port in each.tcp}
            assert set(found[at].ports.udp) == {port for each in held for port in each.udp}
            holding = {n for n, (a, b) in enumerate(excluded) if int(a) <= at <= int(b)}
            assert found[at].exclusions == holding


def test_a_slash_eight_is_one_piece() -> None:
    net = ip_network("10.0.0.0/8")
    (piece,) = pieces([((net[0], net[-1]), SPECS[0])], [])
    assert piece.addresses == 1 << 24


def test_the_same_numbers_of_both_ip_versions_are_different_addresses() -> None:
    asked = [(span("0.0.0.1", "0.0.0.9"), SPECS[0]), (span("::1", "::9"), SPECS[1])]
    assert [(each.version, each.ports) for each in pieces(asked, [])] == [
        (4, SPECS[0]),
        (6, SPECS[1]),
    ]
