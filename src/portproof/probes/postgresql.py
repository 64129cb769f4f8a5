"""PostgreSQL: whether it offers TLS, and which protocol versions it speaks.

Source: PostgreSQL 15 documentation, §55.2.10 "SSL Session Encryption" (SSLRequest is answered by
the single byte S or N), §55.7 "Message Formats" (StartupMessage, ErrorResponse,
NegotiateProtocolVersion), §55.8 "Error and Notice Message Fields".
Safety: one `FATAL: unsupported frontend protocol` in the server's log. That StartupMessage of a
protocol version that does not exist is refused before any user name is looked at; it carries
none. It is asked because the byte S or N alone could be said by anything.
"""

from __future__ import annotations

import re
from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, StartTls, Turn

SSL_REQUEST: Final = (8).to_bytes(4) + (80_877_103).to_bytes(4)
# Protocol 255.0 with an empty list of parameters: length, version, terminator.
STARTUP_255: Final = (9).to_bytes(4) + (255 << 16).to_bytes(4) + b"\0"
_SEVERITY: Final = (b"S", b"V")
"""Fields of every ErrorResponse: the severity, localised and not (the latter since 9.6)."""


class Postgresql:
    """Ask for TLS, take it up where offered, then provoke the version error."""

    name = "postgresql"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (5432, 5433, 6432)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise PostgreSQL by S or N to SSLRequest and a well-formed ErrorResponse after it.

        Attributes: `tls` (`offered`, `not offered`), `protocol` (what the server says it
        supports, as `3.0 to 3.0`), `error` (the SQLSTATE of the refusal).
        """
        # One byte more than the answer has: a peer that says more is something else.
        answer = yield Turn(SSL_REQUEST, limit=2)
        if answer not in {b"S", b"N"}:
            return None
        facts = (yield StartTls(context.server_name)) if answer == b"S" else None
        if answer == b"S" and facts is None:
            return None
        fields = _error_fields((yield Turn(STARTUP_255, limit=2_048)))
        if fields is None:
            return None
        attributes = {"tls": "offered" if facts else "not offered", **_attributes(fields)}
        return Service("postgresql", "", attributes, tls=facts)


def _error_fields(message: bytes) -> dict[bytes, bytes] | None:
    """Read an ErrorResponse: E, length, then fields of one type byte and text, each ended by NUL."""
    if message[:1] != b"E" or int.from_bytes(message[1:5]) != len(message) - 1:
        return None
    fields = {field[:1]: field[1:] for field in message[5:].split(b"\0") if field}
    return fields if any(kind in fields for kind in _SEVERITY) and b"M" in fields else None


def _attributes(fields: dict[bytes, bytes]) -> dict[str, str]:
    attributes = {}
    if found := re.search(rb"supports (\d+\.\d+ to \d+\.\d+)", fields[b"M"]):
        attributes["protocol"] = found[1].decode()
    if re.fullmatch(rb"[0-9A-Z]{5}", fields.get(b"C", b"")):
        attributes["error"] = fields[b"C"].decode()
    return attributes
