"""What was seen at one endpoint, and what could not be measured.

The two are different types on purpose (law 1): an `Observation` is the peer's doing, an
`Unmeasured` our own fault, and no code can mistake the second for a good result::

    Outcome = Observation | Unmeasured
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from portproof.model.endpoint import Endpoint


class PortState(StrEnum):
    """nmap's port states, spelled as nmap does."""

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"
    OPEN_FILTERED = "open|filtered"


class Reason(StrEnum):
    """Why a state was given: what came back, or that nothing did."""

    HANDSHAKE = "syn-ack"
    RESET = "reset"
    CONN_REFUSED = "conn-refused"
    """RST or ICMP 3/3, where the operating system does not tell which."""
    PORT_UNREACH = "port-unreach"
    """ICMP 3/3 (RFC 792), ICMPv6 1/4 (RFC 4443)."""
    NET_UNREACH = "net-unreach"
    """ICMP 3/0, ICMPv6 1/0."""
    HOST_UNREACH = "host-unreach"
    """ICMP 3/1, ICMPv6 1/3."""
    PROTO_UNREACH = "proto-unreach"
    """ICMP 3/2, ICMPv6 4/1."""
    NET_PROHIBITED = "net-prohibited"
    """ICMP 3/9."""
    HOST_PROHIBITED = "host-prohibited"
    """ICMP 3/10."""
    ADMIN_PROHIBITED = "admin-prohibited"
    """ICMP 3/13, ICMPv6 1/1, 1/5, 1/6."""
    OTHER_UNREACH = "other-unreach"
    """Another destination-unreachable code, kept in the raw evidence."""
    NO_RESPONSE = "no-response"
    UDP_RESPONSE = "udp-response"
    PROXY_CONNECTED = "proxy-connected"
    """A proxy or jump host says that it has a connection: its handshake, not ours."""


class LocalFault(StrEnum):
    """Why an endpoint was not measured: something of ours, never of the peer."""

    NO_ROUTE = "no-route"
    """connect() itself said ENETUNREACH/EHOSTUNREACH: our own routing table."""
    NO_NEIGHBOUR = "no-neighbour"
    """The host unreachable came from our own address: ARP or ND had no answer."""
    NO_SOCKETS = "no-sockets"
    """Descriptors, ports or memory ran out and did not come back in time."""
    NO_PERMISSION = "no-permission"
    """EPERM/EACCES from the call: a local firewall or sandbox."""
    CONTROL_FAILED = "control-failed"
    """Silence without a witness, or a negative control that answered (law 2)."""
    UNRESOLVED = "unresolved"
    """The host name did not resolve."""
    INTERRUPTED = "interrupted"
    """The run ended before this endpoint's turn."""
    NOT_PROBED = "not-probed"
    """No protocol probe is registered for this UDP port: nothing was asked, nothing is known."""
    NOT_DISCOVERED = "not-discovered"
    """Host discovery was asked for, and the host answered none of it: no port was asked."""
    LOSSY_PATH = "lossy-path"
    """Silence on a path that loses too much: an answer may have been missed (scan.loss)."""
    HOST_TIMEOUT = "host-timeout"
    """The time granted for its host was over before this endpoint's turn."""
    LOST_WORKER = "lost-worker"
    """The process that had this endpoint to probe ended before it told what came of it."""
    PROXY_CANNOT_TELL = "proxy-cannot-tell"
    """A proxy or jump host had no connection to it, which tells neither closed from filtered nor
    whether it asked at all; over UDP it cannot ask (scan.relay_dial)."""


class Identification(StrEnum):
    """How a service was identified; a rule that rests on the port number alone must say so."""

    PROTOCOL = "protocol answer"
    BANNER = "banner"
    TLS = "tls"
    PORT_NUMBER = "port number only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The leaf certificate a TLS server presented (RFC 5280)."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """DNS names and addresses of the subjectAltName, in its order."""
    not_before: datetime
    not_after: datetime
    serial: str
    """Lower-case hex."""
    sha256: str
    """Fingerprint of the DER form, lower-case hex."""
    key: str = ""
    """Key type and size, `rsa 2048`, `ec secp256r1`; empty when it cannot be read."""
    self_signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What a TLS handshake showed: `version` as `TLSv1.3`, `cipher` by its OpenSSL/IANA name."""

    version: str
    cipher: str
    certificate: Certificate | None
    """None when the server presented none that can be read."""
    server_name: str | None = None
    """The name sent in SNI (RFC 6066 §3); None when an address was asked."""


@dataclass(frozen=True, slots=True)
class Service:
    """What answered, and how it was identified. `name` is IANA's or the probe's."""

    name: str
    product: str = ""
    """Software and version as the peer says, unverified and attacker-controlled."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    identified_by: Identification = Identification.PROTOCOL
    tls: TlsFacts | None = None
    """Set when the conversation ran inside TLS, or offered it and it was taken up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One endpoint as the peer showed it."""

    endpoint: Endpoint
    state: PortState
    reason: Reason
    at: datetime
    """When the deciding packet went out; UTC."""
    rtt_us: int | None = None
    """From the deciding probe to its answer, in microseconds; None for silence."""
    attempts: int = 1
    service: Service | None = None
    """None when nothing was asked or nothing was recognised: `asked` tells which."""
    asked: bool = True
    """Whether the service was asked what it is; False: nothing may be sent to this port, or the run
    (or our sockets) ended before its turn: then a missing service says nothing."""
    evidence: str | None = None
    """SHA-256 (hex) of the raw record in the store; None when there is nothing but the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """One endpoint about which nothing may be claimed, and why."""

    endpoint: Endpoint
    fault: LocalFault
    detail: str = ""


Outcome: TypeAlias = Observation | Unmeasured
