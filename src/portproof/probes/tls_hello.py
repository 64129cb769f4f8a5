"""TLS read in the clear: a ClientHello made by hand, and the certificate that answers it.

Source: RFC 5246 §7.4.1.2 (ClientHello, TLS 1.2), RFC 6066 §3 (server_name), RFC 8422 §5.1
(supported_groups, ec_point_formats), RFC 5246 §7.4.1.4.1 (signature_algorithms), RFC 7627
(extended_master_secret), RFC 5746 §3.3 (the renegotiation signalling suite).
Safety: one handshake that is left after the server's first flight; some servers log that the
client went away.

It costs no key exchange of ours, a tenth of a handshake, and it offers what our own TLS library no
longer has (RC4, single DES, export suites). But it shows what such a client would get, not what
a normal one gets: a server of TLS 1.3 only refuses it, and of one that speaks both it shows the
lower version. So it is no replacement for a handshake where version and cipher are evidence: the
full one is tried first, and this is asked where that was refused.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from portproof.model.observation import Identification, Service, TlsFacts
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.certificate import certificate_of
from portproof.probes.tls_flight import RECORD_HEADER, Flight, read_flight, record_length
from portproof.probes.tls_suites import SUITES

NAME: Final = "tls-hello"
LONGEST_FLIGHT: Final = 49_152
"""Three records of full length; chains of certificates are shorter than one."""
MOST_RECORDS: Final = 64
"""A chain in fragments of 512 bytes, the smallest of RFC 6066 §4, needs fewer."""
_TLS_1_0: Final = b"\x03\x01"
_TLS_1_2: Final = b"\x03\x03"
_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_NO_RENEGOTIATION: Final = b"\x00\xff"
# x25519, secp256r1, secp384r1, secp521r1, then what embedded servers may have instead.
_GROUPS: Final = bytes.fromhex("001d 0017 0018 0019 001e 001a 0015 0013 000a 0016")
_POINT_FORMATS: Final = b"\x00"
# ECDSA, RSA-PSS, RSA and Ed25519 with SHA-2, then all with SHA-1, and DSA.
_SIGNATURES: Final = bytes.fromhex(
    "0403 0503 0603 0807 0808 0804 0805 0806 0809 080a 080b 0401 0501 0601 0303 0301"
    "0203 0201 0402 0502 0602 0202 0101"
)


def hold(context: ProbeContext) -> Dialogue:
    """Recognise TLS by the server's first flight, or by the alert in its place.

    The service's attributes are those of `service_of`.
    """
    said = yield from _first_flight(context)
    return service_of(read_flight(said), context.server_name)


def service_of(flight: Flight, server_name: str | None) -> Service | None:
    """Give the service behind a handshake that was not finished; None when it is no TLS.

    Attributes: `handshake` is `not finished`; `alert` what the server ended it with;
    `client_certificate` is `required` where the server asked for one and refused to go on without,
    `requested` where it was not told that there is none.
    """
    if not flight.is_tls:
        return None
    attributes = {"handshake": "not finished"}
    if flight.alert:
        attributes["alert"] = flight.alert
    if flight.wants_certificate:
        attributes["client_certificate"] = "required" if flight.alert else "requested"
    facts = None
    if flight.version:
        leaf = flight.certificate_der
        facts = TlsFacts(
            version=flight.version,
            cipher=flight.cipher,
            certificate=certificate_of(leaf) if leaf else None,
            server_name=server_name,
        )
    return Service("tls", "", attributes, Identification.TLS, facts)


def client_hello(server_name: str | None, nonce: bytes) -> bytes:
    """Give the record with a ClientHello of TLS 1.2; its 32 random bytes are the 16 of the nonce, twice."""
    suites = b"".join(number.to_bytes(2) for number in SUITES) + _NO_RENEGOTIATION
    extensions = b"".join(
        (
            _server_name(server_name),
            _extension(10, _with_length(_GROUPS)),
            _extension(11, _with_length(_POINT_FORMATS, 1)),
            _extension(13, _with_length(_SIGNATURES)),
            _extension(23, b""),
        )
    )
    body = b"".join(
        (
            _TLS_1_2,
            nonce + nonce,
            _with_length(b"", 1),
            _with_length(suites),
            _with_length(b"\x00", 1),
            _with_length(extensions),
        )
    )
    message = bytes([_CLIENT_HELLO]) + _with_length(body, 3)
    # RFC 5246 §E.1: the record says the lowest version, for servers that are easily startled.
    return bytes([_HANDSHAKE]) + _TLS_1_0 + _with_length(message)


def _first_flight(context: ProbeContext) -> Generator[Turn, Any, bytes]:
    """Say hello, and read records until the server waits for us, or it is none."""
    payload = client_hello(context.server_name, context.nonce)
    said = b""
    for _ in range(MOST_RECORDS):
        header: bytes = yield Turn(payload, size=RECORD_HEADER)
        payload = b""
        said += header
        length = record_length(header)
        if length is None:
            break
        body: bytes = yield Turn(size=length, limit=length)
        said += body
        flight = read_flight(said)
        if len(body) < length or flight.complete or flight.alert or len(said) > LONGEST_FLIGHT:
            break
    return said


def _server_name(name: str | None) -> bytes:
    if name is None or not name.isascii():
        return b""
    host = b"\x00" + _with_length(name.rstrip(".").encode("ascii"))
    return _extension(0, _with_length(host))


def _extension(number: int, content: bytes) -> bytes:
    return number.to_bytes(2) + _with_length(content)


def _with_length(content: bytes, size: int = 2) -> bytes:
    return len(content).to_bytes(size) + content
