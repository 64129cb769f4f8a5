"""Target specifications: what a person writes to list hosts, and the addresses it stands for.

=======================  ======================================================================
`10.0.0.5`, `::1`        one address (`AddressTarget`)
`10.0.0.0/24`            a network (`NetworkTarget`), with its first and last address: an audit
                         scans every authorised address, and a host may use any of them
`10.0.0-255.1-254`       octet ranges, both ends included, and `*` for 0-255 (`RangeTarget`)
`db.example.com`         a host name (`NameTarget`); what it stands for, only a resolver knows
=======================  ======================================================================

Each may carry its own TCP ports: `10.0.0.5:22`, `db.example.com:5432,8000-8100,https`,
`10.0.0.0/24:-`, `[2001:db8::1]:443`, `[2001:db8::/64]:22`. An IPv6 address without brackets
never has ports, because `::1:443` is an address.

Whatever could be read in two ways is refused: host bits in a network, octal or decimal IPv4
(`0177.0.0.1`, `2130706433`), names that end in a number, and nmap's commas inside an octet. One
text is one target, and its only commas are between ports.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network
from math import prod
from typing import Final, TypeAlias

from portproof.errors import SpecificationError
from portproof.model.endpoint import Address, Network
from portproof.model.ports import PortSet
from portproof.model.portspec import excerpt, parse_ports, placed_in, read_number, split_at

_OCTETS: Final = 4
_HIGHEST_OCTET: Final = 255
_LONGEST_LABEL: Final = 63  # RFC 1035 §2.3.4
_LONGEST_NAME: Final = 253  # the same: 255 octets on the wire, less the first length and the root
_LABEL_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + "-")  # RFC 1123 §2.1
_HEX: Final = re.compile(r"[0-9A-Fa-f]*")
# What ends in a number is an address or a mistake, never a name (WHATWG URL §3.5).
_NUMERIC: Final = re.compile(r"[0-9*-]+")
_HEXADECIMAL: Final = re.compile(r"0[xX][0-9A-Fa-f]*")

OctetRange: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class AddressTarget:
    """One address; `ports` are its own TCP ports, None when the scan's ports apply."""

    address: Address
    ports: PortSet | None = None

    def __post_init__(self) -> None:
        _check_ports(self.ports)
        if problem := _unsupported(self.address):
            raise ValueError(problem)

    def __str__(self) -> str:
        return _with_ports(str(self.address), self.ports)


@dataclass(frozen=True, slots=True)
class NetworkTarget:
    """A network, with its network and broadcast addresses; `ports` as for an address."""

    network: Network
    ports: PortSet | None = None

    def __post_init__(self) -> None:
        _check_ports(self.ports)
        if problem := _unsupported(self.network.network_address):
            raise ValueError(problem)

    def __str__(self) -> str:
        return _with_ports(str(self.network), self.ports)


@dataclass(frozen=True, slots=True)
class RangeTarget:
    """IPv4 addresses given by four octet ranges; `ports` as for an address.

    At least one octet spans several values: four single values are an `AddressTarget`.
    """

    octets: tuple[OctetRange, OctetRange, OctetRange, OctetRange]
    ports: PortSet | None = None

    def __post_init__(self) -> None:
        _check_ports(self.ports)
        if any(not 0 <= low <= high <= _HIGHEST_OCTET for low, high in self.octets):
            raise ValueError(f"octet ranges run upwards between 0 and 255, not {self.octets}")
        if all(low == high for low, high in self.octets):
            raise ValueError("four single octets are an AddressTarget")

    def __str__(self) -> str:
        octets = (str(low) if low == high else f"{low}-{high}" for low, high in self.octets)
        return _with_ports(".".join(octets), self.ports)


