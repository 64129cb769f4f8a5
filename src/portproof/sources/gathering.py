"""One fetch under way: strangers' values in, clean `SourcedTarget`s out, bounded on the way.

Whatever a source reads was written by somebody else: a tag of a cloud account may hold an escape
sequence, a register the same key twice, an inventory a name that is none. All of it comes through
`Gathering.add`, so no source has to think of it again:

* texts become one printable line, at most `LONGEST` characters;
* addresses and names are parsed, and what is neither is told in `not_understood`, never guessed;
* the same id twice becomes one target with the addresses and ports of both;
* the end of the time, a stop, or one item too many fails the fetch as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Final

from portproof.errors import SourceError, SpecificationError
from portproof.model.baseline import Tier
from portproof.model.endpoint import Address
from portproof.model.portspec import PortSpec, parse_ports
from portproof.model.source import Listing, SourcedTarget, SourceSettings
from portproof.model.targetspec import NameTarget, parse_target
from portproof.sources.ground import Ground

LONGEST: Final = 256
"""Characters of one text: AWS allows 256 in the value of a tag, nobody else more."""
_DIGEST: Final = 16
"""Hex digits of a digest that stands for the end of an id."""
_MOST_ATTRIBUTES: Final = 32
_MOST_TOLD: Final = 20
_SEPARATORS: Final = re.compile(r"[\s,;|]+")
_TIERS: Final = {"1": Tier.ONE, "2": Tier.TWO, "3": Tier.THREE}


@dataclass(slots=True, kw_only=True)
class Found:
    """One asset in the source's own words, before anything of it was checked."""

    id: str
    kind: str
    hosts: Iterable[str] = ()
    """Addresses and names alike: each is told apart by how it is written."""
    owner: str = ""
    tags: Iterable[str] = ()
    tier: str = ""
    capability: str = ""
    zone: str = ""
    ports: PortSpec | str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


class Gathering:
    """Collects what a source finds, and gives the listing at the end."""

    def __init__(self, settings: SourceSettings, ground: Ground) -> None:
        self.settings = settings
        self.ground = ground
        self._at = ground.now()
        self._ends = ground.elapsed_s() + ground.limits.seconds
        self._items: dict[str, SourcedTarget] = {}
        self._told: list[str] = []
        self._untold = 0
        self._place = ""

    # ------------------------------------------------------------ for sources

    def reading(self, place: str) -> None:
        """Say which file or URL is read from now on: errors and notes name it.

        Raises:
            SourceError: as `go_on`.
        """
        self._place = line(place)
        self.go_on()

    def go_on(self) -> None:
        """Let the fetch go on; asked between files, pages and items.

        Raises:
            SourceError: someone asked to stop, or the time is up.
        """
        if self.ground.stop():
            raise self.error("the fetch was stopped", "fetch again; nothing was taken over")
        if self.ground.elapsed_s() > self._ends:
            raise self.error(
                f"it took longer than {self.ground.limits.seconds:g} s",
                "ask for less of it, or split the source in two",
            )

    def error(self, problem: str, remedy: str) -> SourceError:
        """Make the error that ends this fetch, with its source and place."""
        return SourceError(
            self.settings.name, self._place or self.settings.kind, line(problem), remedy
        )

    def skip(self, what: str) -> None:
        """Note what could not be read as a target, and why."""
        if len(self._told) < _MOST_TOLD:
            place = f"{self._place}: " if self._place else ""
            self._told.append(line(f"{place}{what}"))
        else:
            self._untold += 1

    def add(self, found: Found) -> None:
        """Take one asset; what has no id, or neither address nor name, is noted instead.

        Raises:
            SourceError: as `go_on`, or there are more than a list may hold.
        """
        self.go_on()
        identity = _identity(found.id)
        if not identity:
            self.skip(f"a {found.kind} has no id")
            return
        made = self._made(identity, found)
        if not made.addresses and not made.names:
            self.skip(f"{found.kind} {identity} has neither an address nor a name")
            return
        earlier = self._items.get(identity)
        self._items[identity] = made if earlier is None else _joined(earlier, made)
        if len(self._items) > self.ground.limits.items:
            most = self.ground.limits.items
            raise self.error(f"it lists more than {most:,} targets", "split the source in two")

    def listing(self) -> Listing:
        """Give everything that was found, sorted by id."""
        told = [*self._told, f"and {self._untold:,} more"] if self._untold else self._told
        return Listing(
            source=self.settings.name,
            at=self._at,
            items=tuple(self._items[each] for each in sorted(self._items)),
            not_understood=tuple(told),
        )

    # ------------------------------------------------------------ from words to values

    def _made(self, identity: str, found: Found) -> SourcedTarget:
        defaults = self.settings.defaults
        addresses, names = self._hosts(identity, found.hosts)
        tags = (tag for each in found.tags for tag in _SEPARATORS.split(line(each)) if tag)
        return SourcedTarget(
            id=identity,
            kind=line(found.kind),
            addresses=addresses,
            names=names,
            owner=line(found.owner) or defaults.owner,
            tags=tuple(sorted({*tags, *defaults.tags})),
            tier=self._tier(identity, found.tier) or defaults.tier,
            capability=line(found.capability) or defaults.capability,
            zone=line(found.zone) or defaults.zone,
            ports=self._ports(identity, found.ports),
            seen_at=self._at,
            attributes=_attributes(found.attributes),
        )

    def _hosts(
        self, identity: str, hosts: Iterable[str]
    ) -> tuple[tuple[Address, ...], tuple[str, ...]]:
        addresses: set[Address] = set()
        names: set[str] = set()
        for text in hosts:
            if not text.strip():
                continue
            read = _host(text.strip())
            if isinstance(read, str) and read.startswith("!"):
                self.skip(f"{identity}: {read[1:]}")
            elif isinstance(read, str):
                names.add(read)
            else:
                addresses.add(read)
        ordered = sorted(addresses, key=lambda each: (each.version, int(each)))
        return tuple(ordered), tuple(sorted(names))

    def _ports(self, identity: str, ports: PortSpec | str | None) -> PortSpec | None:
        if not isinstance(ports, str):
            return ports or None
        if not ports.strip():
            return None
        try:
            return parse_ports(ports)
        except SpecificationError as fault:
            self.skip(f"{identity}: the ports {line(ports)!r} cannot be read: {fault.problem}")
            return None

    def _tier(self, identity: str, text: str) -> Tier | None:
        said = line(text)
        if said and said not in _TIERS:
            self.skip(f"{identity}: the tier {said!r} is not 1, 2 or 3")
        return _TIERS.get(said)


