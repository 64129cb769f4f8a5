"""`authorisation.yaml`: who allows which addresses to be probed, until when, and how fast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from portproof.documents.hosts import read_targets
from portproof.documents.portlists import read_ports
from portproof.documents.rates import RatesShape
from portproof.documents.reading import Reading
from portproof.documents.shape import (
    Chosen,
    From,
    Id,
    NumericHost,
    OneEndpoint,
    OneOrMore,
    PortText,
    Shape,
    Target,
    Until,
    Words,
)
from portproof.model.authorisation import FRAGILE_PORTS, Authorisation, Exclusion, PermittedName
from portproof.model.ports import PortSet
from portproof.model.scan import Control, ControlKind, Rates
from portproof.model.targetspec import NameTarget


class ExclusionShape(Shape):
    """Addresses that must not be probed."""

    network: NumericHost
    reason: Words


class NameShape(Shape):
    """A DNS name of ours whose addresses belong to a provider."""

    name: Target
    """The exact name, as targets list it."""
    provider: str = ""
    networks: OneOrMore[NumericHost]
    """What the provider permits to be probed behind this name."""


class ControlShape(Shape):
    """An endpoint whose answer is known beforehand."""

    id: Id
    kind: Chosen[ControlKind]
    """`positive`: it answers. `negative`: it never does."""
    endpoint: OneEndpoint
    """Address and TCP port; it may lie outside the authorised networks."""
    networks: OneOrMore[NumericHost]
    """Whose silence it witnesses."""


class AuthorisationShape(Shape):
    """One written authorisation to scan."""

    model_config = ConfigDict(title="portproof authorisation")

    schema_: Literal["portproof.authorisation/1"] = Field(
        "portproof.authorisation/1", alias="schema"
    )
    id: Id
    owner: Words
    """Who may allow it: the owner of the networks."""
    contact: Words
    """Whom to call when something goes wrong during a scan."""
    networks: OneOrMore[NumericHost]
    """The addresses that may be probed."""
    exclusions: list[ExclusionShape] = Field(default_factory=list)
    names: list[NameShape] = Field(default_factory=list)
    """DNS names with addresses of a provider (load balancer, CDN)."""
    valid_from: From
    """A bare date is 00:00 UTC of that day."""
    valid_until: Until
    """A bare date counts to the end of that day, UTC."""
    rates: RatesShape = Field(default_factory=RatesShape)
    max_probes: Annotated[int, Field(ge=1)] = 50_000_000
    """The budget of endpoints that one run may ask, over both transports."""
    controls: list[ControlShape] = Field(default_factory=list)
    allow_fragile: OneOrMore[PortText] | None = None
    """Fragile ports that may be spoken to, instead of connected to and left alone."""


def load_authorisation(path: Path) -> Authorisation:
    """Read one authorisation.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    reading.unique("controls", "id", "control id")
    document = reading.shape(AuthorisationShape)
    if document.valid_until <= document.valid_from:
        reading.fault(("valid_until",), "ends before it begins ('valid_from')")
    authorisation = _authorisation(reading, document)
    reading.finish()
    return authorisation


def _authorisation(reading: Reading, document: AuthorisationShape) -> Authorisation:
    exclusions = [_exclusions(reading, i, each) for i, each in enumerate(document.exclusions)]
    return Authorisation(
        id=document.id,
        owner=document.owner,
        contact=document.contact,
        networks=read_targets(reading, ("networks",), document.networks).networks,
        exclusions=tuple(exclusion for each in exclusions for exclusion in each),
        names=tuple(_name(reading, i, each) for i, each in enumerate(document.names)),
        valid_from=document.valid_from,
        valid_until=document.valid_until,
        rates=Rates(**document.rates.model_dump()),
        max_probes=document.max_probes,
        controls=tuple(_control(reading, i, each) for i, each in enumerate(document.controls)),
        allow_fragile=_fragile(reading, document.allow_fragile or []),
        digest=reading.digest,
        file=reading.file,
    )


def _exclusions(reading: Reading, position: int, shape: ExclusionShape) -> list[Exclusion]:
    hosts = read_targets(reading, ("exclusions", position, "network"), [shape.network])
    return [Exclusion(network=network, reason=shape.reason) for network in hosts.networks]


def _name(reading: Reading, position: int, shape: NameShape) -> PermittedName:
    at = ("names", position)
    name = ""
    if isinstance(shape.name, NameTarget) and shape.name.ports is None:
        name = shape.name.name
    else:
        reading.fault((*at, "name"), f"expected a host name alone, found '{shape.name}'")
    networks = read_targets(reading, (*at, "networks"), shape.networks).networks
    return PermittedName(name=name, networks=networks, provider=shape.provider)


def _control(reading: Reading, position: int, shape: ControlShape) -> Control:
    at = ("controls", position, "networks")
    return Control(
        id=shape.id,
        kind=shape.kind,
        endpoint=shape.endpoint,
        networks=read_targets(reading, at, shape.networks).networks,
    )


def _fragile(reading: Reading, texts: list[str]) -> PortSet:
    spec = read_ports(reading, ("allow_fragile",), texts)
    if spec is None:
        return PortSet.empty()
    allowed = spec.tcp | spec.udp
    others = allowed - PortSet.of(*FRAGILE_PORTS)
    if others:
        fragile = ", ".join(map(str, FRAGILE_PORTS))
        problem = f"not among the fragile ports: {others}; they are {fragile}"
        reading.fault(("allow_fragile",), problem)
    return allowed
