"""Small real plans, batches and records, with only the facts that a test does not care about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import numpy as np

from portproof.evidence.canonical import digest
from portproof.model.batch import FAULTS, NO_RTT, NONE, REASONS, STATES, TRANSPORTS, OutcomeBatch
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.finding import (
    FindingEvent,
    FindingEventKind,
    Judgement,
    Severity,
    Subject,
    Verdict,
)
from portproof.model.observation import LocalFault, Observation, PortState, Reason, Service
from portproof.model.ports import PortSet
from portproof.model.scan import (
    AuthorisationRef,
    ClockFacts,
    ControlSample,
    Coverage,
    HostOutcome,
    PlannedHost,
    RunRecord,
    RunStatus,
    ScanPlan,
)
from portproof.model.vantage import Vantage
from portproof.store import SqlStore

BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOST = ip_address("10.0.0.5")
PORTS = PortSet.from_ranges([(1, 100)])
SILENT_PORTS = PortSet.of(9100)
RAW = {"banner": "220 mail\r\n", "errno": 0}
RAW_DIGEST = digest(RAW)


def endpoint(port: int, transport: Transport = Transport.TCP) -> Endpoint:
    return Endpoint(HOST, transport, port)


def plan(run_id: str = "run-1", **changes: Any) -> ScanPlan:
    host = PlannedHost(address=HOST, target="10.0.0.5", tcp=PORTS, udp=PortSet.empty())
    facts: dict[str, Any] = {
        "run_id": run_id,
        "vantage": Vantage(id="local", zone="office"),
        "scope": "office",
        "hosts": (host,),
        "authorisation": AuthorisationRef(
            id="AUTH-1",
            owner="Ada",
            contact="security@example.com",
            valid_from=BEGAN - HOUR,
            valid_until=BEGAN + 24 * HOUR,
            digest="a" * 64,
        ),
        "silent_ports": SILENT_PORTS,
        "seed": 2**64 - 1,
    }
    return ScanPlan(**(facts | changes))


def observation(port: int, state: PortState = PortState.OPEN, **changes: Any) -> Observation:
    facts: dict[str, Any] = {
        "endpoint": endpoint(port),
        "state": state,
        "reason": Reason.HANDSHAKE if state is PortState.OPEN else Reason.RESET,
        "at": BEGAN + timedelta(seconds=1),
        "rtt_us": 150,
    }
    return Observation(**(facts | changes))


def with_banner(port: int, at: datetime = BEGAN) -> Observation:
    return observation(port, at=at, evidence=RAW_DIGEST, service=Service("smtp"))


def batch(  # noqa: PLR0913 - one argument per column that a test may want to set
    ports: Iterable[int],
    state: PortState | None = PortState.CLOSED,
    reason: Reason | None = Reason.RESET,
    fault: LocalFault | None = None,
    *,
    host: int = 0,
    sent_ms: int = 500,
    transport: Transport = Transport.TCP,
) -> OutcomeBatch:
    column = np.fromiter(ports, np.uint16)

    def repeated(value: int, kind: type[np.generic]) -> Any:
        return np.full(len(column), value, kind)

    return OutcomeBatch(
        host=repeated(host, np.uint32),
        port=column,
        transport=repeated(TRANSPORTS.index(transport), np.uint8),
        state=repeated(NONE if state is None else STATES.index(state), np.uint8),
        reason=repeated(NONE if reason is None else REASONS.index(reason), np.uint8),
        fault=repeated(NONE if fault is None else FAULTS.index(fault), np.uint8),
        rtt_us=repeated(NO_RTT, np.int32),
        attempts=repeated(1, np.uint8),
        sent_ms=repeated(sent_ms, np.uint32),
    )


def record(
    of: ScanPlan,
    open_ports: Iterable[int] = (),
    *,
    status: RunStatus = RunStatus.COMPLETE,
    observed: Iterable[Observation] | None = None,
    unmeasured: Mapping[LocalFault, PortSet] | None = None,
    started: datetime = BEGAN,
    **changes: Any,
) -> RunRecord:
    """A run over the first host of the plan: some ports open, some unmeasured, the rest closed."""
    is_open = PortSet.from_iterable(open_ports)
    faults = dict(unmeasured or {})
    closed = of.hosts[0].tcp - is_open
    for ports in faults.values():
        closed -= ports
    seen = [observation(port, at=started) for port in is_open] if observed is None else observed
    host = HostOutcome(
        host=of.hosts[0],
        transport=Transport.TCP,
        states={PortState.OPEN: is_open, PortState.CLOSED: closed},
        reasons={Reason.HANDSHAKE: is_open, Reason.RESET: closed},
        unmeasured=faults,
        observations=tuple(seen),
    )
    counts = {fault: len(ports) for fault, ports in faults.items()}
    facts: dict[str, Any] = {
        "plan": of,
        "status": status,
        "status_reason": "" if status is RunStatus.COMPLETE else "a control failed",
        "started": started,
        "finished": started + timedelta(seconds=5),
        "duration_ms": 5000,
        "hosts": (host,),
        "coverage": (
            Coverage(
                transport=Transport.TCP,
                planned=len(of.hosts[0].tcp),
                measured=len(of.hosts[0].tcp) - sum(counts.values()),
                unmeasured=counts,
                missing=0,
            ),
        ),
        "witnesses": (),
        "samples": (
            ControlSample(control_id="self", at_ms=1, as_expected=True, seen="open (syn-ack)"),
        ),
        "own_listeners": (),
        "clock": ClockFacts(source="chrony", synchronised=True),
        "tool_version": "0.1.0",
    }
    return RunRecord(**(facts | changes))


def run(
    store: SqlStore,
    run_id: str,
    open_ports: Iterable[int] = (),
    *,
    at: datetime = BEGAN,
    **changes: Any,
) -> RunRecord:
    """Carry a whole run through the store, as a scan would; gives its record."""
    of = plan(run_id)
    done = record(of, open_ports, started=at, **changes)
    with store.run_lock():
        listener = store.begin_run(of, at)
        for state, ports in done.hosts[0].states.items():
            reason = Reason.HANDSHAKE if state is PortState.OPEN else Reason.RESET
            listener.batch(batch(ports, state, reason))
        for each in done.hosts[0].observations:
            listener.observed(each, RAW if each.evidence else None)
        store.finish_run(done)
    return done


def judgement(port: int = 22, verdict: Verdict = Verdict.DEVIATES, **changes: Any) -> Judgement:
    facts: dict[str, Any] = {
        "rule": "unapproved-exposure",
        "verdict": verdict,
        "subject": Subject(asset="web-1", zone="office", transport=Transport.TCP, port=port),
        "title": f"port {port} is open and nobody approved it",
        "because": "it answered",
        "severity": Severity.HIGH if verdict in (Verdict.DEVIATES, Verdict.WAIVED) else None,
        "endpoint": endpoint(port),
    }
    return Judgement(**(facts | changes))


def happened(
    kind: FindingEventKind,
    run_id: str = "run-1",
    *,
    to: Judgement | None = None,
    at: datetime = BEGAN,
) -> FindingEvent:
    return FindingEvent(
        finding=(to or judgement()).fingerprint,
        kind=kind,
        at=at,
        run_id=run_id,
        severity=Severity.HIGH,
        because=f"it was {kind}",
    )
