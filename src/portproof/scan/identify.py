"""Which service answers at an open TCP port: the order of asking, and its bounds.

For one port, one connection after the other (never two at once), until something is recognised::

    port of a greeting protocol? ── listen, patiently ─────┐   greeters, that port's first
    port of an asking protocol?  ── ask in its words ──────┤
    otherwise ── listen, short ────────────────────────────┤   greeters, on the same connection
    silent there ── http on that very connection ──────────┤
    then, each on a fresh connection: tls, redis, postgresql

A server that greets in words nobody knows is not asked anything: those that wait to be asked do
not greet. A port claimed by MySQL is visited once at most (see `probes/mysql.py`). HTTP's 400 is
confirmed by TLS: several TLS servers answer a clear-text request with it. So a port gets at most
`MOST_VISITS` connections.

What is not recognised stays without a service; a port number is no evidence of one. Its bytes are
kept in the raw record all the same.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from portproof.evidence.masking import mask, mask_certificate, mask_service
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Service
from portproof.model.probe import Probe, ProbeContext
from portproof.model.scan import Timing
from portproof.probes import for_port, over
from portproof.scan.classify import TRANSIENT_ERRNOS
from portproof.scan.dialogue import Connection, converse
from portproof.scan.fanout import run_fan_out
from portproof.scan.raw import RawRecord, rfc3339
from portproof.scan.tls import certificate_of

MOST_VISITS: Final = 8
"""Connections to one port at most: at the worst a greeter that fell silent once it was answered."""
PATIENCE: Final = 3
"""A port of a greeting protocol is listened to for three dialogue time-outs: many servers look our
address up before they greet. An unclaimed one for a third of the time-out, before it is asked."""
KEPT_BYTES: Final = 4_096
"""Captured bytes kept per direction; they are masked first, so the cut lays no secret bare."""
VISITED_ONCE: Final = frozenset({"mysql"})
_MOST_TRIES: Final = 5
_TRY_AGAIN_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class IdentifyRequest:
    """One open port to ask; `name` is the DNS name that was listed, if any.

    A `silent` port belongs to a fragile device: it is not even connected to again.
    """

    endpoint: Endpoint
    name: str | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What was found out about one port."""

    endpoint: Endpoint
    service: Service | None
    """None when nothing was asked or nothing was recognised."""
    raw: RawRecord | None
    """The conversation that told (or the first in which bytes came), masked; None when none did."""
    masked: int
    """How many secrets were masked in it and in the service."""
    connected: bool
    """Whether any connection came about."""
    starved: bool = False
    """Whether a connection could not be tried for want of sockets of ours."""

    @property
    def asked(self) -> bool:
        """Whether a missing service says anything: nothing of ours kept us from asking."""
        return self.service is not None or (self.connected and not self.starved)


def identify(
    requests: Sequence[IdentifyRequest],
    *,
    timing: Timing,
    max_connections: int,
    per_host: int,
    stop: Callable[[], bool],
    on_result: Callable[[Identified], None],
) -> None:
    """Find the service behind each open port; results come in any order, as they are known.

    Returns early once `stop()` says so: ports not finished by then get no result; none gets one when
    descriptors do not even suffice for an event loop. Must be called outside of any event loop. What `on_result` raises ends the whole and is passed on.
    """

    async def work(request: IdentifyRequest) -> None:
        on_result(await _identify_one(request, timing.dialogue_timeout_ms / 1_000))

    run_fan_out(
        ((request.endpoint.address, request) for request in requests),
        work,
        at_once=max_connections,
        per_group=per_host,
        stop=stop,
    )


@dataclass(slots=True)
class _Visits:
    """What the visits to one port have shown so far."""

    request: IdentifyRequest
    timeout_s: float
    tried: list[str] = field(default_factory=list)
    made: int = 0
    connected: bool = False
    starved: bool = False
    raw: RawRecord | None = None
    masked: int = 0

    def context(self) -> ProbeContext:
        endpoint, name = self.request.endpoint, self.request.name
        return ProbeContext(
            host=name or str(endpoint.address),
            port=endpoint.port,
            nonce=secrets.token_bytes(16),
            server_name=name,
        )

    def untried(self, probes: Iterable[Probe]) -> list[Probe]:
        return [probe for probe in probes if probe.name not in self.tried]

    async def connect(self) -> Connection | None:
        """Open a connection; None when that failed, which the raw record then says."""
        if self.made == MOST_VISITS:
            return None
        self.made += 1
        for last in range(_MOST_TRIES - 1, -1, -1):
            try:
                connection = await Connection.open(self.request.endpoint, timeout_s=self.timeout_s)
            except OSError as fault:
                if fault.errno in TRANSIENT_ERRNOS and last:
                    await asyncio.sleep(_TRY_AGAIN_S)
                    continue
                self._note_failure(fault)
                return None
            self.connected = True
            return connection
        return None

    def keep(self, probe: str, connection: Connection, *, recognised: bool) -> None:
        """Keep the conversation that told, otherwise the first in which bytes came."""
        if recognised or (
            connection.transcript.received and not (self.raw or {}).get("received_bytes")
        ):
            self.raw, self.masked = _record(self.request.endpoint, probe, connection)

    def _note_failure(self, fault: OSError) -> None:
        self.starved |= fault.errno in TRANSIENT_ERRNOS
        if self.raw is None:
            self.raw = {
                "kind": "dialogue",
                "endpoint": str(self.request.endpoint),
                "at": _now(),
                "failure": os.strerror(fault.errno) if fault.errno else str(fault) or "timed out",
            }


