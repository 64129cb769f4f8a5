"""What the heat map shows: hosts down, ports across, one mark per host and port.

A column stands for each port that answered, or that somebody asked about, on any host; the closed
majority has none. Nothing is judged here. A mark is looked up in the document: the observed state,
the baseline entry that grants it, and the worst finding, waiver or unknown on that endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, TypeVar

from portproof.errors import EvidenceError, SpecificationError
from portproof.model.endpoint import bracketed
from portproof.model.evidence import EvidenceDocument, FindingInfo, HostInfo, OpenPortInfo
from portproof.model.ports import PortSet
from portproof.model.portspec import parse_ports


class Mark(Enum):
    """What stands in a cell: its letter and its meaning in the legend."""

    UNAPPROVED = ("U", "open, no approved entry")
    DEVIATING = ("D", "approved, but deviates otherwise")
    MISSING = ("M", "required, not observed open")
    WAIVED = ("W", "deviation under a waiver")
    UNKNOWN = ("?", "not measured or not decidable: nothing is known")
    UNDECIDED = ("~", "no response, or none understood (open or filtered)")
    APPROVED = ("A", "open, approved")
    OWN = ("O", "portproof's own listener")
    FILTERED = ("f", "filtered")
    CLOSED = ("·", "closed")
    NOT_ASKED = ("", "not in the port set asked")

    @property
    def letter(self) -> str:
        """Give the letter printed in the cell; empty for a port that was not asked."""
        return self.value[0]

    @property
    def meaning(self) -> str:
        """Give the words of the legend."""
        return self.value[1]


Item = TypeVar("Item")

_RANK: Final = {mark: rank for rank, mark in enumerate(Mark)}
_MISSING_SERVICE: Final = "missing-service"
_SEVERITIES: Final = ("critical", "high", "medium", "low", "info", "")

Key = tuple[str, int]
"""A column: transport and port."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One mark; `severity` is that of the finding behind it, empty where there is none."""

    mark: Mark
    severity: str = ""

    @property
    def rank(self) -> tuple[int, int]:
        """Sort key: what needs attention most comes first."""
        severity = self.severity if self.severity in _SEVERITIES else ""
        return (_RANK[self.mark], _SEVERITIES.index(severity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One host: its label and its cells, one per column of the map."""

    label: str
    cells: tuple[Cell, ...]
    others: int
    """Ports of this host that answered and have no column in the map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureMap:
    """The whole map, and how much of the document it leaves out."""

    columns: tuple[Key, ...]
    services: tuple[str, ...]
    """The service name per column: the first one seen there; may be empty."""
    rows: tuple[Row, ...]
    hidden_columns: int
    hidden_rows: int


def exposure_map(document: EvidenceDocument, *, max_columns: int, max_rows: int) -> ExposureMap:
    """Lay the map out; beyond the limits, the columns and rows that need attention least are left out.

    Raises:
        EvidenceError: a port list of the document cannot be read.
    """
    sight = _Sight(document)
    hosts = list(sight.hosts)
    columns = sorted(sight.services)
    kept_columns = sorted(_worst(columns, max_columns, lambda key: _column_rank(sight, key)))
    kept_hosts = _worst(hosts, max_rows, lambda host: _row_rank(sight, host, columns))
    shown = frozenset(kept_columns)
    return ExposureMap(
        columns=tuple(kept_columns),
        services=tuple(sight.services[key] for key in kept_columns),
        rows=tuple(_row(sight, host, kept_columns, shown) for host in hosts if host in kept_hosts),
        hidden_columns=len(columns) - len(kept_columns),
        hidden_rows=len(hosts) - len(kept_hosts),
    )


class _Sight:
    """Look-ups into the document: what was seen and judged of an address and a port."""

    def __init__(self, document: EvidenceDocument) -> None:
        self.hosts: dict[str, list[HostInfo]] = {}
        self.observed: dict[str, OpenPortInfo] = {}
        self.judged: dict[str, FindingInfo] = {}
        self.services: dict[Key, str] = {}
        self.lossy = {(each.host, each.transport) for each in document.coverage if each.missing}
        """Hosts that lost planned probes: a port without any state may be one of them."""
        for host in document.hosts:
            self.hosts.setdefault(host.address, []).append(host)
            for seen in host.observations:
                self.observed.setdefault(f"{host.address} {seen.transport} {seen.port}", seen)
                self._column((seen.transport, seen.port), seen.service)
        # Worst first, as the document has them; a deviation outweighs an unknown on the same port,
        # and what this run saw outweighs what an earlier one left.
        now = [each for each in document.findings if not each.carried_over]
        before = [each for each in document.findings if each.carried_over]
        for finding in (*now, *document.unknown, *before):
            for endpoint in (finding.endpoint, *finding.also):
                self.judged.setdefault(endpoint, finding)
                key = _key_of(endpoint)
                if key is not None:
                    self._column(key, finding.service)

    def _column(self, key: Key, service: str) -> None:
        self.services[key] = self.services.get(key) or service

    def cell(self, address: str, key: Key) -> Cell:
        """Give the mark of one host and port."""
        seen = self.observed.get(f"{address} {key[0]} {key[1]}")
        if seen is not None and seen.own:
            return Cell(Mark.OWN)
        finding = self.judged.get(_endpoint_text(address, key))
        state = seen.state if seen is not None else self._state(address, key)
        granted = seen is not None and bool(seen.entry)
        if finding is not None:
            return _judged(finding, state, granted=granted)
        if state == "open":
            return Cell(Mark.APPROVED if granted else Mark.UNAPPROVED)
        return Cell(_BY_STATE.get(state, Mark.UNKNOWN))

    def _state(self, address: str, key: Key) -> str:
        transport, port = key
        for host in self.hosts[address]:
            if host.transport != transport:
                continue
            for state, ports in host.states.items():
                if port in _ports(ports):
                    return state
            if (address, transport) in self.lossy or any(
                port in _ports(each) for each in host.unmeasured.values()
            ):
                return "unmeasured"
        return "not asked"


_BY_STATE: Final = {
    "closed": Mark.CLOSED,
    "filtered": Mark.FILTERED,
    "open|filtered": Mark.UNDECIDED,
    "not asked": Mark.NOT_ASKED,
}


def _judged(finding: FindingInfo, state: str, *, granted: bool) -> Cell:
    """Give the mark of a port that something was judged of, by what this run saw of the port.

    A finding from an earlier run says nothing of the port now: where it is not open, what this run
    saw is shown, or that it saw nothing.
    """
    if finding.verdict == "UNKNOWN":
        return Cell(Mark.UNKNOWN)
    if finding.verdict == "WAIVED" and (state == "open" or not finding.carried_over):
        return Cell(Mark.WAIVED, finding.severity)
    if state == "open":
        return Cell(Mark.DEVIATING if granted else Mark.UNAPPROVED, finding.severity)
    if finding.rule == _MISSING_SERVICE and not finding.carried_over:
        return Cell(Mark.MISSING, finding.severity)
    return Cell(Mark.UNKNOWN if state == "not asked" else _BY_STATE.get(state, Mark.UNKNOWN))


def _row(sight: _Sight, address: str, columns: Sequence[Key], shown: frozenset[Key]) -> Row:
    infos = sight.hosts[address]
    name = next((each.name for each in infos if each.name), "")
    answered = {
        (seen.transport, seen.port)
        for each in infos
        for seen in each.observations
        if seen.state == "open"
    }
    return Row(
        label=f"{name} ({address})" if name and name != address else address,
        cells=tuple(sight.cell(address, key) for key in columns),
        others=len(answered - shown),
    )


def _column_rank(sight: _Sight, key: Key) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(sight.cell(address, key).rank for address in sight.hosts))


def _row_rank(sight: _Sight, address: str, columns: Sequence[Key]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(sight.cell(address, key).rank for key in columns))


def _worst(
    items: list[Item], limit: int, rank: Callable[[Item], tuple[tuple[int, int], ...]]
) -> list[Item]:
    if len(items) <= limit:
        return items
    return sorted(items, key=rank)[:limit]


def _endpoint_text(address: str, key: Key) -> str:
    try:
        return f"{bracketed(ip_address(address))}:{key[1]}/{key[0]}"
    except ValueError:
        return f"{address}:{key[1]}/{key[0]}"


def _key_of(endpoint: str) -> Key | None:
    """Read transport and port of `10.0.0.5:6379/tcp`; None where the subject has no port."""
    place, _, transport = endpoint.rpartition("/")
    port = place.rpartition(":")[2]
    return (transport, int(port)) if transport in ("tcp", "udp") and port.isdecimal() else None


@lru_cache(maxsize=4096)
def _ports(text: str) -> PortSet:
    if not text:
        return PortSet.empty()
    try:
        spec = parse_ports(text)
    except SpecificationError as error:
        raise EvidenceError(
            f"a port list of the evidence document cannot be read: {error}"
        ) from error
    return spec.tcp | spec.udp
