"""An egress check's scanner: the usual engine over TCP, and the sink's own words over UDP.

A datagram to a port for which no protocol probe exists is never sent by a scan. Towards a sink of
ours there is a right question for every port (`sink_words`), so its UDP ports are asked here, after
the TCP sweep and under the same authorisation, rates and stop signal.

Silence comes out as `open|filtered`, as always: only the sink's own log says more.
"""

from __future__ import annotations

import secrets
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from errno import ECONNREFUSED
from typing import Final

from portproof.contracts import Clock, ScanListener, Scanner, StopSignal
from portproof.evidence.canonical import digest
from portproof.model.authorisation import Authorisation
from portproof.model.carried import Carried
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import (
    Identification,
    LocalFault,
    Observation,
    PortState,
    Reason,
    Service,
)
from portproof.model.ports import PortSet
from portproof.model.scan import (
    Control,
    HostOutcome,
    PlannedHost,
    RunRecord,
    RunStatus,
    ScanPlan,
    coverage_of,
)
from portproof.plan.authorise import require_in_force
from portproof.scan.classify import Verdict, udp_outcome
from portproof.scan.errqueue import enable, read_error
from portproof.scan.family import family_of
from portproof.scan.limiter import RateLimiter
from portproof.scan.raw import RawRecord, record_of, refusal
from portproof.scan.sink_words import NONCE, SIZE, answer_to, question

SINK_SERVICE: Final = "portproof-sink"
_ATTEMPTS: Final = 3
_AT_ONCE: Final = 64
_LEAST_WAIT_S: Final = 0.25
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SinkScanner:
    """A `contracts.Scanner` that asks UDP ports in the sink's words; the rest is another's."""

    inner: Scanner
    authorisation: Authorisation | None
    clock: Clock

    def own_controls(
        self, addresses: Sequence[Address]
    ) -> AbstractContextManager[tuple[Control, ...]]:
        """Open the controls that the inner scanner opens."""
        return self.inner.own_controls(addresses)

    def run(
        self,
        plan: ScanPlan,
        listener: ScanListener,
        stop: StopSignal,
        *,
        carried: Carried | None = None,
    ) -> RunRecord:
        """Carry the plan out: TCP as ever, then UDP.

        Raises:
            AuthorisationError: as the inner scanner; nothing was sent then.
        """
        over_tcp = tuple(replace(each, udp=PortSet.empty()) for each in plan.hosts)
        record = self.inner.run(replace(plan, hosts=over_tcp), listener, stop, carried=carried)
        tcp = [replace(each, host=_planned(plan, each)) for each in record.hosts]
        held = require_in_force(self.authorisation, self.clock.now())
        ask = _ask if plan.through is None else _not_asked
        udp = [
            ask(plan, host, listener, stop)
            for host in plan.hosts
            if host.udp and any(held.permits(host.address, name) for name in (None, *host.names))
        ]
        hosts = (*tcp, *udp)
        loss = next((each.loss_ppm for each in record.coverage), None)
        interrupted = stop() and record.status is RunStatus.COMPLETE
        finished = max(record.finished, self.clock.now())
        return replace(
            record,
            plan=plan,
            hosts=hosts,
            coverage=coverage_of(plan, hosts, loss_ppm=loss),
            finished=finished,
            duration_ms=int((finished - record.started).total_seconds() * 1_000),
            status=RunStatus.INTERRUPTED if interrupted else record.status,
            status_reason="it was stopped" if interrupted else record.status_reason,
        )


def _planned(plan: ScanPlan, outcome: HostOutcome) -> PlannedHost:
    """Give the host as it was planned, UDP ports and all."""
    return next(each for each in plan.hosts if each.address == outcome.host.address)


