"""What a TLS server says in the clear: its first flight, read from the bytes as they came.

Source: RFC 5246 §6.2.1 (records; a message may be cut over several, and several may share one),
§7.2 (alerts), §7.3 (the order of messages), §7.4.1.3, §7.4.2 and §7.4.4 (ServerHello, Certificate,
CertificateRequest); RFC 8446 §4.2.1 (the version of TLS 1.3 is in an extension). Up to TLS 1.2 the
certificate travels in clear text, so that it can be read from a handshake that nobody finished.

Shared vocabulary of `tls_hello` and of whoever has the bytes of a refused handshake. No bytes make
it raise: what cannot be read ends the reading, and what was read before stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from portproof.probes.tls_suites import name_of_suite

ALERT: Final = 21
HANDSHAKE: Final = 22
RECORD_HEADER: Final = 5
LONGEST_RECORD: Final = (1 << 14) + 2_048
"""RFC 5246 §6.2.3: no record is longer, however it is protected."""
_SERVER_HELLO: Final = 2
_CERTIFICATE: Final = 11
_CERTIFICATE_REQUEST: Final = 13
_SERVER_HELLO_DONE: Final = 14
_SUPPORTED_VERSIONS: Final = 43
_LONGEST_SESSION_ID: Final = 32
_VERSIONS: Final = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
# The codes of RFC 8446 §6 and of those before it, as its registry names them.
_ALERTS: Final = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
_FATAL: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """What could be read of a server's first flight; empty where it was not said."""

    version: str = ""
    """What the server chose, as `TLSv1.2`."""
    cipher: str = ""
    """By its OpenSSL name; `0x1234` where it has none."""
    certificate_der: bytes | None = None
    """The leaf as presented."""
    wants_certificate: bool = False
    """Whether the client was asked for a certificate of its own."""
    complete: bool = False
    """Whether ServerHelloDone came: nothing more is said until the client answers."""
    alert: str = ""
    """The fatal alert that ended it, by its registered name."""

    @property
    def is_tls(self) -> bool:
        """Whether it can only be a TLS server's: it chose a version and a cipher, or refused."""
        return bool(self.version or self.alert)


def record_length(header: bytes) -> int | None:
    """Give the length of the record that begins so; None when no TLS record of a flight does."""
    if len(header) < RECORD_HEADER or header[0] not in {ALERT, HANDSHAKE} or header[1] != 3:  # noqa: PLR2004 - every version so far is 3.x
        return None
    length = int.from_bytes(header[3:RECORD_HEADER])
    return length if 0 < length <= LONGEST_RECORD else None


def read_flight(said: bytes) -> Flight:
    """Read what came in answer to a ClientHello, as far as it can be read."""
    handshake, alert = _unwrapped(said)
    version, cipher, leaf, wants, complete = "", "", None, False, False
    for kind, body in _messages(handshake):
        if kind == _SERVER_HELLO and not version:
            version, cipher = _hello(body)
        if not version:
            break  # RFC 5246 §7.4.1.3: nothing may come before ServerHello
        if kind == _CERTIFICATE and leaf is None:
            leaf = _leaf(body)
        wants = wants or kind == _CERTIFICATE_REQUEST
        complete = complete or kind == _SERVER_HELLO_DONE
    return Flight(
        version=version,
        cipher=cipher,
        certificate_der=leaf,
        wants_certificate=wants,
        complete=complete,
        alert=alert,
    )


def _unwrapped(said: bytes) -> tuple[bytes, str]:
    """Give the handshake bytes out of their records, and the alert that ended them."""
    handshake = bytearray()
    position = 0
    while (length := record_length(said[position : position + RECORD_HEADER])) is not None:
        start = position + RECORD_HEADER
        body = said[start : start + length]
        if said[position] == HANDSHAKE:
            handshake += body
        elif alert := _fatal(body):
            # A warning goes on: "unrecognized_name" comes before many a ServerHello (RFC 6066 §3).
            return bytes(handshake), alert
        position = start + length
    return bytes(handshake), ""


def _fatal(body: bytes) -> str:
    if len(body) != 2 or body[0] != _FATAL:  # noqa: PLR2004 - level and description
        return ""
    return _ALERTS.get(body[1], "")


def _messages(handshake: bytes) -> Iterator[tuple[int, bytes]]:
    """Give type and body of each message that is there as a whole."""
    position = 0
    while position + 4 <= len(handshake):
        end = position + 4 + int.from_bytes(handshake[position + 1 : position + 4])
        if end > len(handshake):
            return
        yield handshake[position], handshake[position + 4 : end]
        position = end


def _hello(body: bytes) -> tuple[str, str]:
    """Give version and cipher; two empty texts when it is no ServerHello."""
    # Version 2, random 32, session id 1 + n, cipher suite 2, compression 1, extensions 2 + n.
    suite_at = 35 + (body[34] if len(body) > 34 else 0)  # noqa: PLR2004 - as just said
    if len(body) < suite_at + 3 or suite_at > 35 + _LONGEST_SESSION_ID:
        return "", ""
    chosen = int.from_bytes(body[:2])
    for kind, content in _extensions(body[suite_at + 5 :]):
        if kind == _SUPPORTED_VERSIONS:
            chosen = int.from_bytes(content)
    version = _VERSIONS.get(chosen, "")
    return version, name_of_suite(int.from_bytes(body[suite_at : suite_at + 2])) if version else ""


def _extensions(listed: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(listed):
        end = position + 4 + int.from_bytes(listed[position + 2 : position + 4])
        yield int.from_bytes(listed[position : position + 2]), listed[position + 4 : end]
        position = end


def _leaf(body: bytes) -> bytes | None:
    """Give the first certificate of the list: list length 3, then each with its length before it."""
    length = int.from_bytes(body[3:6])
    leaf = body[6 : 6 + length]
    return leaf if 0 < length == len(leaf) else None
