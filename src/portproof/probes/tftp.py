"""TFTP: files for whoever asks, without a login.

Source: RFC 1350 §4 (a server answers from a port of its own), §5 (packets: RRQ, DATA, ERROR).
Safety: one read request for a name that no file has; the server may log it as not found. Should one
be sent all the same, the transfer is ended at once (RFC 1350 §7).
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.printable import printable

RRQ: Final = b"\0\1"
DATA: Final = b"\0\3"
ERROR: Final = b"\0\5"
OCTET: Final = b"\0octet\0"
HEADER: Final = 4
STOP: Final = ERROR + b"\0\0not wanted\0"
MOST_CODES: Final = 9
"""RFC 1350 §5 defines the error codes 0 to 7, RFC 2347 adds 8."""


class Tftp:
    """Ask for a file with a random name; the refusal names the protocol."""

    name = "tftp"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (69,)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise TFTP by an ERROR, or by the first block of a file that should not be there.

        Attributes: `error` (its number) and `message`, or `sent`: `any file`.
        """
        name = b"portproof-" + context.nonce.hex().encode()
        reply = yield Turn(RRQ + name + OCTET, any_port=True)
        if reply.startswith(DATA + b"\0\1"):
            yield Turn(STOP, any_port=True)
            return Service("tftp", attributes={"sent": "any file"})
        code = int.from_bytes(reply[2:HEADER])
        if len(reply) <= HEADER or not reply.startswith(ERROR) or code >= MOST_CODES:
            return None
        if not reply.endswith(b"\0"):
            return None
        message = printable(reply[HEADER:-1])
        return Service("tftp", attributes={"error": str(code), "message": message})
