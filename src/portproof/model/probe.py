r"""What a protocol probe is: a conversation without a socket.

A probe's `dialogue()` is a generator. It yields what it wants done next and is resumed with what
came of it; whoever drives it (`scan.dialogue`, or a test with a list of replies) owns the socket::

    reply = yield Turn(b"PING\r\n", until=b"\r\n", limit=128)     # bytes; b"" when nothing came
    facts = yield StartTls(server_name=None)                        # TlsFacts, or None: no TLS here

It returns a `Service` when the peer proved to speak the protocol, None when it is something else.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from portproof.model.endpoint import Transport
from portproof.model.observation import Service


@dataclass(frozen=True, slots=True)
class Turn:
    """Send `payload` (may be empty: listen only), then read one reply.

    The reply ends at `until` (kept in it), at `size` bytes, at `limit` bytes, when the peer closes
    or pauses after at least one byte (TCP without `until`/`size`), or at the turn's time-out: the dialogue is
    resumed with whatever came, b"" for nothing. A UDP turn sends one datagram and is resumed with
    one datagram.
    """

    payload: bytes = b""
    until: bytes | None = None
    size: int | None = None
    limit: int = 4096
    any_port: bool = False
    """A UDP turn whose answer may come from another port of the same address (RFC 1350 §4)."""


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin TLS on the connection; the dialogue is resumed with `TlsFacts`, or None if refused.

    Later turns run inside TLS. Nothing is verified: the certificate is evidence, not a condition.
    """

    server_name: str | None = None
    alpn: tuple[str, ...] = ()


Step: TypeAlias = Turn | StartTls
# The generator is resumed with bytes after a Turn and with TlsFacts | None after a StartTls.
Dialogue: TypeAlias = Generator[Step, Any, Service | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeContext:
    """What a dialogue may know of where it talks to: the address text for a Host header, and a nonce.

    `host` is the address as text (IPv6 without brackets) or the DNS name that was listed;
    `port` the port; `nonce` 16 random bytes, fresh for each dialogue (transaction ids, cookies).
    """

    host: str
    port: int
    nonce: bytes
    server_name: str | None = None
    """The DNS name for SNI; None when only an address is known."""


class Probe(Protocol):
    """One protocol that can be recognised. Implementations: one file each in `probes/`."""

    name: str
    """The service name it reports, as in service rules and baselines."""
    transport: Transport
    default_ports: tuple[int, ...]
    speaks_first: bool
    """Whether the server greets unasked: such probes share one silent listen on unknown ports."""

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Start one conversation; the generator never raises, whatever bytes come."""
        ...
