"""A run whose process died, put together from what it had acknowledged.

Nothing is inferred. What was never handed in is `missing`, not closed. Answers stand as they came.
Silence stands as far as the last checkpoint goes, which says who witnessed it (law 2); a silent
port that was handed in later is Unmeasured(CONTROL_FAILED), though it was asked. What only the scan
counted (secrets masked, probes sent again) is None, for nobody knows. What the run itself had
carried over from another is part of it. The record is INTERRUPTED, and may open and close nothing;
a continuation can go on from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from portproof.model.batch import (
    FAULTS,
    NO_RTT,
    NONE,
    REASONS,
    STATES,
    TRANSPORTS,
    OutcomeBatch,
)
from portproof.model.carried import Carried, measured
from portproof.model.endpoint import Address, Endpoint, Transport
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
from portproof.usecases.elsewhere import Acknowledged

REASON = "the process ended before the run did"
"""The status reason of a run that is put together here."""

_SILENT = REASONS.index(Reason.NO_RESPONSE)
_UNWITNESSED = FAULTS.index(LocalFault.CONTROL_FAILED)
_OPEN = STATES.index(PortState.OPEN)

_Key = TypeVar("_Key", PortState, Reason)


def recovered(
    session: Session, plan: ScanPlan, *, started: datetime, tool_version: str
) -> RunRecord:
    """Put the record of an interrupted run together from its journal."""
    place, checkpoint = journal.last_checkpoint(session, plan.run_id)
    return put_together(
        Acknowledged(
            plan=plan,
            started=started,
            tool_version=tool_version,
            batches=(
                (batch, at < place) for at, batch in journal.numbered_batches(session, plan.run_id)
            ),
            observations=journal.observations(session, plan.run_id),
            samples=tuple(journal.samples(session, plan.run_id)),
            checkpoint=checkpoint,
            carried=journal.taken_over(session, plan),
        )
    )


def put_together(kept: Acknowledged) -> RunRecord:
    """Put the record of an interrupted run together from what it had acknowledged, wherever that is.

    It ends where the last thing that was acknowledged happened.
    """
    plan, started, checkpoint, carried = kept.plan, kept.started, kept.checkpoint, kept.carried
    folds = _Folds(plan, started)
    for batch, witnessed in kept.batches:
        folds.take(batch, witnessed=witnessed)
    told = {each.endpoint: each for each in kept.observations}
    finished = max(folds.last, _last(started, told.values(), kept.samples))
    hosts = tuple(_hosts(plan, folds, told, carried))
    return RunRecord(
        plan=plan,
        status=RunStatus.INTERRUPTED,
        status_reason=REASON,
        started=started,
        finished=finished,
        duration_ms=(finished - started) // timedelta(milliseconds=1),
        hosts=hosts,
        coverage=tuple(
            replace(each, carried=measured(carried.hosts, each.transport) if carried else 0)
            for each in coverage_of(plan, hosts)
        ),
        witnesses=checkpoint.witnesses if checkpoint else (),
        samples=tuple(kept.samples),
        own_listeners=tuple(
            each.endpoint
            for each in plan.controls
            if each.own and each.kind is ControlKind.POSITIVE
        ),
        # Only the scan counted these, and its count went with its process.
        masked=None,
        retransmitted=None,
        clock=ClockFacts(source="unknown", synchronised=None, detail=REASON),
        tool_version=kept.tool_version,
        continuation=carried.continuation if carried else None,
        drawn=checkpoint.drawn if checkpoint else (),
    )


@dataclass(slots=True)
class _Folds:
    """Batches, folded into port sets by place of the host, transport and column, then by value."""

    plan: ScanPlan
    started: datetime
    last: datetime = field(init=False)
    opened: dict[Endpoint, Observation] = field(init=False, default_factory=dict)
    """What the batches say of each open port: nobody had asked it who it is."""
    sets: dict[tuple[int, Transport, str], dict[int, PortSet]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self.last = self.started

    def take(self, batch: OutcomeBatch, *, witnessed: bool) -> None:
        """Fold one batch in; its silent rows become unmeasured unless they are `witnessed`."""
        if not len(batch):
            return
        self.last = max(self.last, self._instant(int(batch.sent_ms.max())))
        silent = (batch.reason == _SILENT) & (not witnessed)
        self._fold(batch, "state", np.where(silent, NONE, batch.state))
        self._fold(batch, "reason", np.where(silent, NONE, batch.reason))
        self._fold(batch, "fault", np.where(silent, _UNWITNESSED, batch.fault))
        for row in np.flatnonzero(batch.state == _OPEN).tolist():
            seen = self._observation(batch, row)
            self.opened[seen.endpoint] = seen

    def _observation(self, batch: OutcomeBatch, row: int) -> Observation:
        address = self.plan.hosts[int(batch.host[row])].address
        transport, rtt_us = TRANSPORTS[int(batch.transport[row])], int(batch.rtt_us[row])
        return Observation(
            endpoint=Endpoint(address, transport, int(batch.port[row])),
            state=PortState.OPEN,
            reason=REASONS[int(batch.reason[row])],
            at=self._instant(int(batch.sent_ms[row])),
            rtt_us=None if rtt_us == NO_RTT else rtt_us,
            attempts=int(batch.attempts[row]),
            asked=False,
        )

    def _instant(self, sent_ms: int) -> datetime:
        return self.started + timedelta(milliseconds=sent_ms)

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


def _hosts(
    plan: ScanPlan, folds: _Folds, told: Mapping[Endpoint, Observation], carried: Carried | None
) -> Iterator[HostOutcome]:
    before = {(each.host, each.transport): each for each in carried.hosts} if carried else {}
    by_host: dict[tuple[Address, Transport], list[Observation]] = {}
    for each in (folds.opened | dict(told)).values():
        by_host.setdefault((each.endpoint.address, each.endpoint.transport), []).append(each)
    for place, host in enumerate(plan.hosts):
        for transport in Transport:
            if ports := host.ports(transport):
                seen = by_host.get((host.address, transport), [])
                kept = [each for each in seen if each.endpoint.port in ports]
                own = _host(host, transport, folds, place=place, observed=kept)
                yield _together(own, before.get((host, transport)))


def _host(
    host: PlannedHost,
    transport: Transport,
    folds: _Folds,
    *,
    place: int,
    observed: Iterable[Observation],
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
        observations=tuple(sorted(kept, key=lambda each: each.endpoint.port)),
    )


def _together(own: HostOutcome, before: HostOutcome | None) -> HostOutcome:
    """Put what a run saw and what it had carried over into one: it asked nothing of that again.

    A port that was carried over may have been told again, though, with the service behind it.
    """
    if before is None:
        return own
    told = {each.endpoint: each for each in (*before.observations, *own.observations)}
    return replace(
        own,
        states=_joined(own.states, before.states),
        reasons=_joined(own.reasons, before.reasons),
        observations=tuple(sorted(told.values(), key=lambda each: each.endpoint.port)),
    )


def _joined(one: Mapping[_Key, PortSet], other: Mapping[_Key, PortSet]) -> dict[_Key, PortSet]:
    joined = dict(one)
    for key, ports in other.items():
        joined[key] = joined.get(key, PortSet.empty()) | ports
    return joined


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
