"""The UDP sweep: datagrams that a server must answer, and what silence and ICMP mean.

UDP has no handshake, so only an answer in the protocol that was asked proves a port open::

    valid answer to our question ............ open           udp-response, with the service
    ICMP port unreachable ................... closed         port-unreach
    other ICMP unreachable .................. filtered       with its reason
    bytes that answer nothing we asked ...... open|filtered  udp-response
    silence after all attempts .............. open|filtered  no-response
    the call itself fails ................... Unmeasured     the local fault
    no probe registered for the port ........ Unmeasured     not-probed; nothing is sent

The hardest decision: bytes that are no valid answer. Something is there, but a middlebox, a
reflector or an echo looks the same, and `open` would claim a service that nobody saw. So the
state stays open|filtered, the reason says that something came, and the bytes are kept.

Every attempt has a socket of its own, connected (the kernel then drops what others send, and hands
us the ICMP errors that concern it). Linux answers closed ports from a bucket of six and then one
error per second and peer (icmp(7), `icmp_ratelimit`): repetitions to one host are a second apart.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from portproof.evidence.masking import mask, mask_service
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.observation import (
    LocalFault,
    Observation,
    Outcome,
    PortState,
    Reason,
    Service,
    Unmeasured,
)
from portproof.model.probe import Probe, ProbeContext, StartTls, Turn
from portproof.model.scan import Rates, Timing
from portproof.probes import for_port
from portproof.scan import errqueue
from portproof.scan.classify import TRANSIENT_ERRNOS, IcmpError, Verdict, udp_outcome
from portproof.scan.family import family_of
from portproof.scan.fanout import run_fan_out
from portproof.scan.pace import Pace
from portproof.scan.raw import RawRecord, refusal, rfc3339
from portproof.scan.routing import route_to, silent_neighbours

LONGEST_DATAGRAM: Final = 65_535
KEPT_BYTES: Final = 4_096
_SOCKET_TRIES: Final = 5
_TRY_AGAIN_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class UdpRequest:
    """One UDP port to ask; `name` is the DNS name that was listed, `host_index` the plan's host."""

    host_index: int
    endpoint: Endpoint
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpResult:
    """What came of one port."""

    host_index: int
    endpoint: Endpoint
    outcome: Outcome
    raw: RawRecord | None
    """The deciding exchange, masked; None for silence and where nothing was sent."""
    masked: int
    """How many secrets were masked in it and in the service."""
    attempts: int
    """How often the port was asked; 0 when nothing was sent."""
    sent_ms: int
    """When the deciding datagram went out, in milliseconds since the run began."""


def sweep_udp(  # noqa: PLR0913 - keyword-only, and each belongs to another owner
    requests: Sequence[UdpRequest],
    *,
    timing: Timing,
    rates: Rates,
    started_monotonic: float,
    now: Callable[[], datetime],
    stop: Callable[[], bool],
    on_result: Callable[[UdpResult], None],
    probes_for: Callable[[int, Transport], Sequence[Probe]] = for_port,
) -> None:
    """Ask every port whose protocol is known; exactly one result per request, in any order.

    `started_monotonic` is `time.monotonic()` of the run's beginning, in seconds. Once `stop()`
    says so the remaining ports become Unmeasured(INTERRUPTED); all are Unmeasured(NO_SOCKETS) when
    descriptors do not even suffice for an event loop. `probes_for` says what a port is
    asked; the registry's default ports unless told otherwise. Must be called outside of any event
    loop; what `on_result` raises ends the whole and is passed on.
    """
    waiting = dict(enumerate(requests))
    sweep = _Sweep(timing, Pace(rates), started_monotonic, now, probes_for)

    async def work(number: int) -> None:
        result = await sweep.measure(requests[number])
        del waiting[number]
        on_result(result)

    begun = run_fan_out(
        ((request.endpoint.address, number) for number, request in enumerate(requests)),
        work,
        at_once=rates.max_connections,
        per_group=rates.per_host_connections,
        stop=stop,
    )
    rest = LocalFault.INTERRUPTED if begun else LocalFault.NO_SOCKETS
    for request in waiting.values():
        on_result(sweep.unmeasured(request, rest))


