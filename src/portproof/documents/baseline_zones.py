"""The zones of a baseline, which are apart from each other and agree with the vantages document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from operator import itemgetter
from typing import Final

from portproof.documents.baseline_files import Files, Part
from portproof.documents.hosts import read_targets
from portproof.model.baseline import BaselineZone
from portproof.model.endpoint import Network
from portproof.model.vantage import Vantages

_MOST_REPORTED: Final = 50
"""Overlaps of zones; more of them are one mistake many times."""


def read_zones(files: Files, vantages: Vantages | None) -> tuple[BaselineZone, ...]:
    """Make the zones of all files; overlaps and contradictions are recorded as faults."""
    files.unique("zones", "name", "zone")
    zones = tuple(
        _zone(part, position)
        for part in files.parts
        for position in range(len(part.document.zones))
    )
    _refuse_overlaps(files, zones)
    if vantages is not None:
        _refuse_contradictions(files, zones, vantages)
    return zones


def _zone(part: Part, position: int) -> BaselineZone:
    shape, at = part.document.zones[position], ("zones", position)
    hosts = read_targets(part.reading, (*at, "networks"), shape.networks or [])
    return BaselineZone(
        name=shape.name,
        networks=hosts.networks,
        approvals=shape.approvals,
        protected=shape.protected,
        description=shape.description,
        location=part.reading.location(at),
    )


def _refuse_overlaps(files: Files, zones: Sequence[BaselineZone]) -> None:
    order = {id(zone): position for position, zone in enumerate(zones)}
    for number, (one, other, network) in enumerate(_overlaps(zones)):
        if number == _MOST_REPORTED:
            break
        earlier, later = sorted((one, other), key=lambda zone: order[id(zone)])
        problem = (
            f"zone '{later.name}' overlaps zone '{earlier.name}' ({_place(earlier, later)}): "
            f"both hold {network}; an address lies in one zone"
        )
        files.first.reading.fault_at(later.location, problem)


def _place(earlier: BaselineZone, later: BaselineZone) -> str:
    near = earlier.location.file == later.location.file
    return f"{'line ' if near else f'{earlier.location.file}:'}{earlier.location.line}"


def _overlaps(
    zones: Sequence[BaselineZone],
) -> Iterator[tuple[BaselineZone, BaselineZone, Network]]:
    """Give pairs of zones that share addresses, and the smaller of the two networks that do.

    Networks are nested or apart, so that in the order of their first address, the larger first,
    those around the current one form a stack.
    """
    held = sorted(
        (
            (each.version, int(each.network_address), -int(each.broadcast_address), each, zone)
            for zone in zones
            for each in zone.networks
        ),
        key=itemgetter(0, 1, 2),
    )
    around: list[tuple[int, int, BaselineZone]] = []
    told: set[tuple[int, int]] = set()
    for version, _, last, network, zone in held:
        while around and not (around[-1][0] == version and -last <= around[-1][1]):
            around.pop()
        for _, _, outer in around:
            pair = (min(id(outer), id(zone)), max(id(outer), id(zone)))
            if outer is not zone and pair not in told:
                told.add(pair)
                yield outer, zone, network
        around.append((version, -last, zone))


def _refuse_contradictions(files: Files, zones: Sequence[BaselineZone], vantages: Vantages) -> None:
    """A zone that both documents declare is the same in both: reports use either."""
    for zone in zones:
        other = vantages.zone(zone.name)
        if other is None:
            continue
        if zone.protected != other.protected:
            theirs = "is" if other.protected else "is not"
            problem = f"zone '{zone.name}' {theirs} protected in the vantages document; say the same in both"
            files.first.reading.fault_at(zone.location, problem)
        if zone.networks and other.networks and _joined(zone.networks) != _joined(other.networks):
            listed = ", ".join(map(str, other.networks[:4]))
            problem = f"zone '{zone.name}' has other networks in the vantages document ({listed}); say the same in both"
            files.first.reading.fault_at(zone.location, problem)


def _joined(networks: Sequence[Network]) -> tuple[list[IPv4Network], list[IPv6Network]]:
    """Give the same addresses in one way, however they were cut into networks."""
    return (
        list(collapse_addresses(each for each in networks if isinstance(each, IPv4Network))),
        list(collapse_addresses(each for each in networks if isinstance(each, IPv6Network))),
    )