def _identity(text: str) -> str:
    """Give an id as one line that no other id gives.

    What is too long to print ends in its digest: cut ids that begin alike would make one target of
    two, and hand the approvals of one to the other.
    """
    shown = line(text)
    if len(shown) < LONGEST:
        return shown
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{shown[: LONGEST - _DIGEST - 1]}…{digest}"


def line(text: str) -> str:
    r"""Give a stranger's text as one printable line; what cannot be seen becomes its escape.

    Line ends and tabs become spaces, `ESC` becomes `\x1b`, a right-to-left override `\u202e`.
    """
    kept = " ".join(text[: 4 * LONGEST].split())
    shown = kept if kept.isprintable() else "".join(map(_visible, kept))
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _host(text: str) -> Address | str:
    """Give an address, or a lower-case name; a text that begins with `!` says why it is neither."""
    try:
        address = ip_address(text)
    except ValueError:
        return _name(text)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return f"!the address {line(text)} is of one link only"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    held = mapped or address
    if held.is_unspecified or held.is_multicast:
        return f"!{held} is no host's address"
    return held


def _name(text: str) -> str:
    try:
        target = parse_target(text.rstrip("."))
    except SpecificationError as fault:
        return f"!{line(text)!r} is neither an address nor a name: {line(fault.problem)}"
    if isinstance(target, NameTarget) and target.ports is None:
        return target.name.lower()
    return f"!{line(text)!r} is no single host; a source lists one asset after the other"


def _attributes(given: Mapping[str, str]) -> dict[str, str]:
    kept = sorted(given)[:_MOST_ATTRIBUTES]
    return {line(each): line(given[each]) for each in kept if given[each]}


def _joined(first: SourcedTarget, second: SourcedTarget) -> SourcedTarget:
    """Make one target of two rows with the same id; where they contradict, the first holds."""
    addresses = {*first.addresses, *second.addresses}
    return SourcedTarget(
        id=first.id,
        kind=first.kind,
        addresses=tuple(sorted(addresses, key=lambda each: (each.version, int(each)))),
        names=tuple(sorted({*first.names, *second.names})),
        owner=first.owner or second.owner,
        tags=tuple(sorted({*first.tags, *second.tags})),
        tier=first.tier or second.tier,
        capability=first.capability or second.capability,
        zone=first.zone or second.zone,
        ports=_both(first.ports, second.ports),
        seen_at=first.seen_at,
        attributes={**second.attributes, **first.attributes},
    )


def _both(first: PortSpec | None, second: PortSpec | None) -> PortSpec | None:
    if first is None or second is None:
        return first or second
    return PortSpec(first.tcp | second.tcp, first.udp | second.udp)