@dataclass(slots=True)
class _Exchange:
    """One attempt with one probe: what went out and what came back."""

    probe: str
    at: datetime
    sent_ms: int
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    datagrams: int = 0
    """How many came back; one may be empty."""
    sent_ns: int = 0
    rtt_us: int | None = None
    errno: int = 0
    icmp: IcmpError | None = None
    service: Service | None = None

    @property
    def failed(self) -> bool:
        """Whether an ICMP error or the call itself ended it."""
        return self.errno != 0 or self.icmp is not None

    @property
    def silent(self) -> bool:
        """Whether nothing came back at all."""
        return not self.failed and not self.datagrams


class _Sweep:
    """Everything that the measuring of one port needs to know of the run."""

    def __init__(
        self,
        timing: Timing,
        pace: Pace,
        started: float,
        now: Callable[[], datetime],
        probes_for: Callable[[int, Transport], Sequence[Probe]],
    ) -> None:
        self._timing = timing
        self._pace = pace
        self._started = started
        self._now = now
        self._probes_for = probes_for

    async def measure(self, request: UdpRequest) -> UdpResult:
        """Ask one port until something decides, or all attempts were silent."""
        probes = self._probes_for(request.endpoint.port, Transport.UDP)
        if not probes:
            return self.unmeasured(request, LocalFault.NOT_PROBED)
        attempts = 1
        exchange = await self._attempt(request, probes)
        while exchange.silent and attempts <= self._timing.max_retries:
            await self._pace.wait_to_repeat(request.endpoint.address)
            attempts += 1
            exchange = await self._attempt(request, probes)
        return self._result(request, exchange, attempts)

    def unmeasured(self, request: UdpRequest, fault: LocalFault) -> UdpResult:
        """Give the result of a port that was not asked."""
        return UdpResult(
            host_index=request.host_index,
            endpoint=request.endpoint,
            outcome=Unmeasured(endpoint=request.endpoint, fault=fault),
            raw=None,
            masked=0,
            attempts=0,
            sent_ms=self._elapsed_ms(),
        )

    async def _attempt(self, request: UdpRequest, probes: Sequence[Probe]) -> _Exchange:
        """Ask with each probe in turn; gives the exchange that decides, else the first with bytes."""
        first, *others = probes
        best = await self._exchange(request, first)
        for probe in others:
            if best.failed or best.service:
                break
            exchange = await self._exchange(request, probe)
            best = exchange if best.silent or exchange.service else best
        return best

    async def _exchange(self, request: UdpRequest, probe: Probe) -> _Exchange:
        exchange = _Exchange(probe.name, self._now(), self._elapsed_ms())
        for _ in range(_SOCKET_TRIES):
            exchange.errno = 0
            try:
                with _connected(request.endpoint) as sock:
                    await self._converse(request, probe, sock, exchange)
            except OSError as fault:
                exchange.errno = fault.errno or 0
            # Sockets, ports or memory: waited out. Everything else is this port's result.
            if exchange.sent or exchange.errno not in TRANSIENT_ERRNOS:
                break
            await asyncio.sleep(_TRY_AGAIN_S)
        return exchange

    async def _converse(
        self, request: UdpRequest, probe: Probe, sock: socket.socket, exchange: _Exchange
    ) -> None:
        """Carry one dialogue to its end, or to the ICMP error that ends it."""
        dialogue = probe.dialogue(
            ProbeContext(
                host=request.name or str(request.endpoint.address),
                port=request.endpoint.port,
                nonce=secrets.token_bytes(16),
            )
        )
        try:
            step = next(dialogue)
            while True:
                reply = b""
                # After an ICMP error nothing is sent any more; what was answered before it stands.
                if isinstance(step, Turn) and not exchange.failed:
                    await self._pace.wait(request.endpoint.address)
                    self._send(sock, step.payload, exchange)
                    reply = await self._reply(sock, exchange)
                # A probe over datagrams begins no TLS: None is the answer to that.
                step = dialogue.send(None if isinstance(step, StartTls) else reply)
        except StopIteration as end:
            exchange.service = end.value
        finally:
            dialogue.close()

    def _send(self, sock: socket.socket, payload: bytes, exchange: _Exchange) -> None:
        if not exchange.datagrams:
            exchange.at, exchange.sent_ms = self._now(), self._elapsed_ms()
            exchange.sent_ns = time.monotonic_ns()
        try:
            sock.send(payload)
        except OSError as fault:
            # Refused now, or the ICMP error that answers an earlier datagram.
            exchange.icmp = errqueue.read_error(sock)
            exchange.errno = fault.errno or 0
        else:
            exchange.sent += payload

    async def _reply(self, sock: socket.socket, exchange: _Exchange) -> bytes:
        """Wait for one datagram; b"" when none came in time or an ICMP error came instead."""
        deadline = time.monotonic() + self._timing.udp_timeout_ms / 1_000
        while not exchange.failed and await _readable(sock, deadline - time.monotonic()):
            if exchange.rtt_us is None:
                exchange.rtt_us = (time.monotonic_ns() - exchange.sent_ns) // 1_000
            exchange.icmp = errqueue.read_error(sock)
            if exchange.icmp is not None:
                break
            try:
                datagram = sock.recv(LONGEST_DATAGRAM)
            except BlockingIOError:
                # A datagram with a wrong checksum woke us and was thrown away (select(2), BUGS).
                exchange.rtt_us = None
                continue
            except OSError as fault:
                exchange.errno = fault.errno or 0
                break
            exchange.datagrams += 1
            exchange.received += datagram
            return datagram
        return b""

    def _result(self, request: UdpRequest, exchange: _Exchange, attempts: int) -> UdpResult:
        service, masked = exchange.service, 0
        if service is not None:
            service, masked = mask_service(service)
        raw, masked_raw = (None, 0) if exchange.silent else _record(request.endpoint, exchange)
        return UdpResult(
            host_index=request.host_index,
            endpoint=request.endpoint,
            outcome=_outcome(request.endpoint, exchange, service, attempts),
            raw=raw,
            masked=masked + masked_raw,
            attempts=attempts,
            sent_ms=exchange.sent_ms,
        )

    def _elapsed_ms(self) -> int:
        return int((time.monotonic() - self._started) * 1_000)


