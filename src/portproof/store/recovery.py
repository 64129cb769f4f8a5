"""A run whose process died, put together from what it had acknowledged.

Nothing is inferred. What was never handed in is `missing`, not closed; and silence is not
evidence here: who witnessed it (law 2) is written down when a run ends, and this one did not. So
a silent port of such a run is Unmeasured(CONTROL_FAILED), though it was asked. Answers stand as
they came. What only the scan counted (secrets masked, probes sent again) is 0, for nobody knows.
The record is INTERRUPTED, and may open and close nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from portproof.model.batch import FAULTS, NONE, REASONS, STATES, TRANSPORTS, OutcomeBatch
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault, Observation, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import (
    ClockFacts,
    ControlKind,
    ControlSample,
    HostOutcome,
    PlannedHost,
    RunRecord,
    RunStatus,
    ScanPlan,
    coverage_of,
)
from portproof.store import journal

REASON = "the process ended before the run did"
"""The status reason of a run that is put together here."""

_SILENT = REASONS.index(Reason.NO_RESPONSE)
_UNWITNESSED = FAULTS.index(LocalFault.CONTROL_FAILED)


def recovered(
    session: Session, plan: ScanPlan, *, started: datetime, tool_version: str
) -> RunRecord:
    """Put the record of an interrupted run together from its journal.

    It ends where the last thing that was acknowledged happened.
    """
    folds = _Folds(started)
    for batch in journal.batches(session, plan.run_id):
        folds.take(batch)
    observed = {each.endpoint: each for each in journal.observations(session, plan.run_id)}
    samples = tuple(journal.samples(session, plan.run_id))
    hosts = tuple(_hosts(plan, folds, observed.values()))
    finished = max(folds.last, _last(started, observed.values(), samples))
    return RunRecord(
        plan=plan,
        status=RunStatus.INTERRUPTED,
        status_reason=REASON,
        started=started,
        finished=finished,
        duration_ms=(finished - started) // timedelta(milliseconds=1),
        hosts=hosts,
        coverage=coverage_of(plan, hosts),
        witnesses=(),
        samples=samples,
        own_listeners=tuple(
            each.endpoint
            for each in plan.controls
            if each.own and each.kind is ControlKind.POSITIVE
        ),
        # Only the scan counted these, and its count went with its process.
        masked=None,
        retransmitted=None,
        clock=ClockFacts(source="unknown", synchronised=None, detail=REASON),
        tool_version=tool_version,
    )


@dataclass(slots=True)
class _Folds:
    """Batches, folded into port sets by place of the host, transport and column, then by value."""

    started: datetime
    last: datetime = field(init=False)
    sets: dict[tuple[int, Transport, str], dict[int, PortSet]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self.last = self.started

    def take(self, batch: OutcomeBatch) -> None:
        """Fold one batch in; its silent rows become unmeasured."""
        if not len(batch):
            return
        latest = self.started + timedelta(milliseconds=int(batch.sent_ms.max()))
        self.last = max(self.last, latest)
        silent = batch.reason == _SILENT
        self._fold(batch, "state", np.where(silent, NONE, batch.state))
        self._fold(batch, "reason", np.where(silent, NONE, batch.reason))
        self._fold(batch, "fault", np.where(silent, _UNWITNESSED, batch.fault))

    def of(self, place: int, transport: Transport, column: str) -> dict[int, PortSet]:
        """Give the port sets of one host and column, by value."""
        return self.sets.get((place, transport, column), {})

    def _fold(self, batch: OutcomeBatch, column: str, values: NDArray[np.uint8]) -> None:
        there = values != NONE
        keys = (
            batch.host[there].astype(np.uint64) << np.uint64(16)
            | batch.transport[there].astype(np.uint64) << np.uint64(8)
            | values[there].astype(np.uint64)
        )
        for key, ports in _grouped(keys, batch.port[there]):
            value = key & 0xFF
            sets = self.sets.setdefault((key >> 16, TRANSPORTS[key >> 8 & 0xFF], column), {})
            sets[value] = sets.get(value, PortSet.empty()) | ports


def _grouped(keys: NDArray[np.uint64], ports: NDArray[np.uint16]) -> Iterator[tuple[int, PortSet]]:
    order = np.argsort(keys, kind="stable")
    distinct, starts = np.unique(keys[order], return_index=True)
    for key, part in zip(distinct, np.split(ports[order], starts[1:]), strict=False):
        yield int(key), PortSet.from_iterable(part)


def _hosts(plan: ScanPlan, folds: _Folds, observed: Iterable[Observation]) -> Iterator[HostOutcome]:
    by_host: dict[tuple[Address, Transport], list[Observation]] = {}
    for each in sorted(observed, key=lambda each: each.endpoint.port):
        by_host.setdefault((each.endpoint.address, each.endpoint.transport), []).append(each)
    for place, host in enumerate(plan.hosts):
        for transport in Transport:
            if ports := host.ports(transport):
                seen = by_host.get((host.address, transport), [])
                kept = tuple(each for each in seen if each.endpoint.port in ports)
                yield _host(host, transport, folds, place=place, observed=kept)


def _host(
    host: PlannedHost,
    transport: Transport,
    folds: _Folds,
    *,
    place: int,
    observed: tuple[Observation, ...],
) -> HostOutcome:
    states = {STATES[code]: ports for code, ports in folds.of(place, transport, "state").items()}
    reasons = {REASONS[code]: ports for code, ports in folds.of(place, transport, "reason").items()}
    faults = {FAULTS[code]: ports for code, ports in folds.of(place, transport, "fault").items()}
    known = _union(states.values()) | _union(faults.values())
    kept = [each for each in observed if _stands(each, states, known)]
    for each in kept:
        # An answer may have been handed in as an observation before the batch it belongs to.
        only = PortSet.of(each.endpoint.port)
        states[each.state] = states.get(each.state, PortSet.empty()) | only
        reasons[each.reason] = reasons.get(each.reason, PortSet.empty()) | only
    return HostOutcome(
        host=host,
        transport=transport,
        states=states,
        reasons=reasons,
        unmeasured=faults,
        observations=tuple(kept),
    )


def _stands(observation: Observation, states: dict[PortState, PortSet], known: PortSet) -> bool:
    """Whether an observation agrees with the batches, or is all there is; silence never stands."""
    port = observation.endpoint.port
    if port in known:
        return port in states.get(observation.state, PortSet.empty())
    return observation.reason is not Reason.NO_RESPONSE


def _last(
    started: datetime, observed: Iterable[Observation], samples: Iterable[ControlSample]
) -> datetime:
    instants = [each.at for each in observed]
    instants += [started + timedelta(milliseconds=each.at_ms) for each in samples]
    return max(instants, default=started)


def _union(sets: Iterable[PortSet]) -> PortSet:
    union = PortSet.empty()
    for each in sets:
        union |= each
    return union
