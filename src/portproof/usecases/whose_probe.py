"""Whose probe: was it one of our runs that somebody saw at an address, at a time?

A run answers for an address in two ways: it asked it (a target or a control), or it sent from it.
The span of a run is what its record says; within it, the record holds the instant of each open
port's deciding probe, and of others only that they were asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portproof.contracts import RunSummary, Store
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import Observation
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord

IsOurs = Callable[[Address], bool]
"""Whether an address is this machine's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run asked of the address over one transport."""

    transport: Transport
    ports: PortSet
    seen: tuple[tuple[str, PortSet], ...]
    """What was seen (or why nothing was measured), and on which ports."""
    nearest: Observation | None
    """The observation whose deciding packet left nearest to the time; None where none was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One run that had probes under way at the time."""

    run_id: str
    status: str
    vantage: str
    started: datetime
    finished: datetime
    contact: str
    role: str
    """What the address was to the run: `target`, `control`, `source`."""
    asked: tuple[Asked, ...]
    clock_synchronised: bool | None
    """None when it could not be told: then the times may be off by more than the tolerance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody saw."""

    address: Address
    at: datetime
    tolerance: timedelta
    port: int | None = None
    """The destination port of the probe; None: any."""


def whose_probe(store: Store, question: Question, is_ours: IsOurs) -> tuple[Trace, ...]:
    """Give the runs of the store that may have sent it, newest first; empty: none of them did."""
    held = (store.load_run(each.id) for each in store.runs() if _under_way(each, question))
    return tuple(trace for run in held for trace in _traces(run, question, is_ours))


def _under_way(run: RunSummary, question: Question) -> bool:
    ended = run.finished is not None and run.finished + question.tolerance < question.at
    return run.started - question.tolerance <= question.at and not ended


def _traces(run: RunRecord, question: Question, is_ours: IsOurs) -> Iterator[Trace]:
    if run.finished + question.tolerance < question.at:
        return  # it never ended, and its last sign of life is what counts
    asked = tuple(_asked(run.hosts, question))
    if asked:
        yield _trace(run, "target", asked)
    elif _is_control(run, question):
        yield _trace(run, "control", ())
    elif question.address in run.plan.vantage.public_addresses or is_ours(question.address):
        asked_at_all = {host.ports(each) for host in run.plan.hosts for each in Transport}
        if question.port is None or any(question.port in ports for ports in asked_at_all):
            yield _trace(run, "source", ())


def _trace(run: RunRecord, role: str, asked: tuple[Asked, ...]) -> Trace:
    return Trace(
        run_id=run.plan.run_id,
        status=run.status.value,
        vantage=run.plan.vantage.id,
        started=run.started,
        finished=run.finished,
        contact=run.plan.authorisation.contact,
        role=role,
        asked=asked,
        clock_synchronised=run.clock.synchronised,
    )


def _is_control(run: RunRecord, question: Question) -> bool:
    return any(
        each.endpoint.address == question.address and question.port in (None, each.endpoint.port)
        for each in run.plan.controls
    )


def _asked(hosts: Sequence[HostOutcome], question: Question) -> Iterator[Asked]:
    for outcome in hosts:
        if outcome.host.address != question.address:
            continue
        ports = outcome.host.ports(outcome.transport)
        if question.port is not None:
            ports &= PortSet.of(question.port)
        if ports:
            yield Asked(
                transport=outcome.transport,
                ports=ports,
                seen=_seen(outcome, ports),
                nearest=_nearest(outcome, ports, question.at),
            )


def _seen(outcome: HostOutcome, ports: PortSet) -> tuple[tuple[str, PortSet], ...]:
    told = [(str(state), held & ports) for state, held in outcome.states.items()]
    told += [(f"not measured: {fault}", held & ports) for fault, held in outcome.unmeasured.items()]
    return tuple((text, held) for text, held in told if held)


def _nearest(outcome: HostOutcome, ports: PortSet, at: datetime) -> Observation | None:
    kept = [each for each in outcome.observations if each.endpoint.port in ports]
    return min(kept, key=lambda each: abs(each.at - at), default=None)