def _outcome(
    endpoint: Endpoint, exchange: _Exchange, service: Service | None, attempts: int
) -> Outcome:
    verdict = _verdict(endpoint.address, exchange)
    if isinstance(verdict, LocalFault):
        detail = os.strerror(exchange.errno) if exchange.errno else str(exchange.icmp or "")
        return Unmeasured(endpoint=endpoint, fault=verdict, detail=detail)
    state, reason = verdict
    return Observation(
        endpoint=endpoint,
        state=state,
        reason=reason,
        at=exchange.at,
        rtt_us=exchange.rtt_us,
        attempts=attempts,
        service=service,
    )


def _verdict(address: Address, exchange: _Exchange) -> Verdict:
    if exchange.service is not None:
        return PortState.OPEN, Reason.UDP_RESPONSE
    if exchange.datagrams:
        return PortState.OPEN_FILTERED, Reason.UDP_RESPONSE
    if exchange.silent:
        # The kernel waits three seconds for a neighbour, longer than a turn: its table knows.
        route = route_to(address)
        if route is not None and route.next_hop in silent_neighbours():
            return LocalFault.NO_NEIGHBOUR
    return udp_outcome(exchange.errno, exchange.icmp)


def _record(endpoint: Endpoint, exchange: _Exchange) -> tuple[RawRecord, int]:
    received = mask(bytes(exchange.received))
    record: RawRecord = {
        "kind": "datagrams",
        "endpoint": str(endpoint),
        "probe": exchange.probe,
        "at": rfc3339(exchange.at),
        "sent_hex": bytes(exchange.sent[:KEPT_BYTES]).hex(),
        "sent_bytes": len(exchange.sent),
        "received_hex": received.data[:KEPT_BYTES].hex(),
        "received_bytes": len(received.data),
        "masked": received.count,
        "masked_kinds": " ".join(received.kinds),
    }
    record |= refusal(exchange.errno, exchange.icmp)
    if exchange.rtt_us is not None:
        record["rtt_us"] = exchange.rtt_us
    return record, received.count


def _connected(endpoint: Endpoint) -> socket.socket:
    """Give a connected, non-blocking socket that queues ICMP errors.

    Raises:
        OSError: there is no route, no permission, or no socket left; nothing was sent.
    """
    sock = socket.socket(family_of(endpoint.address), socket.SOCK_DGRAM)
    try:
        sock.settimeout(0)
        errqueue.enable(sock)
        sock.connect((str(endpoint.address), endpoint.port))
    except BaseException:
        sock.close()
        raise
    return sock


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _readable(sock: socket.socket, timeout_s: float) -> bool:
    """Wait until a datagram or an error is there; False when the time is over."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    # The event loop reports an error condition (EPOLLERR) as readable.
    loop.add_reader(sock, _wake, ready)
    try:
        async with asyncio.timeout(timeout_s):
            await ready
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(sock)
    return True