@dataclass(slots=True)
class _Asking:
    """One UDP endpoint being asked: a connected socket, and what was said over it last."""

    endpoint: Endpoint
    sock: socket.socket
    nonce: bytes = b""
    attempts: int = 0
    asked_at: float = 0.0
    at: datetime = _NEVER


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of one endpoint."""

    verdict: Verdict
    rtt_us: int | None
    raw: RawRecord


def _ask(
    plan: ScanPlan, host: PlannedHost, listener: ScanListener, stop: StopSignal
) -> HostOutcome:
    """Ask every UDP port of a host, some at a time; what was not asked when stopped is unmeasured."""
    states: dict[PortState, list[int]] = {}
    reasons: dict[Reason, list[int]] = {}
    faults: dict[LocalFault, list[int]] = {}
    kept: list[Observation] = []
    for asking, told in _answers(plan, host, stop):
        port = asking.endpoint.port
        if isinstance(told.verdict, LocalFault):
            faults.setdefault(told.verdict, []).append(port)
            continue
        state, reason = told.verdict
        states.setdefault(state, []).append(port)
        reasons.setdefault(reason, []).append(port)
        kept.append(_observed(asking, told, state, reason, listener))
    done = {port for held in (*states.values(), *faults.values()) for port in held}
    if left := [port for port in host.udp if port not in done]:
        faults.setdefault(LocalFault.INTERRUPTED, []).extend(left)
    return HostOutcome(
        host=host,
        transport=Transport.UDP,
        states={key: PortSet.from_iterable(held) for key, held in states.items()},
        reasons={key: PortSet.from_iterable(held) for key, held in reasons.items()},
        unmeasured={key: PortSet.from_iterable(held) for key, held in faults.items()},
        observations=tuple(sorted(kept, key=lambda each: each.endpoint.port)),
    )


def _not_asked(
    plan: ScanPlan, host: PlannedHost, listener: ScanListener, stop: StopSignal
) -> HostOutcome:
    """Leave UDP unmeasured: a proxy asks none, and a datagram of our own would leave from elsewhere."""
    del plan, listener, stop
    return HostOutcome(
        host=host,
        transport=Transport.UDP,
        states={},
        reasons={},
        unmeasured={LocalFault.PROXY_CANNOT_TELL: host.udp},
    )


def _observed(
    asking: _Asking, told: _Told, state: PortState, reason: Reason, listener: ScanListener
) -> Observation:
    service = Service(SINK_SERVICE, identified_by=Identification.PROTOCOL)
    seen = Observation(
        endpoint=asking.endpoint,
        state=state,
        reason=reason,
        at=asking.at,
        rtt_us=told.rtt_us,
        attempts=asking.attempts,
        service=service if state is PortState.OPEN else None,
    )
    raw = record_of(seen, told.raw)
    seen = replace(seen, evidence=digest(raw))
    listener.observed(seen, raw)
    return seen


def _answers(
    plan: ScanPlan, host: PlannedHost, stop: StopSignal
) -> Iterator[tuple[_Asking, _Told]]:
    """Give each endpoint with what came of it; fewer than planned when stopped."""
    limiter = RateLimiter(min(plan.rates.per_host_pps, plan.rates.global_pps))
    waiting = list(reversed([Endpoint(host.address, Transport.UDP, port) for port in host.udp]))
    with selectors.DefaultSelector() as selector:
        try:
            while (waiting or selector.get_map()) and not stop():
                while waiting and len(selector.get_map()) < _AT_ONCE:
                    yield from _begin(waiting.pop(), selector)
                yield from _round(plan, selector, limiter)
        finally:
            for key in list(selector.get_map().values()):
                key.data.sock.close()


def _begin(endpoint: Endpoint, selector: selectors.BaseSelector) -> Iterator[tuple[_Asking, _Told]]:
    """Open a socket for an endpoint; gives the outcome at once where there can be none."""
    sock = socket.socket(family_of(endpoint.address), socket.SOCK_DGRAM)
    asking = _Asking(endpoint, sock)
    try:
        sock.settimeout(0)
        enable(sock)
        sock.connect((str(endpoint.address), endpoint.port))
    except OSError as fault:
        sock.close()
        yield asking, _Told(udp_outcome(fault.errno or 0, None), None, {})
        return
    selector.register(sock, selectors.EVENT_READ, asking)


def _round(
    plan: ScanPlan, selector: selectors.BaseSelector, limiter: RateLimiter
) -> Iterator[tuple[_Asking, _Told]]:
    """Send what is due, take in what came, give up what stayed silent."""
    wait_s = max(_LEAST_WAIT_S, plan.timing.udp_timeout_ms / 1_000)
    now = time.monotonic()
    for key in list(selector.get_map().values()):
        asking: _Asking = key.data
        if asking.attempts and now - asking.asked_at < wait_s:
            continue
        told = None
        if asking.attempts >= _ATTEMPTS:
            told = _Told(udp_outcome(0, None), None, {})
        elif limiter.take(now, 1):
            told = _send(plan.run_id, asking, now)
        if told is not None:
            yield _closed(selector, asking, told)
    for key, _ in selector.select(_LEAST_WAIT_S / 5):
        told = _heard(key.data)
        if told is not None:
            yield _closed(selector, key.data, told)


def _send(run_id: str, asking: _Asking, now: float) -> _Told | None:
    """Put the question, with a nonce of its own; gives an outcome only where it was refused."""
    asking.nonce = asking.nonce or secrets.token_bytes(NONCE)
    asking.attempts += 1
    asking.asked_at, asking.at = now, datetime.now(UTC)
    try:
        asking.sock.send(question(run_id, asking.nonce))
    except OSError as fault:
        return _refused(asking, fault)
    return None


def _heard(asking: _Asking) -> _Told | None:
    """Read what came; None for anything that does not answer the question."""
    try:
        reply = asking.sock.recv(SIZE + 1)
    except BlockingIOError:
        return None
    except OSError as fault:
        return _refused(asking, fault)
    if reply[8 : 8 + NONCE] != asking.nonce or reply != answer_to(reply) or len(reply) != SIZE:
        return None
    rtt_us = int((time.monotonic() - asking.asked_at) * 1_000_000)
    raw: RawRecord = {"sink_nonce": asking.nonce.hex()}
    return _Told((PortState.OPEN, Reason.UDP_RESPONSE), rtt_us, raw)


def _refused(asking: _Asking, fault: OSError) -> _Told:
    icmp = read_error(asking.sock)
    errno = fault.errno or ECONNREFUSED
    return _Told(udp_outcome(errno, icmp), None, refusal(errno, icmp))


def _closed(
    selector: selectors.BaseSelector, asking: _Asking, told: _Told
) -> tuple[_Asking, _Told]:
    selector.unregister(asking.sock)
    asking.sock.close()
    return asking, told
