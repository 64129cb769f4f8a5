"""`vantages.yaml`: the places probes are sent from, and the zones they lie in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from portproof.documents.hosts import read_targets
from portproof.documents.rates import VantageRatesShape
from portproof.documents.reading import Reading, Steps
from portproof.documents.shape import Chosen, Id, NumericHost, OneAddress, OneOrMore, Shape
from portproof.documents.way_shape import PublicKey, WayShape
from portproof.model.endpoint import Network
from portproof.model.vantage import Trust, Vantage, Vantages, Zone


class ZoneShape(Shape):
    """How a place is classed."""

    name: Id
    """`internet`, `office`, `cde`."""
    trust: Chosen[Trust]
    """`untrusted`: the stricter severities apply to what is reachable from it."""
    networks: OneOrMore[NumericHost] | None = None
    """The addresses that lie in it; left out for the internet."""
    protected: bool = False
    """A zone to protect, such as a cardholder data environment."""
    description: str = ""


class VantageShape(Shape):
    """A place probes are sent from."""

    id: Id
    zone: Id
    """A zone of this file."""
    description: str = ""
    operator: str = ""
    """Who runs it."""
    location: str = ""
    public_addresses: list[OneAddress] = Field(default_factory=list)
    """Its source addresses as targets see them, after NAT."""
    rates: VantageRatesShape | None = None
    """What may leave from it at most; the stricter of this and the authorisation's holds."""
    key: PublicKey | None = None
    """The public key that signs its packs, as `portproof keys new` prints it."""
    through: WayShape | None = None
    """The proxy or jump host it probes through, where it is no machine of ours."""


class VantagesShape(Shape):
    """Zones, and the vantages that stand in them."""

    model_config = ConfigDict(title="portproof vantages")

    schema_: Literal["portproof.vantages/1"] = Field("portproof.vantages/1", alias="schema")
    zones: list[ZoneShape] = Field(min_length=1)
    vantages: list[VantageShape] = Field(min_length=1)


def load_vantages(path: Path) -> Vantages:
    """Read the vantages and zones of an organisation.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    zone_ids = reading.texts("zones", "name")
    reading.unique("zones", "name", "zone")
    reading.unique("vantages", "id", "vantage id")
    document = reading.shape(VantagesShape)
    for position, vantage in enumerate(document.vantages):
        reading.known(("vantages", position, "zone"), vantage.zone, zone_ids, "zone")
        _require_one_way(reading, ("vantages", position, "through"), vantage.through)
    zones = tuple(_zone(reading, position, zone) for position, zone in enumerate(document.zones))
    _refuse_shared_networks(reading, zones)
    reading.finish()
    return Vantages(
        zones=zones,
        vantages=tuple(_vantage(each) for each in document.vantages),
        digest=reading.digest,
        keys={each.id: each.key for each in document.vantages if each.key is not None},
        ways={
            each.id: each.through.read(path.parent)
            for each in document.vantages
            if each.through is not None
        },
    )


def _require_one_way(reading: Reading, place: Steps, way: WayShape | None) -> None:
    """Judge what goes together, unless a part of it has a fault already."""
    problem = "" if way is None or reading.damaged(place) else way.problem()
    if problem:
        reading.fault(place, problem)


def _zone(reading: Reading, position: int, zone: ZoneShape) -> Zone:
    networks = read_targets(reading, ("zones", position, "networks"), zone.networks or []).networks
    return Zone(
        name=zone.name,
        trust=zone.trust,
        networks=networks,
        protected=zone.protected,
        description=zone.description,
    )


def _vantage(vantage: VantageShape) -> Vantage:
    return Vantage(
        id=vantage.id,
        zone=vantage.zone,
        description=vantage.description,
        operator=vantage.operator,
        location=vantage.location,
        public_addresses=tuple(vantage.public_addresses),
        rates=vantage.rates.read() if vantage.rates else None,
    )


def _refuse_shared_networks(reading: Reading, zones: tuple[Zone, ...]) -> None:
    """A smaller network inside a larger one is a zone of its own; an equal one is a contradiction."""
    first: dict[Network, str] = {}
    for position, zone in enumerate(zones):
        for network in zone.networks:
            earlier = first.setdefault(network, zone.name)
            if earlier != zone.name:
                problem = f"the network {network} belongs to zone '{earlier}' already"
                reading.fault(("zones", position, "networks"), problem)