async def _identify_one(request: IdentifyRequest, timeout_s: float) -> Identified:
    visits = _Visits(request, timeout_s)
    service = None if request.silent else await _visit(visits)
    masked = 0
    if service is not None:
        service, masked = mask_service(service)
    if visits.raw is not None and visits.connected:
        visits.raw |= {"visits": visits.made, "tried": " ".join(visits.tried)}
    return Identified(
        endpoint=request.endpoint,
        service=service,
        raw=visits.raw,
        masked=visits.masked + masked,
        connected=visits.connected,
        starved=visits.starved,
    )


async def _visit(visits: _Visits) -> Service | None:
    claimed = for_port(visits.request.endpoint.port, Transport.TCP)
    every = over(Transport.TCP)
    for probe in claimed:
        if not probe.speaks_first and (service := await _ask(visits, probe)):
            return await _confirmed(visits, service)
    # Those that claim the port listen first and longest; the sort keeps the order otherwise.
    greeters = sorted((p for p in every if p.speaks_first), key=lambda probe: probe not in claimed)
    patient = greeters[0] in claimed
    once = any(probe.name in VISITED_ONCE for probe in claimed)
    service, heard = await _listen(visits, greeters, patient=patient)
    if service is not None or heard or once or not visits.connected:
        return await _confirmed(visits, service)
    for probe in visits.untried(every):
        if not probe.speaks_first and (service := await _ask(visits, probe)):
            return await _confirmed(visits, service)
    return None


async def _listen(
    visits: _Visits, greeters: list[Probe], *, patient: bool
) -> tuple[Service | None, bool]:
    """Let the server speak first; gives what it is, and whether it said anything.

    The greeters share one connection as long as none of them has to answer. When the server stays
    silent, the first asking probe uses that same connection.
    """
    heard = False
    while waiting := visits.untried(greeters):
        connection = await visits.connect()
        if connection is None:
            return None, heard
        async with connection:
            wait_s = visits.timeout_s * (PATIENCE if patient or heard else 1 / PATIENCE)
            if not await connection.listen(asyncio.get_running_loop().time() + wait_s):
                if heard:
                    return None, heard
                askers = [p for p in visits.untried(over(Transport.TCP)) if not p.speaks_first]
                return await _hold(visits, askers[0], connection), False
            heard = True
            service = await _greeted(visits, waiting, connection)
        if service is not None:
            return service, heard
    return None, heard


async def _greeted(
    visits: _Visits, greeters: list[Probe], connection: Connection
) -> Service | None:
    """Let each greeter read the greeting, up to the one that had to send something."""
    for probe in greeters:
        if not connection.rewind():
            return None
        service = await _hold(visits, probe, connection)
        if service is not None:
            return service
    return None


async def _ask(visits: _Visits, probe: Probe) -> Service | None:
    connection = await visits.connect()
    if connection is None:
        return None
    async with connection:
        return await _hold(visits, probe, connection)


async def _hold(visits: _Visits, probe: Probe, connection: Connection) -> Service | None:
    visits.tried.append(probe.name)
    dialogue = probe.dialogue(visits.context())
    service = await converse(dialogue, connection, turn_timeout_s=visits.timeout_s)
    visits.keep(probe.name, connection, recognised=service is not None)
    return service


async def _confirmed(visits: _Visits, service: Service | None) -> Service | None:
    """Ask TLS where HTTP said 400: `plain HTTP request sent to HTTPS port` is one, in clear text."""
    if service is None or service.name != "http" or service.attributes.get("status") != "400":
        return service
    tls = [probe for probe in visits.untried(over(Transport.TCP)) if probe.name == "tls"]
    return (await _ask(visits, tls[0]) if tls else None) or service


def _record(endpoint: Endpoint, probe: str, connection: Connection) -> tuple[RawRecord, int]:
    transcript = connection.transcript
    received = mask(bytes(transcript.received))
    record: RawRecord = {
        "kind": "dialogue",
        "endpoint": str(endpoint),
        "probe": probe,
        "at": _now(),
        "sent_hex": bytes(transcript.sent[:KEPT_BYTES]).hex(),
        "sent_bytes": len(transcript.sent),
        "received_hex": received.data[:KEPT_BYTES].hex(),
        "received_bytes": len(received.data),
        "masked": received.count,
        "masked_kinds": " ".join(received.kinds),
        "turns": "; ".join(transcript.marks),
    }
    if connection.certificate_der is not None:
        record |= certificate_record(connection.certificate_der)
    return record, received.count


def _now() -> str:
    return rfc3339(datetime.now(UTC))


def certificate_record(der: bytes) -> dict[str, str | int]:
    """Give the certificate as presented, unless its texts hold what must not be kept.

    In DER a text stands beside lengths and tags that may look like its first or last characters,
    so that nothing could be masked in place with certainty: it is withheld as a whole.
    """
    shown = certificate_of(der)
    if shown is not None and mask_certificate(shown)[1]:
        return {"certificate": "withheld: its texts hold what had to be masked"}
    return {"certificate_der_hex": der.hex()}
