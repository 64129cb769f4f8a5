"""Observations in a stored record: columns, as `model.observed` has them.

::

    {"columns": {"port": "…", …}, "states": […], "reasons": […], "services": […], "digests": […]}

Each column is the base64 text (RFC 4648 §4) of its numbers, little-endian and without gaps, of the
type that `model.observed.COLUMNS` names: `<u2` is an unsigned integer of two bytes. So two million
observations are some tens of megabytes, and are read without making an object of each. The rows
are in the order of the record's hosts, each of which says how many of them are its own.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from portproof.errors import EvidenceError
from portproof.evidence.canonical import Json
from portproof.model.observation import Observation, PortState, Reason, Service
from portproof.model.observed import COLUMNS, NONE, ObservedColumns, microseconds
from portproof.model.scan import HostOutcome
from portproof.store.codec import decode, encode

_STATES = tuple(PortState)
_REASONS = tuple(Reason)


def columns_document(hosts: Sequence[HostOutcome]) -> Json:
    """Give the document of all observations of some hosts, in their order.

    Raises:
        EvidenceError: an observation is of another endpoint than its host's, or has no zone.
    """
    services, digests = _Services(), _Numbered()
    rows = []
    for host in hosts:
        address, transport = host.host.address, host.transport
        for seen in host.observations:
            place = seen.endpoint
            if place.address != address or place.transport is not transport:
                raise EvidenceError(f"{place} was observed, under {address}/{transport}")
            rows.append(_row(seen, services, digests))
    columns = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    return {
        "columns": {
            name: _packed(name, column) for name, column in zip(COLUMNS, columns, strict=True)
        },
        "states": [each.value for each in _STATES],
        "reasons": [each.value for each in _REASONS],
        "services": services.documents,
        "digests": list(digests.numbers),
    }


def columns_from(document: Mapping[str, Any]) -> ObservedColumns:
    """Read the columns back.

    Raises:
        EvidenceError: the document is not what `columns_document` gives.
    """
    try:
        return ObservedColumns(
            **{
                name: np.frombuffer(b64decode(document["columns"][name], validate=True), dtype=kind)
                for name, kind in COLUMNS.items()
            },
            states=tuple(map(PortState, document["states"])),
            reasons=tuple(map(Reason, document["reasons"])),
            services=tuple(decode(Service, each) for each in document["services"]),
            digests=tuple(document["digests"]),
        )
    except (ValueError, LookupError, TypeError) as fault:
        raise EvidenceError(f"stored observations cannot be read: {fault}") from fault


def _packed(name: str, column: Sequence[int]) -> str:
    try:
        numbers = np.array(column, dtype=COLUMNS[name])
    except OverflowError as fault:
        raise EvidenceError(f"an observation has a {name} that cannot be kept: {fault}") from fault
    return b64encode(numbers.tobytes()).decode("ascii")


def _row(seen: Observation, services: _Services, digests: _Numbered) -> tuple[int, ...]:
    """Give an observation as numbers, in the order of `COLUMNS`."""
    return (
        seen.endpoint.port,
        _STATES.index(seen.state),
        _REASONS.index(seen.reason),
        _at(seen),
        NONE if seen.rtt_us is None else seen.rtt_us,
        seen.attempts,
        seen.asked,
        NONE if seen.service is None else services.number(seen.service),
        NONE if seen.evidence is None else digests.number(seen.evidence),
    )


def _at(seen: Observation) -> int:
    if seen.at.tzinfo is None:
        raise EvidenceError(f"the time {seen.at.isoformat()} of {seen.endpoint} has no zone")
    return microseconds(seen.at)


class _Numbered:
    """Texts by the order in which they first came."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Give the number of a text, a new one for a new text."""
        return self.numbers.setdefault(text, len(self.numbers))


class _Services:
    """Different services by the order in which they first came; they have no hash of their own."""

    def __init__(self) -> None:
        self.documents: list[Json] = []
        self._by_text = _Numbered()
        self._same: dict[int, tuple[Service, int]] = {}

    def number(self, service: Service) -> int:
        """Give the number of a service; the object itself is kept, so that its id stays its own."""
        known = self._same.get(id(service))
        if known is not None:
            return known[1]
        document = encode(Service, service)
        number = self._by_text.number(json.dumps(document, sort_keys=True))
        if number == len(self.documents):
            self.documents.append(document)
        self._same[id(service)] = (service, number)
        return number