@dataclass(frozen=True, slots=True)
class NameTarget:
    """A host name, in lower case and without the final dot; `ports` as for an address.

    Letters, digits and hyphens only (RFC 1123 §2.1); other scripts as A-labels (RFC 5890).
    """

    name: str
    ports: PortSet | None = None

    def __post_init__(self) -> None:
        _check_ports(self.ports)
        if self.name != self.name.lower() or self.name.endswith("."):
            raise ValueError(f"{self.name!r} is not in lower case without a final dot")
        try:
            _refuse_what_is_no_name(self.name)
        except SpecificationError as fault:
            raise ValueError(str(fault)) from fault

    def __str__(self) -> str:
        return _with_ports(self.name, self.ports)


NumericTarget: TypeAlias = AddressTarget | NetworkTarget | RangeTarget
TargetSpec: TypeAlias = NumericTarget | NameTarget


def size(target: TargetSpec) -> int | None:
    """Count the addresses of a target; None for a name, which has none until it is resolved."""
    match target:
        case AddressTarget():
            return 1
        case NetworkTarget(network=network):
            return network.num_addresses
        case RangeTarget(octets=octets):
            return prod(high - low + 1 for low, high in octets)
        case NameTarget():
            return None


def address_at(target: NumericTarget, position: int) -> Address:
    """Give one address of a target, counted from 0 in ascending order, without listing the rest.

    Raises:
        IndexError: the position is negative or not below the target's size.
    """
    count = size(target)
    if count is None or not 0 <= position < count:
        raise IndexError(f"there is no address at position {position} in {target}")
    match target:
        case AddressTarget(address=address):
            return address
        case NetworkTarget(network=network):
            return network[position]
        case RangeTarget(octets=octets):
            return _address_in(octets, position)


def addresses(target: NumericTarget) -> Iterator[Address]:
    """Give every address of a target once, in ascending order, one at a time.

    A network gives its first and last address too. Names are not accepted: yielding nothing for
    them would make an unresolved name look like an empty, and so a clean, target.
    """
    match target:
        case AddressTarget(address=address):
            yield address
        case NetworkTarget(network=network):
            yield from network
        case RangeTarget(octets=octets):
            for position in range(prod(high - low + 1 for low, high in octets)):
                yield _address_in(octets, position)


def _address_in(octets: tuple[OctetRange, ...], position: int) -> IPv4Address:
    """Give the address at a position of the mixed-radix number that the octet ranges count."""
    digits: list[int] = []
    for low, high in reversed(octets):
        position, step = divmod(position, high - low + 1)
        digits.append(low + step)
    return IPv4Address(bytes(reversed(digits)))


def parse_target(text: str) -> TargetSpec:
    """Read one target, such as `10.0.0.0/24`, `[2001:db8::1]:443` or `db.example.com:5432`.

    Raises:
        SpecificationError: at the first fault, with its place in the text.
    """
    bare = text.strip()
    if not bare:
        raise SpecificationError(text, 0, "no target is given; write an address, network or name")
    with placed_in(text, text.index(bare)):
        _refuse_what_is_no_target(bare)
        if bare.startswith("["):
            return _bracketed(bare)
        if bare.count(":") > 1:
            return _bare_ipv6(bare)
        return _host_and_ports(bare)


def _refuse_what_is_no_target(text: str) -> None:
    for mark, problem in (
        ("://", "a URL is not a target; write the host name or address alone"),
        ("%", "scoped addresses (with a zone, as in fe80::1%eth0) are not supported"),
        (r"\s", "a target has no spaces; write one target at a time"),
    ):
        if found := re.search(mark, text):
            raise SpecificationError(text, found.start(), problem)


def _bracketed(text: str) -> TargetSpec:
    """Read `[v6]`, `[v6]:ports` or `[v6/length]:ports`."""
    inside, closing, after = text[1:].partition("]")
    end = 1 + len(inside)
    if not closing:
        raise SpecificationError(text, end, "the bracket is not closed; write [address]:port")
    if after and after[0] != ":":
        problem = "expected ':' and ports after ']'; a prefix length goes inside: [2001:db8::/64]"
        raise SpecificationError(text, end + 1, problem)
    if ":" not in inside:
        raise SpecificationError(text, 0, "brackets are for IPv6 addresses only")
    with placed_in(text, 1):
        target = _ipv6(inside)
    return replace(target, ports=_ports(text, end + 2)) if after else target


