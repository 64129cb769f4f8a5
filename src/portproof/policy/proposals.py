"""Proposals: entries for ports that were seen open and that no entry covers.

Many hosts that show the same service on the same ports, with the same owner, in the same zone and
with names of one pattern (`web-1`, `web-2`) are one proposal, because they are one decision. What
nobody identified is never joined with other ports of its host: each is a decision of its own.

The service is what answered and said so. Where nothing did, the proposal names none, and what the
port number alone suggests is told beside it (`suggested`), never written as the service.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple

from portproof.model.baseline import Baseline, Tier
from portproof.model.endpoint import Address, Transport
from portproof.model.iana import service_name
from portproof.model.inventory import KnownTarget
from portproof.model.ports import PortSet
from portproof.model.vantage import Vantages
from portproof.policy.holders import Holders
from portproof.policy.register import Register
from portproof.policy.seen_open import Seen

_LONGEST_ID: Final = 48
"""Characters before a number is appended; an id has at most 64 (`documents.shape.ID_PATTERN`)."""
_NOT_IN_AN_ID: Final = re.compile(r"[^a-z0-9._-]+")
_DIGITS: Final = re.compile(r"[0-9]+")
_A_ROW: Final = 3
"""Neighbours from which on a range is easier to read than a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongs:
    """Who answers for a host, as far as an asset or a source says."""

    owner: str = ""
    tier: Tier | None = None
    capability: str = ""
    known_by: str = ""
    """`asset shop-front`, `source cmdb`; empty: nobody is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One entry that somebody may approve."""

    id: str
    hosts: tuple[str, ...]
    """Addresses, IPv4 ranges of the last octet, and names."""
    seen_on: int
    """How many hosts that are."""
    transport: Transport
    ports: PortSet
    zone: str
    """The vantage zone from which it was seen open."""
    service: str
    """As it identified itself; empty: it did not."""
    how: tuple[str, ...] = ()
    """How it did, on some of the hosts each."""
    suggested: str = ""
    """What is registered with IANA for the port's number; empty where the service is known."""
    belongs: Belongs
    towards: str
    """The declared zone that the hosts lie in; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What proposals are held against."""

    baseline: Baseline
    vantages: Vantages
    zone: str
    """The vantage zone from which was looked."""
    inventory: Sequence[KnownTarget] = ()


class _Thing(NamedTuple):
    """What a port shows, as far as hosts can have it in common; empty service: unidentified."""

    transport: Transport
    port: int
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One host as an entry would name it, and what it shows."""

    text: str
    count: int = 1
    """How many addresses it stands for."""
    label: str = ""
    """What the names of such hosts have in common, for the id; empty where only addresses are known."""
    pattern: str = ""
    belongs: Belongs
    towards: str
    things: Mapping[_Thing, frozenset[str]]
    """Each with how it identified itself."""


class _Key(NamedTuple):
    """What the hosts of one proposal have in common."""

    transport: Transport
    service: str
    ports: tuple[int, ...]
    belongs: Belongs
    towards: str
    pattern: str


def propose(seen: Sequence[Seen], ground: Ground) -> tuple[Proposal, ...]:
    """Give proposals for all that is open and covered by no entry, approved or proposed; by id.

    Ids are the same for the same sight and baseline, and none is the id of an entry already.
    """
    groups: dict[_Key, list[_Place]] = defaultdict(list)
    for place in _places(seen, ground):
        for key in _keys(place):
            groups[key].append(place)
    made = [_proposal(key, places, ground.zone) for key, places in groups.items()]
    taken = {each.id for each in ground.baseline.entries}
    return tuple(sorted(_numbered(made, taken), key=lambda each: each.id))


# ---------------------------------------------------------------- hosts


def _places(seen: Sequence[Seen], ground: Ground) -> Iterator[_Place]:
    """Give each host by its name where all addresses of the name show the same, else by address."""
    look = _Look(ground)
    shown = [(each, look.place(each)) for each in seen]
    together: dict[tuple[Transport, str], list[_Place]] = defaultdict(list)
    for each, place in shown:
        if each.host.name and "." in each.host.name:
            together[each.transport, each.host.name.lower()].append(place)
    common = {key: _common(key[1], places) for key, places in together.items()}
    yield from (each for each in common.values() if each is not None and each.things)
    for each, place in shown:
        told = common.get((each.transport, (each.host.name or "").lower()))
        rest = {
            thing: how
            for thing, how in place.things.items()
            if told is None or thing not in told.things
        }
        if rest:
            yield replace(place, things=rest)


def _common(name: str, places: Sequence[_Place]) -> _Place | None:
    """Give what all addresses of a name show; None where they are in different hands or zones."""
    first = places[0]
    if any((each.belongs, each.towards) != (first.belongs, first.towards) for each in places):
        return None
    shared = set(first.things).intersection(*(each.things for each in places))
    things = {
        each: frozenset[str]().union(*(place.things[each] for place in places))
        for each in sorted(shared)
    }
    return replace(first, text=name, count=len(places), things=things)


class _Look:
    """Looks a host up among entries, assets and the targets of sources."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._register = Register(ground.baseline, Holders(ground.inventory))
        self._sourced: dict[Address | str, set[Belongs]] = defaultdict(set)
        for each in ground.inventory:
            if each.retired_at is None:
                told = each.target
                by = f"source {each.source}"
                belongs = Belongs(
                    owner=told.owner, tier=told.tier, capability=told.capability, known_by=by
                )
                for place in (*told.addresses, *told.names):
                    self._sourced[place].add(belongs)

    def place(self, seen: Seen) -> _Place:
        """Give the host by its address, with what no entry covers of it."""
        address, names = seen.host.address, seen.host.names
        zone = self._ground.baseline.zone_of(address) or self._ground.vantages.zone_of(address)
        named = names[0] if names else ""
        return _Place(
            text=str(address),
            label=_DIGITS.sub("", named.partition(".")[0]).strip("-_"),
            pattern=_DIGITS.sub("#", named or seen.pointed),
            belongs=self._belongs(seen),
            towards=zone.name if zone else "",
            things=dict(self._uncovered(seen)),
        )

    def _uncovered(self, seen: Seen) -> Iterator[tuple[_Thing, frozenset[str]]]:
        covered = PortSet.empty()
        about = self._register.about(seen.host)
        # What was approved for a former owner of the address covers nothing of who has it now.
        passed_on = self._register.passed_on(seen.host, about)
        for entry in about:
            if entry.id in passed_on:
                continue
            if entry.transport is seen.transport and self._ground.zone in entry.zones:
                covered = covered | entry.ports
        for port in seen.open - covered:
            said = seen.spoken.get(port)
            how = frozenset((said.how,)) if said else frozenset[str]()
            yield _Thing(seen.transport, port, said.service if said else ""), how

    def _belongs(self, seen: Seen) -> Belongs:
        """Give who answers for it: its asset's owner, else its target's, where sources agree."""
        address, names = seen.host.address, seen.host.names
        asset = self._ground.baseline.asset_of(address, seen.host.name)
        if asset is not None and asset.owner:
            return Belongs(
                owner=asset.owner,
                tier=asset.tier,
                capability=asset.capability,
                known_by=f"asset {asset.id}",
            )
        for place in (address, *names):
            held = self._sourced.get(place, set())
            if len(held) == 1:
                return next(iter(held))
        return Belongs()


