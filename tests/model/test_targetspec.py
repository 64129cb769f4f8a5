"""Target specifications: the grammar by example, its errors by place, and lazy enumeration."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from portproof.errors import SpecificationError
from portproof.model.ports import PortSet
from portproof.model.targetspec import (
    AddressTarget,
    NameTarget,
    NetworkTarget,
    NumericTarget,
    RangeTarget,
    TargetSpec,
    address_at,
    addresses,
    parse_target,
    size,
)

WEB = PortSet.of(80, 443)
OWN_PORTS = st.none() | st.frozensets(st.integers(1, 65535), min_size=1, max_size=5).map(
    PortSet.from_iterable
)
USABLE_ADDRESSES = st.ip_addresses().filter(
    lambda address: isinstance(address, IPv4Address) or not address.ipv4_mapped
)
NETWORKS = st.tuples(USABLE_ADDRESSES, st.integers(0, 128)).map(
    lambda pair: ip_network((pair[0], min(pair[1], pair[0].max_prefixlen)), strict=False)
)
OCTETS = st.tuples(st.integers(0, 255), st.integers(0, 255)).map(lambda ends: tuple(sorted(ends)))
FOUR_OCTETS = st.tuples(OCTETS, OCTETS, OCTETS, OCTETS).filter(
    lambda octets: any(low != high for low, high in octets)
)
SMALL_OCTETS = st.tuples(st.integers(0, 252), st.integers(0, 3)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.tuples(
    st.lists(LABELS, max_size=4), st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
).map(lambda parts: ".".join([*parts[0], parts[1]]))
TARGETS = (
    st.builds(AddressTarget, USABLE_ADDRESSES, OWN_PORTS)
    | st.builds(NetworkTarget, NETWORKS, OWN_PORTS)
    | st.builds(RangeTarget, FOUR_OCTETS, OWN_PORTS)
    | st.builds(NameTarget, NAMES, OWN_PORTS)
)
NEARLY_A_TARGET = st.text("0123456789.:/-,*[]%abfxAn_ \n\u00fc", max_size=30)


def v4(text: str, ports: PortSet | None = None) -> AddressTarget:
    return AddressTarget(IPv4Address(text), ports)


def parsed(text: str) -> TargetSpec | SpecificationError:
    try:
        return parse_target(text)
    except SpecificationError as fault:
        return fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", v4("10.0.0.5")),
        (" 10.0.0.5\n", v4("10.0.0.5")),
        ("10.0.0.5:80,443", v4("10.0.0.5", WEB)),
        ("10.0.0.5:http,https", v4("10.0.0.5", WEB)),
        ("10.0.0.5:-", v4("10.0.0.5", PortSet.all_ports())),
        ("::1", AddressTarget(IPv6Address("::1"))),
        ("[::1]", AddressTarget(IPv6Address("::1"))),
        ("[2001:DB8::1]:80,443", AddressTarget(IPv6Address("2001:db8::1"), WEB)),
        ("10.0.0.0/24", NetworkTarget(ip_network("10.0.0.0/24"))),
        ("10.0.0.5/32", NetworkTarget(ip_network("10.0.0.5/32"))),
        ("0.0.0.0/0", NetworkTarget(ip_network("0.0.0.0/0"))),
        ("10.0.0.0/24:80,443", NetworkTarget(ip_network("10.0.0.0/24"), WEB)),
        ("2001:db8::/64", NetworkTarget(ip_network("2001:db8::/64"))),
        ("[2001:db8::/64]:80,443", NetworkTarget(ip_network("2001:db8::/64"), WEB)),
        ("10.0.0-255.1-254", RangeTarget(((10, 10), (0, 0), (0, 255), (1, 254)))),
        ("10.*.0.1:80,443", RangeTarget(((10, 10), (0, 255), (0, 0), (1, 1)), WEB)),
        ("10.0.0.7-7", v4("10.0.0.7")),
        ("localhost", NameTarget("localhost")),
        ("DB.Example.COM.:80,443", NameTarget("db.example.com", WEB)),
        ("10-0-0-1.example.com", NameTarget("10-0-0-1.example.com")),
        ("xn--mnchen-3ya.example", NameTarget("xn--mnchen-3ya.example")),
        ("3com.com", NameTarget("3com.com")),
        ("face", NameTarget("face")),
        ("face:80,443", NameTarget("face", WEB)),
        ("a" * 63 + ".example", NameTarget("a" * 63 + ".example")),
    ],
)
def test_a_specification_stands_for_this_target(text: str, expected: TargetSpec) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, "no target is given"),
        (" \t", 0, "no target is given"),
        ("10.0.0.5/24", 0, "write 10.0.0.0/24 for the network or 10.0.0.5 for the address"),
        ("2001:db8::5/64", 0, "write 2001:db8::/64 for the network"),
        ("10.0.0.0/33", 9, "a prefix length is a number from 0 to 32"),
        ("2001:db8::/129", 11, "a prefix length is a number from 0 to 128"),
        ("10.0.0.0/255.255.255.0", 12, "a prefix length is a number"),
        ("10.0.0.0/", 9, "a prefix length is missing"),
        ("10.0.0.0/024", 9, "leading zero"),
        ("host/24", 4, "belongs to an address"),
        ("fe80::1%eth0", 7, "scoped addresses"),
        ("[fe80::1%eth0]:22", 8, "scoped addresses"),
        ("::ffff:10.0.0.1", 0, "write 10.0.0.1"),
        ("[::ffff:10.0.0.1]:22", 1, "write 10.0.0.1"),
        ("300.1.1.1", 0, "an octet is a number from 0 to 255, not '300'"),
        pytest.param("10.0.0." + "9" * 5000, 7, "an octet is a number", id="5000 digits"),
        ("10.0.0.256:22", 7, "not '256'"),
        ("1.2.3", 0, "4 octets, not 3"),
        ("1.2.3.4.5", 0, "4 octets, not 5"),
        ("10.0.0.1.", 8, "no final dot"),
        ("10..0.1", 3, "an octet is missing"),
        ("0177.0.0.1", 0, "octal"),
        ("10.0.0.01", 7, "octal"),
        ("2130706433", 0, "four decimal octets"),
        ("0x7f000001", 0, "hexadecimal"),
        ("0x7F.1", 0, "hexadecimal"),
        ("example.123", 0, "cannot end in a number"),
        ("example.0xff", 0, "hexadecimal"),
        ("10.0.0.1-10.0.0.9", 0, "ranges are written 10.0.0.1-9"),
        ("10.0.0.9-1", 7, "runs backwards; write 1-9"),
        ("10.0.0.1-", 9, "the end of an octet range is missing"),
        ("10.0.0.-9", 7, "an octet is missing"),
        ("10.0.0.1-300", 9, "not '300'"),
        ("10.0.0.1-5/24", 10, "cannot be combined"),
        ("10.0.0.1,3,5", 8, "one target at a time"),
        ("a.example,b.example", 9, "one target at a time"),
        ("a.example b.example", 9, "one target at a time"),
        ("host:", 5, "a port is missing"),
        (":22", 0, "missing before ':'"),
        ("host:0", 5, "1 to 65535, not '0'"),
        (" host:22,65536", 9, "not '65536'"),
        ("[::1]:0", 6, "not '0'"),
        ("[::1]:65536", 6, "not '65536'"),
        ("[::1]:", 6, "a port is missing"),
        ("host:22:80", 7, "second ':'"),
        ("host:U:53", 6, "second ':'"),
        ("host:53/udp", 7, "own ports are TCP"),
        ("[::1]:U:53", 7, "own ports are TCP"),
        ("[::1", 4, "not closed"),
        ("[::1]22", 5, "expected ':'"),
        ("[2001:db8::]/64", 12, "inside: [2001:db8::/64]"),
        ("[10.0.0.1]:22", 0, "IPv6 addresses only"),
        ("2001:db8::/64:443", 13, "unexpected ':'"),
        ("1:2:3", 0, "not an IPv6 address"),
        ("http://example.com/", 4, "a URL is not a target"),
        ("db_1.example.com", 2, "unexpected '_'"),
        ("*.example.com", 0, "unexpected '*'"),
        ("user@host", 4, "unexpected '@'"),
        ("m\u00fcnchen.example", 1, "write its A-label (xn--"),
        ("\u212aelvin.example", 0, "write its A-label (xn--"),
        ("a..example", 2, "a label of the host name is missing"),
        (".example", 0, "a label of the host name is missing"),
        (".", 0, "missing"),
        ("-a.example", 0, "start or end with '-'"),
        ("ab-.example", 2, "start or end with '-'"),
        ("a" * 64 + ".example", 63, "at most 63 characters, not 64"),
        ("abcdefg." * 32 + "example", 253, "at most 253 characters, not 263"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, position: int, problem: str) -> None:
    with pytest.raises(SpecificationError) as fault:
        parse_target(text)
    assert problem in fault.value.problem
    assert (fault.value.text, fault.value.position) == (text, position)


@given(TARGETS)
def test_what_is_printed_parses_back(target: TargetSpec) -> None:
    assert parse_target(str(target)) == target


@given(TARGETS)
def test_a_target_survives_pickling_and_can_be_a_key(target: TargetSpec) -> None:
    copy = pickle.loads(pickle.dumps(target))
    assert copy == target
    assert hash(copy) == hash(target)


@given(st.text() | NEARLY_A_TARGET)
@example("\ud800")
@example("[:\u2028")
@example("a\x85b")
@example("[::1]:\x00")
def test_any_text_parses_or_gives_one_line_that_names_the_place(text: str) -> None:
    outcome = parsed(text)
    if isinstance(outcome, SpecificationError):
        assert outcome.text == text
        assert 0 <= outcome.position <= len(text)
        assert len(str(outcome).splitlines()) == 1
    else:
        assert parse_target(str(outcome)) == outcome


@given(st.text("0123456789.x", min_size=1, max_size=16))
def test_nothing_made_of_digits_and_dots_is_ever_a_name(text: str) -> None:
    assume(text.rstrip(".").rpartition(".")[2].isdigit())
    outcome = parsed(text)
    assert isinstance(outcome, AddressTarget | SpecificationError)
    assert isinstance(outcome, SpecificationError) or str(outcome) == text


@given(st.tuples(SMALL_OCTETS, SMALL_OCTETS, SMALL_OCTETS, SMALL_OCTETS))
def test_a_range_enumerates_exactly_its_size_in_order(octets: tuple[tuple[int, int], ...]) -> None:
    assume(any(low != high for low, high in octets))
    first, second, third, fourth = octets
    target = RangeTarget((first, second, third, fourth))
    listed = list(addresses(target))
    assert len(set(listed)) == len(listed) == size(target)
    assert listed == sorted(listed)
    assert all(
        all(low <= octet <= high for octet, (low, high) in zip(each.packed, octets, strict=True))
        for each in listed
    )
    assert [address_at(target, position) for position in range(len(listed))] == listed


@pytest.mark.parametrize("text", ["10.0.0.0/29", "2001:db8::/125", "10.0.0.0/32", "10.0.0.9"])
def test_a_network_enumerates_its_first_and_last_address_too(text: str) -> None:
    target = parse_target(text)
    assert not isinstance(target, NameTarget)
    expected = list(ip_network(text))
    assert list(addresses(target)) == expected
    assert [address_at(target, position) for position in range(len(expected))] == expected
    assert size(target) == len(expected)


@pytest.mark.parametrize(
    ("text", "count", "third"),
    [
        ("10.0.0.0/8", 2**24, "10.0.0.2"),
        ("2001:db8::/32", 2**96, "2001:db8::2"),
        ("*.*.*.1-254", 254 * 2**24, "0.0.0.3"),
    ],
)
def test_a_large_target_is_counted_and_begun_without_being_listed(
    text: str, count: int, third: str
) -> None:
    target = parse_target(text)
    assert not isinstance(target, NameTarget)
    assert size(target) == count
    assert next(islice(addresses(target), 2, None)) == ip_address(third)
    assert address_at(target, 2) == ip_address(third)


def test_a_name_has_no_size_until_it_is_resolved() -> None:
    assert size(parse_target("db.example.com")) is None


@pytest.mark.parametrize("position", [-1, 4])
@pytest.mark.parametrize(
    "target", [parse_target("10.0.0.0/30"), parse_target("10.0.0.1-4")], ids=str
)
def test_a_position_outside_a_target_is_an_index_error(
    target: NumericTarget, position: int
) -> None:
    with pytest.raises(IndexError, match=f"no address at position {position}"):
        address_at(target, position)


@pytest.mark.parametrize(
    "build",
    [
        lambda: v4("10.0.0.1", PortSet.empty()),
        lambda: v4("10.0.0.1", PortSet.of(0)),
        lambda: AddressTarget(IPv6Address("fe80::1%eth0")),
        lambda: AddressTarget(IPv6Address("::ffff:10.0.0.1")),
        lambda: NetworkTarget(IPv6Network("::ffff:10.0.0.0/120")),
        lambda: RangeTarget(((10, 10), (0, 0), (0, 0), (1, 1))),
        lambda: RangeTarget(((10, 10), (0, 0), (5, 4), (1, 9))),
        lambda: RangeTarget(((10, 10), (0, 0), (0, 256), (1, 9))),
        lambda: NameTarget("Example.com"),
        lambda: NameTarget("example.com."),
        lambda: NameTarget("10.0.0.1"),
        lambda: NameTarget("a_b"),
        lambda: NameTarget(""),
    ],
)
def test_a_value_that_no_text_stands_for_cannot_be_made(build: Callable[[], TargetSpec]) -> None:
    with pytest.raises(ValueError, match=r"."):
        build()