def _bare_ipv6(text: str) -> TargetSpec:
    """Read an IPv6 address or network: several colons without brackets can be nothing else."""
    head = text[: text.index(":")]
    if not _HEX.fullmatch(head):
        problem = "a second ':' in one target; write host:port, the ports being TCP without T:"
        raise SpecificationError(text, text.index(":", len(head) + 1), problem)
    return _ipv6(text)


def _host_and_ports(text: str) -> TargetSpec:
    """Read everything that has at most one colon: IPv4 in its forms, and names."""
    host, colon, _ = text.partition(":")
    if not host:
        raise SpecificationError(text, 0, "an address, network or name is missing before ':'")
    if "," in host:
        problem = "one target at a time; commas stand between ports only, as in host:22,80"
        raise SpecificationError(text, host.index(","), problem)
    with placed_in(text, 0):
        target = _ipv4(host) if _ends_in_number(host.partition("/")[0]) else _name(host)
    return replace(target, ports=_ports(text, len(host) + 1)) if colon else target


def _ports(text: str, start: int) -> PortSet:
    """Read a target's own ports, the rest of the text: nmap's grammar for TCP alone."""
    ports = text[start:]
    if not ports:
        raise SpecificationError(text, start, "a port is missing after ':'")
    if stray := re.search(r"[:/]", ports):
        problem = f"unexpected '{stray[0]}'; a target's own ports are TCP, such as 22,8000-8100"
        raise SpecificationError(text, start + stray.start(), problem)
    with placed_in(text, start):
        return parse_ports(ports).tcp


def _ipv6(text: str) -> AddressTarget | NetworkTarget:
    body, slash, length = text.partition("/")
    try:
        address = IPv6Address(body)
    except AddressValueError:
        problem = f"{excerpt(body)} is not an IPv6 address; with a port it is written [::1]:22"
        raise SpecificationError(text, 0, problem) from None
    if reason := _unsupported(address):
        raise SpecificationError(text, 0, reason)
    return _network(text, address, length) if slash else AddressTarget(address)


def _ipv4(text: str) -> AddressTarget | NetworkTarget | RangeTarget:
    """Read four octets, each a number, a range or `*`, and perhaps a prefix length."""
    body, slash, length = text.partition("/")
    _refuse_what_is_not_dotted(body)
    octets: list[OctetRange] = []
    for start, octet in split_at(".", body):
        with placed_in(text, start):
            octets.append(_octet(octet))
    first, second, third, fourth = octets
    if any(low != high for low, high in octets):
        if slash:
            problem = "octet ranges and a prefix length cannot be combined"
            raise SpecificationError(text, len(body), problem)
        return RangeTarget((first, second, third, fourth))
    address = IPv4Address(bytes(low for low, _ in octets))
    return _network(text, address, length) if slash else AddressTarget(address)


def _refuse_what_is_not_dotted(body: str) -> None:
    """Refuse what is not four parts: decimal or hexadecimal numbers, short and long forms."""
    parts = body.split(".")
    if any(_HEXADECIMAL.fullmatch(part) for part in parts):
        problem = "hexadecimal IPv4 addresses are refused; write four decimal octets"
    elif not parts[-1]:
        raise SpecificationError(body, len(body) - 1, "an address has no final dot")
    elif len(parts) == 1:
        problem = "a bare number is neither a name nor an address; write four decimal octets"
    elif not _NUMERIC.fullmatch(parts[0]):
        problem = "a host name cannot end in a number, and this is not an IPv4 address"
    elif len(parts) != _OCTETS:
        problem = f"an IPv4 address has 4 octets, not {len(parts)}; ranges are written 10.0.0.1-9"
    else:
        return
    raise SpecificationError(body, 0, problem)


