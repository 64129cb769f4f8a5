"""Outcomes folded into port sets: what a run keeps in memory, whatever it sent.

Per host, transport and verdict there is one compressed bitmap. Only open ports, and those that
somebody asked about (`wanted`), become an `Observation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap, FrozenBitMap

from portproof.model.batch import NO_RTT, REASONS, STATES, TRANSPORTS, OutcomeBatch
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import LocalFault, Observation, PortState, Reason, Service
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, PlannedHost
from portproof.scan.rows import CODES, VERDICTS, codes_of

Wanted: TypeAlias = Callable[[PlannedHost, Transport], PortSet]
"""Which ports of a host keep an observation whatever their state."""

Kept: TypeAlias = dict[tuple[int, Transport], list[Observation]]
Rows: TypeAlias = NDArray[np.intp]

_OPEN: Final = STATES.index(PortState.OPEN)
_FAILED_CONTROL: Final = CODES[LocalFault.CONTROL_FAILED]
_OPEN_CODES: Final = tuple(
    code
    for code, verdict in enumerate(VERDICTS)
    if isinstance(verdict, tuple) and verdict[0] is PortState.OPEN
)


class OutcomeFold:
    """Takes the outcomes of a run; gives each host's sets and the coverage."""

    def __init__(self, hosts: Sequence[PlannedHost], wanted: Wanted, started: datetime) -> None:
        self._hosts = hosts
        self._started = started
        self._wanted = wanted
        self._wanted_ports: dict[tuple[int, Transport], PortSet] = {}
        self._sets: dict[tuple[int, Transport, int], BitMap] = {}
        self._kept: dict[tuple[int, Transport, int], Observation] = {}
        self._services: dict[tuple[int, Transport, int], Service] = {}
        self._absent: set[int] = set()
        self.open = 0
        """Open endpoints so far."""
        self.unmeasured = 0
        """Unmeasured endpoints so far."""

    def carry(self, host: int, outcome: HostOutcome) -> None:
        """Take in what an earlier run measured of a host; it is not asked again in this one."""
        for state, in_state in outcome.states.items():
            if state is PortState.OPEN:
                self.open += len(in_state)
            for reason, for_reason in outcome.reasons.items():
                if ports := in_state & for_reason:
                    key = (host, outcome.transport, CODES[state, reason])
                    self._sets.setdefault(key, BitMap()).update(ports.to_array().astype(np.uint32))
        for each in outcome.observations:
            self._kept[host, outcome.transport, each.endpoint.port] = each

    def add(self, batch: OutcomeBatch) -> list[tuple[int, Observation]]:
        """Take outcomes in, each endpoint once in a run; gives the observations kept of them.

        Each comes with the index of its host.
        """
        kept: list[tuple[int, Observation]] = []
        codes = codes_of(batch)
        key = (batch.host.astype(np.int64) << 16) | (batch.transport.astype(np.int64) << 8) | codes
        order = np.argsort(key, kind="stable")
        values, begins = np.unique(key[order], return_index=True)
        for value, rows in zip(values.tolist(), np.split(order, begins[1:]), strict=True):
            host, transport, code = value >> 16, TRANSPORTS[(value >> 8) & 0xFF], value & 0xFF
            self._sets.setdefault((host, transport, code), BitMap()).update(
                np.sort(batch.port[rows]).astype(np.uint32)  # twice as fast as in any order
            )
            if isinstance(VERDICTS[code], LocalFault):
                self.unmeasured += len(rows)
            else:
                kept += self._keep(batch, rows, host, transport)
        return kept

    def observations(self, transport: Transport) -> Iterator[tuple[int, Observation]]:
        """Give the observations kept so far, with the index of their host."""
        for (host, of, _), observation in self._kept.items():
            if of is transport:
                yield host, observation

    def find(self, host: int, endpoint: Endpoint) -> Observation | None:
        """Give the observation kept for an endpoint; None when there is none."""
        return self._kept.get((host, endpoint.transport, endpoint.port))

    def asked_about(self, host: int, endpoint: Endpoint) -> bool:
        """Whether the endpoint keeps an observation whatever its state."""
        return endpoint.port in self._wanted_of(host, endpoint.transport)

    def ports_asked_about(self, transport: Transport) -> frozenset[int]:
        """Give the ports that keep an observation at some host or other."""
        of_hosts = (self._wanted_of(host, transport) for host in range(len(self._hosts)))
        return frozenset(port for ports in set(of_hosts) for port in ports)

    def describe(self, host: int, endpoint: Endpoint, service: Service) -> None:
        """Note the service of an endpoint whose outcome is yet to come."""
        self._services[host, endpoint.transport, endpoint.port] = service

    def improve(self, host: int, observation: Observation) -> None:
        """Replace a kept observation by one that says more; others are not kept by this."""
        key = (host, observation.endpoint.transport, observation.endpoint.port)
        if key in self._kept:
            self._kept[key] = observation

    def withdraw_open(self, host: int) -> None:
        """Turn all that is open at the host into Unmeasured: something answers in its place."""
        for transport in TRANSPORTS:
            for code in _OPEN_CODES:
                ports = self._sets.pop((host, transport, code), BitMap())
                self._sets.setdefault((host, transport, _FAILED_CONTROL), BitMap()).update(ports)
                self.open -= len(ports)
                self.unmeasured += len(ports)
                for port in ports:
                    self._kept.pop((host, transport, port), None)

    def outcomes(self, rest: LocalFault | None) -> tuple[HostOutcome, ...]:
        """Give the outcomes of each host and transport that was planned.

        Planned endpoints without an outcome get the fault `rest`; None leaves them missing.
        """
        kept: Kept = {}
        for (index, transport, _), observation in sorted(
            self._kept.items(), key=lambda item: item[0]
        ):
            kept.setdefault((index, transport), []).append(observation)
        return tuple(
            self._outcome(index, transport, rest, kept)
            for index, host in enumerate(self._hosts)
            for transport in TRANSPORTS
            if host.ports(transport)
        )

    def leave_out(self, hosts: Iterable[int]) -> None:
        """Hear which hosts are not asked: they answered none of the discovery that was asked for."""
        self._absent.update(hosts)

    def _keep(
        self, batch: OutcomeBatch, rows: Rows, host: int, transport: Transport
    ) -> Iterator[tuple[int, Observation]]:
        """Keep an observation of those rows (all of one state) that somebody may look at."""
        if batch.state[rows[0]] == _OPEN:
            self.open += len(rows)
        else:
            asked = self._wanted_of(host, transport)
            if not asked:
                return
            rows = rows[np.isin(batch.port[rows], asked.to_array())]
        address = self._hosts[host].address
        for row in rows.tolist():
            endpoint = Endpoint(address, transport, int(batch.port[row]))
            key = (host, transport, endpoint.port)
            seen = self._observation(batch, row, endpoint, self._services.pop(key, None))
            self._kept[key] = seen
            yield host, seen

    def _observation(
        self, batch: OutcomeBatch, row: int, endpoint: Endpoint, service: Service | None
    ) -> Observation:
        rtt_us = int(batch.rtt_us[row])
        state = STATES[int(batch.state[row])]
        return Observation(
            endpoint=endpoint,
            state=state,
            reason=REASONS[int(batch.reason[row])],
            at=self._started + timedelta(milliseconds=int(batch.sent_ms[row])),
            rtt_us=None if rtt_us == NO_RTT else rtt_us,
            attempts=int(batch.attempts[row]),
            service=service,
            # A handshake asks nothing: who is behind it is asked in the last phase, if at all.
            asked=endpoint.transport is Transport.UDP or state is not PortState.OPEN,
        )

    def _wanted_of(self, host: int, transport: Transport) -> PortSet:
        ports = self._wanted_ports.get((host, transport))
        if ports is None:
            ports = self._wanted(self._hosts[host], transport)
            self._wanted_ports[host, transport] = ports
        return ports

    def _outcome(
        self, index: int, transport: Transport, rest: LocalFault | None, kept: Kept
    ) -> HostOutcome:
        host = self._hosts[index]
        states: dict[PortState, PortSet] = {}
        reasons: dict[Reason, PortSet] = {}
        unmeasured: dict[LocalFault, PortSet] = {}
        left = host.ports(transport)
        for code, verdict in enumerate(VERDICTS):
            bits = self._sets.get((index, transport, code))
            if not bits:
                continue
            ports = PortSet(FrozenBitMap(bits))
            left -= ports
            if isinstance(verdict, LocalFault):
                unmeasured[verdict] = ports
            else:
                state, reason = verdict
                states[state] = states.get(state, PortSet.empty()) | ports
                reasons[reason] = reasons.get(reason, PortSet.empty()) | ports
        if index in self._absent:
            rest = LocalFault.NOT_DISCOVERED
        if rest is not None and left:
            unmeasured[rest] = unmeasured.get(rest, PortSet.empty()) | left
        return HostOutcome(
            host=host,
            transport=transport,
            states=states,
            reasons=reasons,
            unmeasured=unmeasured,
            observations=tuple(kept.get((index, transport), ())),
        )
