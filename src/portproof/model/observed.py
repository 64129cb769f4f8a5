"""Observations by the million: columns, of which each host's observations are a stretch.

A run over a hundred thousand hosts observes millions of open ports. As objects they take gigabytes
and the longer part of a judging; as columns some tens of bytes each. A row becomes an
`Observation` when somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import starmap
from typing import TYPE_CHECKING, Final, overload

from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import Observation, PortState, Reason, Service

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONE: Final = -1
"""In the columns `rtt_us`, `service` and `evidence`: there is none."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ObservedColumns:
    """Columns of equal length, a row per observation; those of one host are together, by port."""

    port: NDArray[np.uint16]
    state: NDArray[np.uint8]
    """Index into `states`."""
    reason: NDArray[np.uint8]
    """Index into `reasons`."""
    at_us: NDArray[np.int64]
    """Microseconds since 1970-01-01T00:00:00Z."""
    rtt_us: NDArray[np.int32]
    """Microseconds, or NONE."""
    attempts: NDArray[np.uint32]
    asked: NDArray[np.uint8]
    """1 where the service was asked what it is, 0 where it was not."""
    service: NDArray[np.int32]
    """Index into `services`, or NONE."""
    evidence: NDArray[np.int32]
    """Index into `digests`, or NONE."""
    states: tuple[PortState, ...]
    reasons: tuple[Reason, ...]
    services: tuple[Service, ...]
    """The different ones: most open ports of a network say one of a few things."""
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.port)

    def __post_init__(self) -> None:
        """Hold the columns together.

        Raises:
            ValueError: they differ in length, or a row points past the end of what it points into.
        """
        columns = [getattr(self, each.name) for each in fields(self)[: len(COLUMNS)]]
        if len({len(each) for each in columns}) > 1:
            raise ValueError("the columns of observations have one length")
        pointing = (
            (self.state, self.states, 0),
            (self.reason, self.reasons, 0),
            (self.service, self.services, NONE),
            (self.evidence, self.digests, NONE),
        )
        for column, table, least in pointing:
            if len(column) and not least <= int(column.min()) <= int(column.max()) < len(table):
                raise ValueError("a row of observations points to what is not there")

    def row(self, place: int, address: Address, transport: Transport) -> Observation:
        """Give one row as the observation of an address."""
        service, evidence = int(self.service[place]), int(self.evidence[place])
        rtt = int(self.rtt_us[place])
        return Observation(
            endpoint=Endpoint(address, transport, int(self.port[place])),
            state=self.states[self.state[place]],
            reason=self.reasons[self.reason[place]],
            at=_EPOCH + timedelta(microseconds=int(self.at_us[place])),
            rtt_us=None if rtt == NONE else rtt,
            attempts=int(self.attempts[place]),
            service=None if service == NONE else self.services[service],
            asked=bool(self.asked[place]),
            evidence=None if evidence == NONE else self.digests[evidence],
        )


COLUMNS: Final = {
    "port": "<u2",
    "state": "<u1",
    "reason": "<u1",
    "at_us": "<i8",
    "rtt_us": "<i4",
    "attempts": "<u4",
    "asked": "<u1",
    "service": "<i4",
    "evidence": "<i4",
}
"""The columns by name, and their type as NumPy writes it: little-endian, in the order of fields."""


def microseconds(at: datetime) -> int:
    """Give a time as the column `at_us` has it."""
    return (at - _EPOCH) // _MICROSECOND


class Observed(Sequence[Observation]):
    """The observations of one host over one transport: rows `low` up to `high` of the columns."""

    __slots__ = ("_address", "_columns", "_high", "_low", "_transport")

    def __init__(
        self,
        columns: ObservedColumns,
        rows: tuple[int, int],
        address: Address,
        transport: Transport,
    ) -> None:
        self._columns, (self._low, self._high) = columns, rows
        self._address, self._transport = address, transport

    def __len__(self) -> int:
        return self._high - self._low

    @overload
    def __getitem__(self, place: int) -> Observation: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Observation, ...]: ...

    def __getitem__(self, place: int | slice) -> Observation | tuple[Observation, ...]:
        rows = range(self._low, self._high)[place]
        if isinstance(rows, range):
            return tuple(self._columns.row(each, self._address, self._transport) for each in rows)
        return self._columns.row(rows, self._address, self._transport)

    def __iter__(self) -> Iterator[Observation]:
        rows = ((row, self._address, self._transport) for row in range(self._low, self._high))
        return starmap(self._columns.row, rows)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Observed | tuple):
            return tuple(self) == tuple(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # services have mappings, which have no hash

    def __repr__(self) -> str:
        return f"<{len(self)} observations of {self._address}/{self._transport}>"

    def at_port(self, port: int) -> Observation | None:
        """Give the observation of one port; None where there is none."""
        places = (self._columns.port[self._low : self._high] == port).nonzero()[0]
        return self[int(places[0])] if len(places) else None

    def answers(self) -> tuple[list[int], list[int]]:
        """Give the ports, and for each what it said as a number, the same for the same answer.

        The number is an index into `services`, -1 where it was asked and said nothing, -2 where
        nobody asked.
        """
        columns, rows = self._columns, slice(self._low, self._high)
        said = columns.service[rows].tolist()
        asked = columns.asked[rows].tolist()
        told = said if all(asked) else _unasked(said, asked)
        return columns.port[rows].tolist(), told

    def said(self) -> bytes:
        """Give ports and answers as bytes: the same where hosts said the same at the same ports."""
        columns, rows = self._columns, slice(self._low, self._high)
        told = (columns.port[rows], columns.service[rows], columns.asked[rows])
        return b"".join(each.tobytes() for each in told)

    def services(self) -> Iterator[Service]:
        """Give the different services among them."""
        numbers = set(self._columns.service[self._low : self._high].tolist())
        return (self._columns.services[each] for each in numbers - {NONE})

    @property
    def columns(self) -> ObservedColumns:
        """The columns, which are of many hosts."""
        return self._columns

    def unasked(self) -> tuple[Observation, ...]:
        """Give those of which nobody asked what they are."""
        rows = (self._columns.asked[self._low : self._high] == 0).nonzero()[0]
        return tuple(self[int(each)] for each in rows)


def services_of(hosts: Iterable[Sequence[Observation]]) -> Iterator[Service]:
    """Give each different service among the observations of some hosts, at least once."""
    tables: dict[int, ObservedColumns] = {}
    for held in hosts:
        if isinstance(held, Observed):
            tables[id(held.columns)] = held.columns
        else:
            yield from (each.service for each in held if each.service is not None)
    for table in tables.values():
        yield from table.services


def unasked_of(hosts: Iterable[Sequence[Observation]]) -> Iterator[Observation]:
    """Give the observations of some hosts of which nobody asked what they are."""
    all_asked: dict[int, bool] = {}
    for held in hosts:
        if not isinstance(held, Observed):
            yield from (each for each in held if not each.asked)
            continue
        table = id(held.columns)
        if table not in all_asked:
            all_asked[table] = bool(held.columns.asked.all())
        if not all_asked[table]:
            yield from held.unasked()


def _unasked(said: Iterable[int], asked: Iterable[int]) -> list[int]:
    pairs = zip(said, asked, strict=True)
    return [each if each != NONE or was else NONE - 1 for each, was in pairs]
