"""Port specifications: what a person writes to name ports, in nmap's grammar.

==================  ============================================================
`22`, `22,80,443`   ports; spaces around an item are ignored
`1-1024`            a range, both ends included
`-1024`, `60000-`   from 1, and up to 65535; a leading minus never means "except"
`-`                 1 to 65535
`T:22,U:53`         a prefix holds for the items after it, until the next prefix
`443/tcp`           a suffix holds for one item, and wins over the prefix
`ssh`, `http-alt`   a name in the IANA registry: its ports on the transport in force
==================  ============================================================

One difference from nmap, where no prefix means every protocol that is scanned: here it means
TCP, unless the caller says otherwise (`bare`, which `-sU` and `-sTU` do). A UDP port proves nothing
until it is asked in its own protocol, so UDP is written out.
Prefixes, suffixes and names may be in either case. What starts with a letter is a name, so a
range never has names as its ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeAlias

from portproof.errors import SpecificationError
from portproof.model.endpoint import Transport
from portproof.model.iana import EVERYDAY_NAMES, REGISTRY, registration
from portproof.model.ports import HIGHEST_PORT, PortSet

_PREFIX: Final = re.compile(r"([A-Za-z]):\s*")
_DASHES: Final = "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}"
_TRANSPORT_BY_LETTER: Final = {"T": Transport.TCP, "U": Transport.UDP}
_TCP_ONLY: Final = (Transport.TCP,)
# RFC 6335 §5.1 limits a service name to 15 characters; a few older ones are longer.
_LONGEST_NAME: Final = 24

Range: TypeAlias = tuple[int, int]
InForce: TypeAlias = tuple[Transport, ...]
"""The transports that an item without a prefix or suffix of its own is meant for; at least one."""


@dataclass(frozen=True, slots=True)
class PortSpec:
    """The TCP and UDP ports that a specification names; 1 to 65535.

    Printed in one canonical form, which `parse_ports` reads back: `22,80` when there are TCP
    ports only, else `T:22,80,U:53`. A value without any port prints as nothing, and is the one
    value that no text stands for.
    """

    tcp: PortSet
    udp: PortSet

    def __post_init__(self) -> None:
        if 0 in self.tcp or 0 in self.udp:
            raise ValueError("port 0 is reserved (RFC 6335 §6) and cannot be asked for")

    def __bool__(self) -> bool:
        return bool(self.tcp) or bool(self.udp)

    def __sub__(self, other: PortSpec) -> PortSpec:
        return PortSpec(self.tcp - other.tcp, self.udp - other.udp)

    def __str__(self) -> str:
        if not self.udp:
            return str(self.tcp)
        return f"T:{self.tcp},U:{self.udp}" if self.tcp else f"U:{self.udp}"


def parse_ports(text: str, bare: InForce = _TCP_ONLY) -> PortSpec:
    """Read a port specification, such as `22,80,1-1024` or `T:22,U:domain`.

    `bare` are the transports of what stands before the first prefix.

    Raises:
        SpecificationError: at the first fault, with its place in the text.
    """
    if not text.strip():
        raise SpecificationError(text, 0, "no port is given; write for example 22,80 or T:22,U:53")
    ranges: dict[Transport, list[Range]] = {transport: [] for transport in Transport}
    in_force = bare
    for offset, item in _items(text):
        with placed_in(text, offset):
            in_force, body_offset = _prefix(item, in_force)
            with placed_in(item, body_offset):
                for transport, found in _item(item[body_offset:], in_force):
                    ranges[transport].extend(found)
    return PortSpec(
        PortSet.from_ranges(ranges[Transport.TCP]), PortSet.from_ranges(ranges[Transport.UDP])
    )


@contextmanager
def placed_in(text: str, offset: int) -> Iterator[None]:
    """Let a part of `text`, starting at `offset`, be parsed as if it stood alone.

    A fault found in the part is reported as a fault of the whole, at its place there.
    """
    try:
        yield
    except SpecificationError as fault:
        raise SpecificationError(text, offset + fault.position, fault.problem) from None


def excerpt(text: str) -> str:
    """Quote a piece of a specification for a message: on one line, and not all of a long one."""
    longest = 40
    return repr(text) if len(text) <= longest else f"{text[:longest]!r}..."


def read_number(text: str, lowest: int, highest: int, noun: str) -> int:
    """Read a number in plain decimal: ASCII digits, no sign, no leading zero, within bounds."""
    if not text:
        raise SpecificationError(text, 0, f"{noun} is missing here")
    for position, character in enumerate(text):
        if character not in "0123456789":
            what = f"unexpected {character!a}"
            if character in _DASHES:
                what += ", a typographic dash, where '-' may be meant"
            problem = f"{what}; {noun} is a number from {lowest} to {highest}"
            raise SpecificationError(text, position, problem)
    if text[0] == "0" and text != "0":
        problem = f"leading zero, which some programs read as octal; {noun} is written without"
        raise SpecificationError(text, 0, problem)
    # The length first: Python refuses to convert thousands of digits.
    if len(text) > len(str(highest)) or not lowest <= int(text) <= highest:
        problem = f"{noun} is a number from {lowest} to {highest}, not {excerpt(text)}"
        raise SpecificationError(text, 0, problem)
    return int(text)


def split_at(separator: str, text: str) -> Iterator[tuple[int, str]]:
    """Split a text at a one-character separator: each part, with where it starts."""
    start = 0
    for part in text.split(separator):
        yield start, part
        start += len(part) + 1


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Split at commas: each item without its surrounding spaces, and where it starts."""
    for start, item in split_at(",", text):
        yield start + len(item) - len(item.lstrip()), item.strip()


