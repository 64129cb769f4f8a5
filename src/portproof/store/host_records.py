"""Hosts in stored records: as planned, and what came of each; read by the hundred thousand.

They are written by the rules of `codec`, and read by hand: hosts are alike, so that most of their
port sets are read once and shared, and an address is made of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, ip_address
from operator import itemgetter
from socket import AF_INET, inet_pton
from typing import Any, Final, TypeAlias

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
    """Give what came of each host, as rows, and the different things that hosts showed.

    A row is the host's place in the plan, the place of what it showed, and how many observations
    are its own.

    Raises:
        EvidenceError: a host is not one of the plan.
    """
    places = {host: place for place, host in enumerate(plan.hosts)}
    shown: dict[_Shown, int] = {}
    rows: list[Json] = []
    for each in hosts:
        place = places.get(each.host)
        if place is None:
            raise EvidenceError(f"{each.host.address} was measured, but is not in the plan")
        number = shown.setdefault(_shown(each), len(shown))
        rows.append([place, number, len(each.observations)])
    return rows, [_shown_document(each) for each in shown]


def hosts_from(
    rows: Iterable[Sequence[int]],
    shown: Iterable[Mapping[str, Any]],
    plan: ScanPlan,
    columns: ObservedColumns,
) -> tuple[HostOutcome, ...]:
    """Read what came of each host; the observations are rows of `columns`, a stretch for each.

    Raises:
        EvidenceError: the records cannot be read, or do not fit the plan or the columns.
    """
    hosts: list[HostOutcome] = []
    row = 0
    try:
        ports = _shared(ports_from)
        kinds = [_shown_from(each, ports) for each in shown]
        for place, number, observed in rows:
            if min(place, number, observed) < 0:
                raise IndexError(f"there is no row {place}, {number}, {observed}")
            host, kind = plan.hosts[place], kinds[number]
            first, row = row, row + observed
            observations = Observed(columns, (first, row), host.address, kind["transport"])
            hosts.append(HostOutcome(host=host, observations=observations, **kind))
    except (LookupError, ValueError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"an outcome does not fit its plan: {fault}") from fault
    if row != len(columns):
        raise EvidenceError(f"an outcome has {len(columns)} observations, its hosts have {row}")
    return tuple(hosts)


def hosts_from_objects(
    stored: Iterable[Mapping[str, Any]], plan: ScanPlan
) -> tuple[HostOutcome, ...]:
    """Read the hosts of records of before there were rows: an object for each, with all its own.

    Raises:
        EvidenceError: the records cannot be read, or do not fit the plan.
    """
    ports = _shared(ports_from)
    try:
        return tuple(
            HostOutcome(
                host=plan.hosts[each["host"]],
                observations=tuple(decode(Observation, one) for one in each["observations"]),
                **_shown_from(each, ports),
            )
            for each in stored
        )
    except (LookupError, ValueError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"an outcome does not fit its plan: {fault}") from fault


_Sets: TypeAlias = tuple[tuple[str, PortSet], ...]
"""Port sets by name, in the order in which names are written: what is read is written alike."""
_Shown: TypeAlias = tuple[Transport, _Sets, _Sets, _Sets]
"""The transport of an outcome, its states, reasons, and what was not measured."""


def _shown(outcome: HostOutcome) -> _Shown:
    named = (outcome.states, outcome.reasons, outcome.unmeasured)
    states, reasons, unmeasured = (_by_name(each) for each in named)
    return outcome.transport, states, reasons, unmeasured


def _by_name(sets: Mapping[Any, PortSet]) -> _Sets:
    return tuple(sorted(((name.value, held) for name, held in sets.items()), key=itemgetter(0)))


def _shown_document(shown: _Shown) -> Json:
    transport, *sets = shown
    states, reasons, unmeasured = ({name: str(held) for name, held in each} for each in sets)
    return {
        "transport": transport.value,
        "states": states,
        "reasons": reasons,
        "unmeasured": unmeasured,
    }


def _shown_from(stored: Mapping[str, Any], ports: Callable[[str], PortSet]) -> dict[str, Any]:
    """Give the fields of an outcome that hosts share."""
    return {
        "transport": _TRANSPORTS[stored["transport"]],
        "states": {_STATES[name]: ports(text) for name, text in stored["states"].items()},
        "reasons": {_REASONS[name]: ports(text) for name, text in stored["reasons"].items()},
        "unmeasured": {_FAULTS[name]: ports(text) for name, text in stored["unmeasured"].items()},
    }


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
