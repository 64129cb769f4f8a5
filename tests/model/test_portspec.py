"""Port specifications: the grammar by example, its errors by place, print and parse by property."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portproof.errors import SpecificationError
from portproof.model.endpoint import Transport
from portproof.model.iana import EVERYDAY_NAMES, REGISTRY, service_name
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec, parse_ports

NO_PORTS = PortSet.empty()
PORT_SETS = st.builds(
    PortSet.from_ranges,
    st.lists(st.tuples(st.integers(1, 65535), st.integers(0, 99)), max_size=8).map(
        lambda pairs: [(first, min(first + span, 65535)) for first, span in pairs]
    ),
) | st.just(PortSet.all_ports())
NEARLY_A_SPECIFICATION = st.text("0123456789,-:/ TUtuScpdhs!\n\u2013", max_size=30)


def tcp(*numbers: int) -> PortSpec:
    return PortSpec(PortSet.of(*numbers), NO_PORTS)


def spec(tcp_text: str, udp_text: str) -> PortSpec:
    ports = [parse_ports(text).tcp if text else NO_PORTS for text in (tcp_text, udp_text)]
    return PortSpec(*ports)


def parsed(text: str) -> PortSpec | SpecificationError:
    try:
        return parse_ports(text)
    except SpecificationError as fault:
        return fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22", tcp(22)),
        ("22,80,443", tcp(22, 80, 443)),
        ("65535", tcp(65535)),
        ("20-23", tcp(20, 21, 22, 23)),
        ("22-22", tcp(22)),
        ("-3", tcp(1, 2, 3)),
        ("65534-", tcp(65534, 65535)),
        ("-", PortSpec(PortSet.all_ports(), NO_PORTS)),
        ("T:22,U:53", spec("22", "53")),
        ("U:53,111,T:21-25", spec("21-25", "53,111")),
        ("22,U:53", spec("22", "53")),
        ("u:53", spec("", "53")),
        ("t:22,u:-", spec("22", "-")),
        ("443/tcp,53/udp", spec("443", "53")),
        ("U:53,443/TCP,111", spec("443", "53,111")),
        ("1-3/udp", spec("", "1-3")),
        ("ssh", tcp(22)),
        ("SSH,https", tcp(22, 443)),
        ("U:domain,T:domain", spec("53", "53")),
        ("http-alt", tcp(591, 8008, 8080)),
        ("syslog/udp", spec("", "514")),
        (" T: 22 ,\t80 , U:53 ", spec("22,80", "53")),
        ("22,22,20-30,25-40", spec("20-40", "")),
    ],
)
def test_a_specification_names_these_ports(text: str, expected: PortSpec) -> None:
    assert parse_ports(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, "no port is given"),
        ("  ", 0, "no port is given"),
        ("0", 0, "1 to 65535, not '0'"),
        ("22,65536", 3, "1 to 65535, not '65536'"),
        pytest.param("9" * 5000, 0, "1 to 65535", id="5000 digits"),
        ("80-65536", 3, "not '65536'"),
        ("0-80", 0, "not '0'"),
        ("022", 0, "leading zero"),
        ("22,80-22", 3, "runs backwards; write 22-80"),
        ("22,,80", 3, "missing here"),
        ("22,", 3, "missing here"),
        (",22", 0, "missing here"),
        ("T:", 2, "missing here"),
        ("T:,U:53", 2, "missing here"),
        ("/tcp", 0, "missing before '/'"),
        ("22 80", 2, "separated by commas"),
        ("--", 1, "never 'except'"),
        ("22,-22-80", 6, "never 'except'"),
        ("-ssh", 1, "never 'except'"),
        ("1-22-80", 4, "second '-'"),
        ("!22", 0, "cannot exclude"),
        ("-TCP:30731", 4, "unexpected ':'"),
        ("S:5", 0, "only T: (TCP) and U: (UDP)"),
        ("22,443/sctp", 7, "only /tcp and /udp"),
        ("443/", 4, "only /tcp and /udp"),
        ("22\u201380", 2, "typographic dash"),
        ("\u0662\u0662", 0, "unexpected '\\u0662'"),
        ("22x", 2, "unexpected 'x'"),
        ("[1-5]", 0, "unexpected '['"),
        ("22, sssh", 4, "did you mean ssh?"),
        ("rdp", 0, "IANA registers it as ms-wbt-server"),
        ("ssh-https", 0, "numbers as its ends"),
        ("22-ssh", 3, "numbers as its ends"),
        ("no-such-service", 0, "write its port number"),
        pytest.param("x" * 5000, 0, "write its port number", id="5000 letters"),
        ("imaps/udp", 0, "no udp port in the IANA registry; write imaps/tcp"),
        ("U:22,redis", 5, "write redis/tcp"),
        ("syslog", 0, "write syslog/udp"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, position: int, problem: str) -> None:
    with pytest.raises(SpecificationError) as fault:
        parse_ports(text)
    assert problem in fault.value.problem
    assert (fault.value.text, fault.value.position) == (text, position)


def test_a_long_fault_is_quoted_in_part() -> None:
    with pytest.raises(SpecificationError) as fault:
        parse_ports("x" * 5000)
    assert len(fault.value.problem) < 120


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("80,22", "22,80"),
        ("1-65535", "-"),
        ("U:53,T:80,22", "T:22,80,U:53"),
        ("53/udp", "U:53"),
        ("U:-,T:-", "T:-,U:-"),
    ],
)
def test_it_prints_in_one_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_ports(text)) == canonical


@given(PORT_SETS, PORT_SETS)
def test_what_is_printed_parses_back(tcp_ports: PortSet, udp_ports: PortSet) -> None:
    value = PortSpec(tcp_ports, udp_ports)
    if value:
        assert parse_ports(str(value)) == value
    else:
        assert not str(value)


@given(st.text() | NEARLY_A_SPECIFICATION)
@example("\ud800")
@example("22\n,x\u2028")
@example("T:\x85")
def test_any_text_parses_or_gives_one_line_that_names_the_place(text: str) -> None:
    outcome = parsed(text)
    if isinstance(outcome, SpecificationError):
        assert outcome.text == text
        assert 0 <= outcome.position <= len(text)
        assert len(str(outcome).splitlines()) == 1
    else:
        assert parse_ports(str(outcome)) == outcome


def test_it_cannot_be_changed_and_can_be_a_key() -> None:
    value = parse_ports("22,U:53")
    with pytest.raises(FrozenInstanceError):
        value.tcp = NO_PORTS  # type: ignore[misc]
    assert {value: "found"}[parse_ports("U:53,T:22")] == "found"


def test_port_0_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="port 0 is reserved"):
        PortSpec(PortSet.of(0, 22), NO_PORTS)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_registered_name_gives_its_ports(name: str) -> None:
    for transport in Transport:
        ports = REGISTRY[name].on(transport)
        if ports:
            found = parse_ports(f"{name}/{transport}")
            assert set(found.tcp | found.udp) == set(ports)
            assert all(service_name(port, transport) for port in ports)
    assert REGISTRY[name].tcp or REGISTRY[name].udp


def test_every_everyday_name_leads_to_a_registered_one() -> None:
    assert set(EVERYDAY_NAMES.values()) <= set(REGISTRY)
    assert not set(EVERYDAY_NAMES) & set(REGISTRY)


@pytest.mark.parametrize(
    ("port", "transport", "name"),
    [
        (22, Transport.TCP, "ssh"),
        (80, Transport.TCP, "http"),
        (465, Transport.TCP, "submissions"),
        (514, Transport.TCP, "shell"),
        (514, Transport.UDP, "syslog"),
        (2049, Transport.TCP, "nfs"),
        (8080, Transport.TCP, "http-alt"),
        (9100, Transport.TCP, "pdl-datastream"),
        (6379, Transport.UDP, None),
        (65000, Transport.TCP, None),
    ],
)
def test_a_port_has_one_preferred_name(port: int, transport: Transport, name: str | None) -> None:
    assert service_name(port, transport) == name


BOTH = (Transport.TCP, Transport.UDP)


@pytest.mark.parametrize(
    ("text", "bare", "meant"),
    [
        ("53", (Transport.UDP,), "U:53"),
        ("53,T:80,81", BOTH, "T:53,80-81,U:53"),
        ("53/tcp,123", BOTH, "T:53,123,U:123"),
        ("syslog", BOTH, "U:514"),
        ("domain", BOTH, "T:53,U:53"),
    ],
)
def test_what_has_no_prefix_means_the_transports_that_the_caller_says(
    text: str, bare: tuple[Transport, ...], meant: str
) -> None:
    assert str(parse_ports(text, bare)) == meant


def test_ports_less_others_are_told_apart_by_transport() -> None:
    left = parse_ports("T:22,53,U:53,123") - parse_ports("U:53,T:22")
    assert str(left) == "T:53,U:123"
