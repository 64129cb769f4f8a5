"""A policy of two zones and runs around it: `office` may not reach `cde` (10.66.0.0/16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from factories import (
    NOON,
    SERVICE_RULES,
    VANTAGES,
    endpoint,
    host_outcome,
    planned_host,
    ports,
    run,
)
from portproof.model.endpoint import Address, Transport
from portproof.model.observation import LocalFault, Observation, PortState, Reason
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, RunRecord
from portproof.model.segmentation import (
    CellRule,
    Segmentation,
    SegmentationTester,
    SinkArrival,
    SinkLog,
    TargetZone,
)
from portproof.model.segmentation_record import Judged, RunUsed
from portproof.model.segmentation_result import Cell, Matrix
from portproof.model.vantage import Vantage, Vantages
from portproof.policy.segmentation import SegmentationCase, judge_segmentation
from portproof.policy.segmentation_seen import SegmentationEvidence
from portproof.policy.services import RuleBook

TARGET = "10.66.0.2"
ROUTER = "10.9.0.254"
DESK = Vantage(id="desk", zone="office", operator="net-team")
INSIDER = Vantage(id="insider", zone="cde")
WEEK = timedelta(days=7)
ALL_PORTS = "1-100"


def policy(**changes: Any) -> Segmentation:
    """A policy whose only zone is the cde, and whose complete test asks the ports 1 to 100."""
    defaults: dict[str, Any] = {
        "file": "segmentation.yaml",
        "digest": "5" * 64,
        "tester": SegmentationTester(
            name="test team", qualification="Q-1", independent_of="network team"
        ),
        "zones": (TargetZone(name="cde", networks=(ip_network("10.66.0.0/16"),), protected=True),),
        "cells": (),
        "tcp": ports(ALL_PORTS),
        "udp": PortSet.empty(),
    }
    return Segmentation(**(defaults | changes))


def rule(**changes: Any) -> CellRule:
    """The cell from the office to the cde, denied and written down."""
    defaults: dict[str, Any] = {
        "source": "office",
        "target": "cde",
        "tcp": ports(ALL_PORTS),
        "udp": PortSet.empty(),
        "boundary_resets": PortSet.empty(),
        "location": None,
    }
    return CellRule(**(defaults | changes))


def case(held: Segmentation | None = None) -> SegmentationCase:
    """The policy, with the office and the cde as the zones that have a vantage."""
    vantages = Vantages(zones=VANTAGES.zones, vantages=(DESK, INSIDER), digest="d" * 64)
    return SegmentationCase(
        policy=held or policy(), vantages=vantages, rules=RuleBook(SERVICE_RULES)
    )


def host(
    address: str = TARGET,
    states: Mapping[PortState, str] | None = None,
    *,
    asked: str = ALL_PORTS,
    listed: str | None = None,
    fill: PortState = PortState.FILTERED,
    unmeasured: Mapping[LocalFault, str] | None = None,
) -> HostOutcome:
    """One host over TCP; what is not said is silent."""
    planned = planned_host(address, tcp=asked)
    if listed is not None:
        planned = replace(planned, target=listed)
    return host_outcome(planned, states=states, unmeasured=unmeasured, fill=fill)


def silent_but(reason: Reason, text: str, seen: tuple[Observation, ...] = ()) -> HostOutcome:
    """The target, filtered on all ports: some for the reason, the others by silence."""
    outcome = host()
    some = ports(text)
    return replace(
        outcome,
        reasons={reason: some, Reason.NO_RESPONSE: ports(ALL_PORTS) - some},
        observations=seen,
    )


def udp_host(states: Mapping[PortState, str], address: str = TARGET) -> HostOutcome:
    """One host over UDP."""
    asked = ",".join(states.values())
    return host_outcome(
        planned_host(address, tcp="", udp=asked), transport=Transport.UDP, states=states
    )


def outside(*hosts: HostOutcome, at: datetime = NOON, **changes: Any) -> RunRecord:
    """A complete run from the office."""
    return _run(hosts or (host(),), DESK, at, **changes)


def within(*hosts: HostOutcome, at: datetime = NOON, **changes: Any) -> RunRecord:
    """A complete run from inside the cde, in which the target answers."""
    seen = hosts or (host(states={PortState.OPEN: "22"}, fill=PortState.CLOSED),)
    return _run(seen, INSIDER, at, **changes)


def _run(
    hosts: tuple[HostOutcome, ...], vantage: Vantage, at: datetime, **changes: Any
) -> RunRecord:
    plan = {"vantage": vantage, "run_id": f"{at:%Y%m%dT%H%M%SZ}-{vantage.id}"}
    return run(
        *hosts,
        plan=plan | changes.pop("plan", {}),
        started=at - timedelta(minutes=5),
        finished=at,
        **changes,
    )


def judged(
    *runs: RunRecord,
    held: Segmentation | None = None,
    senders: Mapping[str, Address | None] | None = None,
    sinks: tuple[SinkLog, ...] = (),
) -> Matrix:
    """The matrix over the week before noon."""
    evidence = SegmentationEvidence(runs=runs, senders=senders or {}, sinks=sinks)
    return judge_segmentation(case(held), evidence, since=NOON - WEEK, until=NOON)


def cell(*runs: RunRecord, **settings: Any) -> Cell:
    """The cell from the office to the cde."""
    found = judged(*runs, **settings).cell("office", "cde")
    assert found is not None
    return found


def sink(*arrivals: SinkArrival, place: str = f"{TARGET}:9000/udp", **changes: Any) -> SinkLog:
    """A sink that listened for an hour around the runs."""
    defaults: dict[str, Any] = {
        "file": "sink.jsonl",
        "digest": "6" * 64,
        "endpoints": (endpoint(place),),
        "started": NOON - timedelta(minutes=30),
        "until": NOON + timedelta(minutes=30),
        "arrivals": arrivals,
        "unlisted": 0,
    }
    return SinkLog(**(defaults | changes))


def arrival(run_id: str, place: str = f"{TARGET}:9000/udp") -> SinkArrival:
    """A datagram of a run that reached the sink."""
    return SinkArrival(
        at=NOON - timedelta(minutes=2),
        source=ip_address("10.66.0.9"),
        endpoint=endpoint(place),
        run_id=run_id,
    )


def judged_then(
    matrix: Matrix | None = None, *, at: datetime = NOON, outcomes: Mapping[str, str] | None = None
) -> Judged:
    """A matrix as it is handed to the store: of no run, unless `outcomes` of some are given."""
    return Judged(
        matrix=matrix or judged(),
        runs=tuple(
            RunUsed(run_id=run_id, vantage="desk", zone="office", outcome=digest)
            for run_id, digest in (outcomes or {}).items()
        ),
        at=at,
        tool_version="1.0",
    )