def _prefix(item: str, in_force: InForce) -> tuple[InForce, int]:
    """Give the transports in force from this item on, and where the item's body starts."""
    found = _PREFIX.match(item)
    if not found:
        return in_force, 0
    letter = found[1].upper()
    if letter not in _TRANSPORT_BY_LETTER:
        raise SpecificationError(
            item, 0, f"unknown prefix {found[1]}: - only T: (TCP) and U: (UDP) are known"
        )
    return (_TRANSPORT_BY_LETTER[letter],), found.end()


def _item(item: str, in_force: InForce) -> list[tuple[Transport, list[Range]]]:
    """Read one item without its prefix: a port, a range or a name, perhaps with a suffix."""
    _refuse_what_is_no_item(item)
    body, slash, suffix = item.partition("/")
    transports = in_force
    if slash:
        with placed_in(item, len(body) + 1):
            transports = (_suffix(suffix),)
    if not body:
        raise SpecificationError(item, 0, "a port, range or name is missing before '/'")
    if _is_letter(body[0]):
        return _named(body, transports)
    found = [_range(body)]
    return [(each, found) for each in transports]


def _refuse_what_is_no_item(item: str) -> None:
    if not item:
        raise SpecificationError(item, 0, "a port, range or name is missing here")
    if item[0] == "!":
        raise SpecificationError(item, 0, "a port specification cannot exclude; '!' has no meaning")
    for position, character in enumerate(item):
        if character.isspace():
            raise SpecificationError(item, position, "items are separated by commas, not spaces")
        if character == ":":
            raise SpecificationError(
                item, position, "unexpected ':' - a prefix is one letter, as in T:22 or U:53"
            )


def _suffix(suffix: str) -> Transport:
    try:
        return Transport(suffix.lower())
    except ValueError:
        problem = f"unknown transport {excerpt(suffix)}; only /tcp and /udp are known"
        raise SpecificationError(suffix, 0, problem) from None


def _range(body: str) -> Range:
    """Read `22`, `1-1024`, `-1024`, `60000-` or `-`; both ends included."""
    low, minus, high = body.partition("-")
    if not minus:
        return (port := _port(body)), port
    with placed_in(body, 0):
        first = _port(low) if low else 1
    with placed_in(body, len(low) + 1):
        _refuse_what_ends_no_range(low, high)
        last = _port(high) if high else HIGHEST_PORT
    if first > last:
        raise SpecificationError(body, 0, f"the range runs backwards; write {last}-{first}")
    return first, last


def _refuse_what_ends_no_range(low: str, high: str) -> None:
    if "-" in high:
        problem = "a second '-' in one range; a range is written 1-1024"
        if not low:
            problem = "a second '-'; a leading '-' means from port 1, never 'except'"
        raise SpecificationError(high, high.index("-"), problem)
    if high and _is_letter(high[0]):
        problem = "a range has numbers as its ends; names stand alone"
        if not low:
            problem = "a name after '-'; a leading '-' means from port 1, never 'except'"
        raise SpecificationError(high, 0, problem)


def _port(text: str) -> int:
    return read_number(text, 1, HIGHEST_PORT, "a port")


def _named(name: str, transports: InForce) -> list[tuple[Transport, list[Range]]]:
    """Give the ports registered for a service name; it must have one on one of the transports."""
    registered = registration(name)
    if registered is None:
        raise SpecificationError(name, 0, f"unknown service name {excerpt(name)}{_hint(name)}")
    found = [(each, [(port, port) for port in registered.on(each)]) for each in transports]
    if not any(ports for _, ports in found):
        transport = transports[0]
        other = Transport.UDP if transport is Transport.TCP else Transport.TCP
        problem = f"{name} has no {transport} port in the IANA registry; write {name}/{other}"
        raise SpecificationError(name, 0, problem)
    return found


def _hint(name: str) -> str:
    """Say what may have been meant, when something is near enough."""
    lowered = name.lower()
    if lowered in EVERYDAY_NAMES:
        return f"; IANA registers it as {EVERYDAY_NAMES[lowered]}"
    if "-" in name and all(registration(part) for part in name.split("-")):
        return "; a range has numbers as its ends"
    # Comparing takes time quadratic in the length, and nothing long is near to any name.
    near = get_close_matches(lowered, REGISTRY, 1, 0.75) if len(name) <= _LONGEST_NAME else []
    return f"; did you mean {near[0]}?" if near else "; write its port number"


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()