def _octet(text: str) -> OctetRange:
    """Read `7`, `1-254` or `*`, both ends included."""
    if text == "*":
        return 0, _HIGHEST_OCTET
    low_text, minus, high_text = text.partition("-")
    with placed_in(text, 0):
        low = read_number(low_text, 0, _HIGHEST_OCTET, "an octet")
    if not minus:
        return low, low
    with placed_in(text, len(low_text) + 1):
        high = read_number(high_text, 0, _HIGHEST_OCTET, "the end of an octet range")
    if low > high:
        raise SpecificationError(text, 0, f"the octet range runs backwards; write {high}-{low}")
    return low, high


def _network(text: str, address: Address, length_text: str) -> NetworkTarget:
    with placed_in(text, len(text) - len(length_text)):
        length = read_number(length_text, 0, address.max_prefixlen, "a prefix length")
    network = ip_network((address, length), strict=False)
    if network.network_address != address:
        problem = f"host bits are set; write {network} for the network or {address} for the address"
        raise SpecificationError(text, 0, problem)
    return NetworkTarget(network)


def _unsupported(address: Address) -> str | None:
    """Say why an address can be no target; None when it can."""
    if isinstance(address, IPv4Address):
        return None
    if address.scope_id:
        return "scoped addresses (with a zone, as in fe80::1%eth0) are not supported"
    if address.ipv4_mapped:
        # The packets would go to the IPv4 address, past any rule written for it.
        return f"this stands for an IPv4 address; write {address.ipv4_mapped}"
    return None


def _ends_in_number(host: str) -> bool:
    """Tell whether the last label, final dot aside, is made of digits, `-` and `*`, or is hex."""
    last = host.removesuffix(".").rpartition(".")[2]
    return bool(_NUMERIC.fullmatch(last) or _HEXADECIMAL.fullmatch(last))


def _name(text: str) -> NameTarget:
    if "/" in text:
        problem = "a prefix length belongs to an address, not to a name"
        raise SpecificationError(text, text.index("/"), problem)
    name = text.removesuffix(".")
    with placed_in(text, 0):
        _refuse_what_is_no_name(name)
    return NameTarget(name.lower())


def _refuse_what_is_no_name(name: str) -> None:
    if len(name) > _LONGEST_NAME:
        problem = f"a host name has at most {_LONGEST_NAME} characters, not {len(name)}"
        raise SpecificationError(name, _LONGEST_NAME, problem)
    for start, label in split_at(".", name):
        with placed_in(name, start):
            _refuse_what_is_no_label(label)
    if _ends_in_number(name):
        raise SpecificationError(name, name.rfind(".") + 1, "a host name cannot end in a number")


def _refuse_what_is_no_label(label: str) -> None:
    if not label:
        raise SpecificationError(label, 0, "a label of the host name is missing here")
    for position, character in enumerate(label):
        if character not in _LABEL_CHARACTERS:
            problem = f"unexpected {character!a}; a host name has only letters, digits and '-'"
            if not character.isascii():
                problem += "; write its A-label (xn--..., RFC 5890)"
            raise SpecificationError(label, position, problem)
    if "-" in (label[0], label[-1]):
        position = 0 if label[0] == "-" else len(label) - 1
        raise SpecificationError(label, position, "a label cannot start or end with '-'")
    if len(label) > _LONGEST_LABEL:
        problem = f"a label has at most {_LONGEST_LABEL} characters, not {len(label)}"
        raise SpecificationError(label, _LONGEST_LABEL, problem)


def _check_ports(ports: PortSet | None) -> None:
    if ports is not None and (not ports or 0 in ports):
        raise ValueError("own ports are at least one of 1 to 65535; None when there are none")


def _with_ports(host: str, ports: PortSet | None) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return host if ports is None else f"{bracketed}:{ports}"
