"""Hosts as written, into the networks and names that the model compares with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network, summarize_address_range
from itertools import product
from typing import Final

from portproof.documents.reading import Reading, Steps
from portproof.documents.wording import did_you_mean
from portproof.errors import SpecificationError
from portproof.model.baseline import Asset, BaselineZone
from portproof.model.endpoint import Network
from portproof.model.targetspec import (
    AddressTarget,
    NameTarget,
    NetworkTarget,
    OctetRange,
    RangeTarget,
    TargetSpec,
    parse_target,
)

TAG: Final = "tag:"
ZONE: Final = "zone:"
ID: Final = "id:"

_MOST_NETWORKS: Final = 4096
_HIGHEST_OCTET: Final = 255
# Searching thousands of assets for each of thousands of unknown names would take minutes.
_MOST_HINTS: Final = 20


@dataclass(frozen=True, slots=True)
class Hosts:
    """What a list of hosts stands for: networks (an address is /32 or /128), DNS names, and ids."""

    networks: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    """Targets of a source by their id (`cmdb/web-1`), whatever address they have."""
    ranged: frozenset[Network] = frozenset()
    """The networks of one address that an octet range begins or ends in: nobody listed these
    addresses by themselves."""

    @classmethod
    def union(cls, parts: Iterable[Hosts]) -> Hosts:
        """Put several together, each network and name once, in their order."""
        every = list(parts)
        return cls(
            tuple(dict.fromkeys(network for each in every for network in each.networks)),
            tuple(dict.fromkeys(name for each in every for name in each.names)),
            tuple(dict.fromkeys(one for each in every for one in each.ids)),
            frozenset().union(*(each.ranged for each in every)),
        )


def hosts_of(target: TargetSpec) -> Hosts:
    """Give what a target stands for.

    Raises:
        SpecificationError: its octet ranges would need thousands of networks.
    """
    match target:
        case AddressTarget(address=address):
            return Hosts((ip_network(address),))
        case NetworkTarget(network=network):
            return Hosts((network,))
        case NameTarget(name=name):
            return Hosts((), (name,))
        case RangeTarget(octets=octets):
            networks = _networks_in(octets)
            alone = frozenset(each for each in networks if each.num_addresses == 1)
            return Hosts(networks, ranged=alone if len(networks) > 1 else frozenset())


class Inventory:
    """What a host may be called: the assets by id, and by tag, and the zones by name."""

    def __init__(
        self,
        assets: Sequence[Asset],
        *,
        zones: Sequence[BaselineZone] = (),
        also: Iterable[str] = (),
        tags: Iterable[str] = (),
    ) -> None:
        """Index the assets and zones.

        `also` and `tags` are ids and tags of assets that had faults: they are no unknown names.
        """
        self._by_zone = {each.name: Hosts(each.networks) for each in zones}
        self._by_name: dict[str, Hosts] = dict.fromkeys(also, Hosts())
        tagged: dict[str, list[Hosts]] = {tag: [] for tag in tags}
        for asset in assets:
            hosts = Hosts(asset.networks, asset.names, ranged=asset.ranged)
            self._by_name[asset.id] = hosts
            for tag in asset.tags:
                tagged.setdefault(tag, []).append(hosts)
        self._hints = _MOST_HINTS
        self._by_tag: Mapping[str, Hosts] = {
            tag: Hosts.union(parts) for tag, parts in tagged.items()
        }

    def resolve(self, text: str) -> Hosts:
        """Give what one item of a `hosts` list stands for.

        An asset's id wins; else a word without a dot is a mistake, because it may as well be a
        misspelt asset as a host name.

        Raises:
            SpecificationError: it stands for nothing, with the place in its text.
        """
        bare = text.strip()
        if bare.startswith(TAG):
            return self._tagged(text, bare.removeprefix(TAG).strip())
        if bare.startswith(ZONE):
            return self._zoned(text, bare.removeprefix(ZONE).strip())
        if bare.startswith(ID):
            return Hosts(ids=(_identity(text, bare.removeprefix(ID).strip()),))
        if bare in self._by_name:
            return self._by_name[bare]
        target = parse_target(text)
        if target.ports is not None:
            raise SpecificationError(text, 0, "no ports here; they stand under 'ports'")
        if isinstance(target, NameTarget) and "." not in target.name:
            problem = f"unknown asset '{bare}' (a host name has a dot in it)"
            raise SpecificationError(text, 0, problem + self._hint(bare, self._by_name))
        return hosts_of(target)

    def _tagged(self, text: str, tag: str) -> Hosts:
        if tag not in self._by_tag:
            problem = f"no asset has the tag '{tag}'{self._hint(tag, self._by_tag)}"
            raise SpecificationError(text, 0, problem)
        return self._by_tag[tag]

    def _zoned(self, text: str, zone: str) -> Hosts:
        if zone not in self._by_zone:
            problem = f"no zone '{zone}' is declared in this baseline"
            raise SpecificationError(text, 0, problem + self._hint(zone, self._by_zone))
        if not self._by_zone[zone].networks:
            problem = f"the zone '{zone}' declares no networks, so that it stands for no host"
            raise SpecificationError(text, 0, problem)
        return self._by_zone[zone]

    def _hint(self, name: str, names: Iterable[str]) -> str:
        self._hints -= 1
        return did_you_mean(name, names) if self._hints >= 0 else ""


def read_hosts(reading: Reading, steps: Steps, texts: Sequence[str], inventory: Inventory) -> Hosts:
    """Resolve a list of hosts at a path; what cannot be resolved is a fault there."""
    parts = []
    for position, text in enumerate(texts):
        with reading.specification((*steps, position)):
            parts.append(inventory.resolve(text))
    return Hosts.union(parts)


def read_targets(reading: Reading, steps: Steps, targets: Sequence[TargetSpec]) -> Hosts:
    """Put the targets of a list at a path together; too scattered ranges are faults there."""
    parts = []
    for position, target in enumerate(targets):
        with reading.specification((*steps, position)):
            parts.append(hosts_of(target))
    return Hosts.union(parts)


def _identity(text: str, key: str) -> str:
    """Give the id of a target among all sources; whether a source lists it is not known here.

    Raises:
        SpecificationError: it does not name both the source and the id.
    """
    source, _, within = key.partition("/")
    if not source or not within:
        problem = (
            f"'{text.strip()}' names no target of a source; write id:SOURCE/ID, "
            "as `portproof sources show` lists it"
        )
        raise SpecificationError(text, 0, problem)
    return key


def _networks_in(octets: Sequence[OctetRange]) -> tuple[Network, ...]:
    """Cover octet ranges with as few networks as may be.

    The octets behind the last one that is not 0-255 vary freely; that one gives one address
    range, and so a few networks, per combination of the octets before it.
    """
    turning = max(
        (place for place, octet in enumerate(octets) if octet != (0, _HIGHEST_OCTET)), default=0
    )
    before = [range(low, high + 1) for low, high in octets[:turning]]
    combinations = 1
    for choices in before:
        combinations *= len(choices)
    if combinations * 8 > _MOST_NETWORKS:
        text = ".".join(f"{low}-{high}" for low, high in octets)
        raise SpecificationError(
            text, 0, "stands for too many separate networks; write them as CIDR"
        )
    low, high = octets[turning]
    free = len(octets) - turning - 1
    networks: list[Network] = []
    for chosen in product(*before):
        first = IPv4Address(bytes([*chosen, low, *[0] * free]))
        last = IPv4Address(bytes([*chosen, high, *[_HIGHEST_OCTET] * free]))
        networks.extend(summarize_address_range(first, last))
    return tuple(networks)
