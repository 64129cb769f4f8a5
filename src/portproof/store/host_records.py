"""Hosts in stored records: as planned, and what came of each; read by the hundred thousand.

They are written by the rules of `codec`, and read by hand: hosts are alike, so that most of their
port sets are read once and shared, and an address is made of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, ip_address
from operator import itemgetter
from socket import AF_INET, inet_pton
from typing import Any, Final

from portproof.errors import EvidenceError
from portproof.evidence.canonical import Json
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault, Observation, PortState, Reason
from portproof.model.observed import Observed, ObservedColumns
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost, ScanPlan
from portproof.store.codec import decode, ports_from

_PLANNED: Final = frozenset(PlannedHost.__dataclass_fields__)
_STATES: Final = {each.value: each for each in PortState}
_REASONS: Final = {each.value: each for each in Reason}
_FAULTS: Final = {each.value: each for each in LocalFault}
_TRANSPORTS: Final = {each.value: each for each in Transport}


def planned_from(stored: Iterable[Mapping[str, Any]]) -> tuple[PlannedHost, ...]:
    """Read the hosts of a plan.

    Raises:
        EvidenceError: they are not what `codec` writes of a `PlannedHost`.
    """
    ports = _shared(ports_from)
    try:
        return tuple(_planned(each, ports) for each in stored)
    except (LookupError, ValueError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"the hosts of a stored plan cannot be read: {fault}") from fault


def host_documents(hosts: Sequence[HostOutcome], plan: ScanPlan) -> tuple[list[Json], list[Json]]:
    """Give what came of each host, and the different port sets that it is told by.

    A host names its port sets by their places in the list, and of its observations only how many
    there are.

    Raises:
        EvidenceError: a host is not one of the plan.
    """
    places = {host: place for place, host in enumerate(plan.hosts)}
    sets: dict[PortSet, int] = {}
    documents = [_host_document(each, places.get(each.host), sets) for each in hosts]
    return documents, [str(each) for each in sets]


def hosts_from(
    stored: Iterable[Mapping[str, Any]],
    plan: ScanPlan,
    sets: Sequence[str] | None,
    columns: ObservedColumns | None,
) -> tuple[HostOutcome, ...]:
    """Read what came of each host; the observations are rows of `columns`, a stretch for each.

    `sets` and `columns` are None for records of before there were any: there, each host has its own.

    Raises:
        EvidenceError: the records cannot be read, or do not fit the plan or the columns.
    """
    ports = _shared(ports_from) if sets is None else _listed(sets)
    hosts: list[HostOutcome] = []
    row = 0
    try:
        for each in stored:
            host = plan.hosts[each["host"]]
            transport = _TRANSPORTS[each["transport"]]
            observations: Sequence[Observation]
            if columns is None:
                observations = tuple(decode(Observation, one) for one in each["observations"])
            else:
                first, row = row, row + each["observed"]
                observations = Observed(columns, (first, row), host.address, transport)
            hosts.append(
                HostOutcome(
                    host=host,
                    transport=transport,
                    states={_STATES[name]: ports(held) for name, held in each["states"].items()},
                    reasons={_REASONS[name]: ports(held) for name, held in each["reasons"].items()},
                    unmeasured={
                        _FAULTS[name]: ports(held) for name, held in each["unmeasured"].items()
                    },
                    observations=observations,
                )
            )
    except (LookupError, ValueError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"an outcome does not fit its plan: {fault}") from fault
    if columns is not None and row != len(columns):
        raise EvidenceError(f"an outcome has {len(columns)} observations, its hosts have {row}")
    return tuple(hosts)


def _planned(stored: Mapping[str, Any], ports: Callable[[str], PortSet]) -> PlannedHost:
    also_named = stored.get("also_named")
    if not stored.keys() <= _PLANNED:
        raise ValueError(f"a planned host has no {', '.join(sorted(stored.keys() - _PLANNED))}")
    return PlannedHost(
        address=_address(stored["address"]),
        target=stored["target"],
        name=stored.get("name"),
        also_named=tuple(also_named) if also_named else (),
        tcp=ports(stored["tcp"]),
        udp=ports(stored["udp"]),
    )


def _host_document(outcome: HostOutcome, place: int | None, sets: dict[PortSet, int]) -> Json:
    if place is None:
        raise EvidenceError(f"{outcome.host.address} was measured, but is not in the plan")

    def numbered(told: Mapping[Any, PortSet]) -> Json:
        # In the order in which the names are written, so that what was read is written alike.
        named = sorted(((name.value, ports) for name, ports in told.items()), key=itemgetter(0))
        return {name: sets.setdefault(ports, len(sets)) for name, ports in named}

    return {
        "host": place,
        "transport": outcome.transport.value,
        "states": numbered(outcome.states),
        "reasons": numbered(outcome.reasons),
        "unmeasured": numbered(outcome.unmeasured),
        "observed": len(outcome.observations),
    }


def _listed(sets: Sequence[str]) -> Callable[[int], PortSet]:
    """Give a reader that finds a set by its place in the list.

    Raises:
        ValueError: a text of the list is no port set.
    """
    held = [ports_from(each) for each in sets]

    def ports(place: int) -> PortSet:
        if place < 0:
            raise ValueError(f"there is no port set at {place}")
        return held[place]

    return ports


def _shared(read: Callable[[str], PortSet]) -> Callable[[str], PortSet]:
    """Give a reader that reads the same text once."""
    held: dict[str, PortSet] = {}

    def ports(text: str) -> PortSet:
        known = held.get(text)
        if known is None:
            known = held[text] = read(text)
        return known

    return ports


def _address(text: str) -> Address:
    """Read an address; IPv4 at the speed of C, IPv6 (with its zone) by the library."""
    if ":" in text:
        return ip_address(text)
    try:
        return IPv4Address(inet_pton(AF_INET, text))
    except OSError as fault:
        raise ValueError(f"{text!r} is no address") from fault