def _keys(place: _Place) -> Iterator[_Key]:
    """Give what a host shows as keys: all ports of one service together, unidentified ones alone."""
    by_service: dict[tuple[Transport, str], list[int]] = defaultdict(list)
    for thing in place.things:
        if thing.service:
            by_service[thing.transport, thing.service].append(thing.port)
        else:
            yield _key(place, thing.transport, "", (thing.port,))
    for (transport, service), ports in by_service.items():
        yield _key(place, transport, service, tuple(sorted(ports)))


def _key(place: _Place, transport: Transport, service: str, ports: tuple[int, ...]) -> _Key:
    return _Key(transport, service, ports, place.belongs, place.towards, place.pattern)


# ---------------------------------------------------------------- entries


def _proposal(key: _Key, places: Sequence[_Place], zone: str) -> Proposal:
    things = [_Thing(key.transport, port, key.service) for port in key.ports]
    how = {each for place in places for thing in things for each in place.things[thing]}
    suggested = "" if key.service else service_name(key.ports[0], key.transport) or ""
    return Proposal(
        id=_base(key, places),
        hosts=_hosts_text(each.text for each in places),
        seen_on=sum(each.count for each in places),
        transport=key.transport,
        ports=PortSet.from_iterable(key.ports),
        zone=zone,
        service=key.service,
        how=tuple(sorted(how)),
        suggested=suggested,
        belongs=key.belongs,
        towards=key.towards,
    )


def _base(key: _Key, places: Sequence[_Place]) -> str:
    """Give the id as far as it needs no number: `https-web`, `tcp-8443-10.0.0.5`."""
    what = key.service or f"{key.transport}-{key.ports[0]}"
    alone = places[0].text if len(places) == 1 else ""
    where = places[0].label or alone or key.towards or key.belongs.owner or "hosts"
    return _slug(f"{what}-{where}")


def _slug(text: str) -> str:
    return _NOT_IN_AN_ID.sub("-", text.lower())[:_LONGEST_ID].strip("-._") or "entry"


def _numbered(made: Sequence[Proposal], taken: Iterable[str]) -> Iterator[Proposal]:
    """Give ids of which each stands once: with the first port where two are alike, then a number."""
    alike: dict[str, list[Proposal]] = defaultdict(list)
    for each in made:
        alike[each.id].append(each)
    used = set(taken)
    for base in sorted(alike):
        for each in sorted(alike[base], key=lambda one: (one.transport, str(one.ports), one.hosts)):
            first = each.ports.nth(0)
            wanted = base if len(alike[base]) == 1 else f"{base}-{first}"
            name, number = wanted, 2
            while name in used:
                name, number = f"{wanted}-{number}", number + 1
            used.add(name)
            yield replace(each, id=name)


def _hosts_text(texts: Iterable[str]) -> tuple[str, ...]:
    """Give hosts as an entry lists them: addresses in order, three IPv4 neighbours as a range."""
    addresses, names = [], []
    for text in dict.fromkeys(texts):
        try:
            addresses.append(ip_address(text))
        except ValueError:
            names.append(text)
    addresses.sort(key=lambda each: (each.version, int(each)))
    rows: list[list[Address]] = []
    for address in addresses:
        if rows and _follows(rows[-1][-1], address):
            rows[-1].append(address)
        else:
            rows.append([address])
    return (*(text for row in rows for text in _row_text(row)), *sorted(names))


def _follows(one: Address, other: Address) -> bool:
    neighbours = isinstance(one, IPv4Address) and int(other) == int(one) + 1
    return neighbours and int(one) >> 8 == int(other) >> 8


def _row_text(row: Sequence[Address]) -> tuple[str, ...]:
    if len(row) < _A_ROW:
        return tuple(map(str, row))
    return (f"{row[0]}-{int(row[-1]) & 0xFF}",)
