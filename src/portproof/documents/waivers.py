"""`waivers.yaml`: accepted risks, each with an end."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from portproof.documents.hosts import Inventory, read_hosts
from portproof.documents.portlists import read_ports
from portproof.documents.reading import Reading, Steps
from portproof.documents.shape import Chosen, From, Id, OneOrMore, PortText, Shape, Until, Words
from portproof.model.baseline import Baseline
from portproof.model.endpoint import Transport
from portproof.model.finding import Severity
from portproof.model.ports import PortSet
from portproof.model.vantage import Vantages
from portproof.model.waiver import LONGEST_DAYS, Waiver, Waivers

_Days: TypeAlias = Annotated[int, Field(ge=1, le=3650)]


class LongestShape(Shape):
    """Days by severity; what is left out keeps its default."""

    critical: _Days | None = None
    high: _Days | None = None
    medium: _Days | None = None
    low: _Days | None = None
    info: _Days | None = None


class WaiverShape(Shape):
    """Someone entitled accepts deviations until a date."""

    id: Id
    rules: OneOrMore[Words]
    """Ids of the rules whose deviations are accepted."""
    hosts: OneOrMore[str] | None = None
    """As in a baseline entry; left out: all hosts."""
    ports: OneOrMore[PortText] | None = None
    """As in a baseline entry; left out: all ports."""
    transport: Chosen[Transport] | None = None
    zones: OneOrMore[Id] | None = None
    """Vantage zones; left out: all."""
    reason: Words
    requester: Words
    approver: Words
    begins: From
    """A bare date is 00:00 UTC of that day."""
    expires: Until
    """A bare date counts to the end of that day, UTC; a time is the first instant outside.

    At most 365 days after it begins, and 90 for critical findings, unless the head says otherwise.
    """
    ticket: str = ""


class WaiversShape(Shape):
    """Accepted risks."""

    model_config = ConfigDict(title="portproof waivers")

    schema_: Literal["portproof.waivers/1"] = Field("portproof.waivers/1", alias="schema")
    at_most_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """A shorter maximum for every severity; it never lengthens one."""
    maximum_days: LongestShape | None = None
    """The maximum of each severity, which may also be longer than by default (365, critical 90)."""
    waivers: list[WaiverShape]
    """May be an empty list."""


def load_waivers(
    path: Path,
    *,
    baseline: Baseline | None = None,
    vantages: Vantages | None = None,
    rules: Collection[str] | None = None,
) -> Waivers:
    """Read all waivers.

    Hosts may be asset ids and tags of the baseline, when it is given; zones are checked against
    the vantages, and rule ids against `rules`, when those are given.

    Raises:
        DocumentError: with every fault of the file.
    """
    reading = Reading(path)
    reading.unique("waivers", "id", "waiver id")
    document = reading.shape(WaiversShape)
    inventory = Inventory(
        baseline.assets if baseline else (), zones=baseline.zones if baseline else ()
    )
    zones = None if vantages is None else [zone.name for zone in vantages.zones]
    longest = _longest(document)
    waivers = []
    for position, shape in enumerate(document.waivers):
        at = ("waivers", position)
        _check_references(reading, (*at, "zones"), shape.zones or [], zones, "zone")
        _check_references(reading, (*at, "rules"), shape.rules, rules, "rule")
        if not reading.damaged(at):
            _check_period(reading, at, shape, max(longest.values()))
        waivers.append(_waiver(reading, at, shape, inventory))
    reading.finish()
    return Waivers(waivers=tuple(waivers), digest=reading.digest, longest_days=longest)


def _longest(document: WaiversShape) -> dict[Severity, int]:
    """Give the maximum of each severity: as its own key says, else the stricter of the others."""
    least = document.at_most_days
    days = {each: min(most, least or most) for each, most in LONGEST_DAYS.items()}
    said = document.maximum_days.model_dump() if document.maximum_days else {}
    return days | {Severity(name): most for name, most in said.items() if most is not None}


def _check_references(
    reading: Reading, at: Steps, names: list[str], known: Collection[str] | None, what: str
) -> None:
    for position, name in enumerate(names if known is not None else ()):
        reading.known((*at, position), name, known or (), what)


def _check_period(reading: Reading, at: Steps, shape: WaiverShape, longest: int) -> None:
    if shape.expires <= shape.begins:
        reading.fault((*at, "expires"), "expires before it begins")
    elif shape.expires - shape.begins > timedelta(days=longest):
        lasts = _days(shape.expires - shape.begins)
        problem = f"lasts {lasts}; a risk is accepted for at most {longest} days at a time"
        reading.fault((*at, "expires"), problem)


def _days(lasts: timedelta) -> str:
    """Say how long: `366 days`, and `365 days and 0:00:01` for what is no whole number of them."""
    rest = lasts - timedelta(days=lasts.days)
    return f"{lasts.days} days and {rest}" if rest else f"{lasts.days} days"


def _waiver(reading: Reading, at: Steps, shape: WaiverShape, inventory: Inventory) -> Waiver:
    hosts = read_hosts(reading, (*at, "hosts"), shape.hosts or [], inventory)
    transport, ports = _ports(reading, (*at, "ports"), shape)
    return Waiver(
        id=shape.id,
        rules=tuple(shape.rules),
        networks=hosts.networks,
        names=hosts.names,
        ids=hosts.ids,
        ranged=hosts.ranged,
        transport=transport,
        ports=ports,
        zones=tuple(shape.zones or ()),
        reason=shape.reason,
        requester=shape.requester,
        approver=shape.approver,
        begins=shape.begins,
        expires=shape.expires,
        ticket=shape.ticket,
        location=reading.location(at),
    )


def _ports(
    reading: Reading, at: Steps, shape: WaiverShape
) -> tuple[Transport | None, PortSet | None]:
    """Give transport and ports; None stands for both, and for all.

    A waiver must not cover more than its text says, so `22` without a transport is TCP, as it is
    in a baseline, and both transports are covered only where the same ports are named of both.
    """
    if shape.ports is None:
        return shape.transport, None
    spec = read_ports(reading, at, shape.ports, shape.transport)
    if spec is None:
        return shape.transport, PortSet.empty()
    if spec.tcp and spec.udp:
        if spec.tcp != spec.udp:
            reading.fault(
                at, "different tcp and udp ports in one waiver; write one for each transport"
            )
        return None, spec.tcp
    return (Transport.UDP, spec.udp) if spec.udp else (Transport.TCP, spec.tcp)
