"""`segmentation.yaml`: which zone may reach which, and who tests that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from portproof.documents.hosts import hosts_of, read_targets
from portproof.documents.portlists import read_ports
from portproof.documents.reading import Reading, Steps
from portproof.documents.segmentation_shape import (
    AllowShape,
    CellShape,
    SegmentationShape,
    TargetZoneShape,
)
from portproof.model.endpoint import Network
from portproof.model.ports import PortSet
from portproof.model.portspec import PortSpec
from portproof.model.segmentation import (
    AllowedFlow,
    CellRule,
    Segmentation,
    SegmentationTester,
    TargetZone,
)
from portproof.model.targetspec import TargetSpec
from portproof.model.vantage import Vantages

_MOST_TARGETS: Final = 65_536
"""Each is proved alive by itself, and named where it is not: beyond, nobody reads it."""
_EVERY_TCP: Final = PortSpec(PortSet.all_ports(), PortSet.empty())
_NOTHING: Final = PortSpec(PortSet.empty(), PortSet.empty())


def load_segmentation(path: Path, *, vantages: Vantages) -> Segmentation:
    """Read the segmentation policy; zones that are tested from must be among the vantages' zones.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    written = reading.texts("zones", "name")
    reading.unique("zones", "name", "zone")
    document = reading.shape(SegmentationShape)
    ports = _ports(reading, ("ports",), document.ports, _EVERY_TCP)
    zones = tuple(
        _zone(reading, ("zones", position), shape, vantages)
        for position, shape in enumerate(document.zones)
    )
    _refuse_overlaps(reading, zones)
    sources = [each.name for each in vantages.zones]
    cells = []
    for position, shape in enumerate(document.cells):
        at = ("cells", position)
        reading.known((*at, "from"), shape.from_, sources, "vantage zone")
        reading.known((*at, "to"), shape.to, written, "target zone")
        cells.append(_cell(reading, at, shape, zones, ports))
    _refuse_contradictions(reading, document.cells)
    reading.finish()
    return Segmentation(
        file=reading.file,
        digest=reading.digest,
        tester=SegmentationTester(**document.tester.model_dump()),
        zones=zones,
        cells=tuple(cells),
        tcp=ports.tcp,
        udp=ports.udp,
    )


def _ports(
    reading: Reading, steps: Steps, texts: Sequence[str] | None, otherwise: PortSpec
) -> PortSpec:
    if texts is None:
        return otherwise
    return read_ports(reading, steps, texts) or _NOTHING


def _zone(reading: Reading, at: Steps, shape: TargetZoneShape, vantages: Vantages) -> TargetZone:
    declared = vantages.zone(shape.name)
    networks = read_targets(reading, (*at, "networks"), shape.networks or []).networks
    if shape.networks is None and declared is not None:
        networks = declared.networks
    if not networks and not reading.damaged(at):
        reading.fault((*at, "name"), f"which addresses lie in zone '{shape.name}'? give 'networks'")
    targets = read_targets(reading, (*at, "targets"), shape.targets or []).networks
    _require_inside(reading, (*at, "targets"), shape.targets or [], networks, shape.name)
    if sum(each.num_addresses for each in targets) > _MOST_TARGETS:
        problem = f"more than {_MOST_TARGETS:,} targets; list hosts, and leave sweeps to 'networks'"
        reading.fault((*at, "targets"), problem)
    protected = declared.protected if declared else False
    return TargetZone(
        name=shape.name,
        networks=networks,
        targets=targets,
        protected=protected if shape.protected is None else shape.protected,
    )


def _require_inside(
    reading: Reading,
    at: Steps,
    listed: Sequence[TargetSpec],
    networks: Sequence[Network],
    zone: str,
) -> None:
    """Record a fault for each listed target outside the zone; one without networks has its own."""
    for position, target in enumerate(listed if networks else ()):
        with reading.specification((*at, position)):
            for inner in hosts_of(target).networks:
                if not any(_within(inner, each) for each in networks):
                    reading.fault((*at, position), f"{inner} does not lie in zone '{zone}'")


def _within(inner: Network, outer: Network) -> bool:
    if inner.version != outer.version:
        return False
    begins = int(outer.network_address) <= int(inner.network_address)
    return begins and int(inner.broadcast_address) <= int(outer.broadcast_address)


def _cell(
    reading: Reading,
    at: Steps,
    shape: CellShape,
    zones: Sequence[TargetZone],
    otherwise: PortSpec,
) -> CellRule:
    target = next((each for each in zones if each.name == shape.to), None)
    networks = target.networks if target else ()
    ports = _ports(reading, (*at, "ports"), shape.ports, otherwise)
    if shape.from_ == shape.to:
        reading.fault((*at, "to"), "a cell leads from one zone into another; this one stays inside")
    if (shape.expect is None) == (shape.allow is None) and not reading.damaged(at):
        reading.fault(at, "say either 'expect: deny', or what may cross under 'allow'")
    resets = _ports(reading, (*at, "boundary_resets"), shape.boundary_resets, _NOTHING)
    if resets.udp:
        reading.fault((*at, "boundary_resets"), "a reset is TCP; leave the UDP ports out")
    return CellRule(
        source=shape.from_,
        target=shape.to,
        allowed=tuple(
            _flow(reading, (*at, "allow", position), flow, networks, shape.to)
            for position, flow in enumerate(shape.allow or ())
        ),
        tcp=ports.tcp,
        udp=ports.udp,
        boundary_resets=resets.tcp,
        location=reading.location(at),
    )


def _flow(
    reading: Reading, at: Steps, shape: AllowShape, networks: Sequence[Network], zone: str
) -> AllowedFlow:
    hosts = read_targets(reading, (*at, "to"), shape.to)
    _require_inside(reading, (*at, "to"), shape.to, networks, zone)
    ports = _ports(reading, (*at, "ports"), shape.ports, _NOTHING)
    return AllowedFlow(
        networks=hosts.networks,
        hosts_text=tuple(map(str, shape.to)),
        tcp=ports.tcp,
        udp=ports.udp,
        because=shape.because,
        ticket=shape.ticket,
        location=reading.location(at),
    )


def _refuse_overlaps(reading: Reading, zones: Sequence[TargetZone]) -> None:
    """An address in two target zones would have two policies: that is a fault, not a guess."""
    for position, zone in enumerate(zones):
        for earlier in zones[:position]:
            pairs = ((one, other) for one in zone.networks for other in earlier.networks)
            shared = next((pair for pair in pairs if _overlap(*pair)), None)
            if shared is not None and earlier.name != zone.name:
                problem = f"{shared[0]} overlaps with {shared[1]} of zone '{earlier.name}'"
                key = "networks" if _written(reading, position) else "name"
                reading.fault(("zones", position, key), problem)


def _written(reading: Reading, position: int) -> bool:
    """Whether a zone names its networks itself: the fault is shown there, else at its name."""
    named = reading.location(("zones", position, "networks"))
    return named != reading.location(("zones", position))


def _overlap(one: Network, other: Network) -> bool:
    return _within(one, other) or _within(other, one)


def _refuse_contradictions(reading: Reading, cells: Sequence[CellShape]) -> None:
    """Two cells of one pair of zones say two things, and one of them would be overlooked."""
    first: dict[tuple[str, str], int] = {}
    for position, cell in enumerate(cells):
        earlier = first.setdefault((cell.from_, cell.to), position)
        if earlier != position:
            line = reading.location(("cells", earlier)).line
            problem = (
                f"a second cell from '{cell.from_}' to '{cell.to}'; line {line} has it already"
            )
            reading.fault(("cells", position), problem)
