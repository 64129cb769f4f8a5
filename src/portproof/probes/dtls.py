"""DTLS: TLS over datagrams, as VPNs, CoAP and telephony use it.

Source: RFC 6347 §4.1 (records), §4.2.1 (a HelloVerifyRequest repeats the sequence number of the
ClientHello's record), §4.2.2 (handshake messages); RFC 5246 §7.2 (alerts), §7.4.1.4 (extensions).
Safety: one ClientHello. A server that asks for a cookie, as all should, keeps nothing of it; another
one drops the handshake after its time-out. Such a one can be used to amplify, and is told apart.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn

HANDSHAKE: Final = 22
ALERT: Final = 21
CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
HELLO_VERIFY: Final = 3
DTLS_1_0: Final = b"\xfe\xff"
DTLS_1_2: Final = b"\xfe\xfd"
RECORD: Final = 13
"""Type, version, epoch, sequence number, length."""
MESSAGE: Final = 12
"""Type, length, message number, and the offset and length of the fragment."""
COOKIE: Final = MESSAGE + 2
"""Where a HelloVerifyRequest has the length of its cookie, behind the version."""
ALERT_SIZE: Final = 2
ALERT_LEVELS: Final = (1, 2)
# ECDHE and RSA with AES, GCM before CBC (RFC 5289, RFC 5288, RFC 5246), and pre-shared keys with CCM
# (RFC 6655), which is what CoAP has (RFC 7252 §9.1.3.1).
SUITES: Final = bytes.fromhex("c02bc02fc02cc030c009c013009c009d002f0035c0aec0a8")
# supported_groups x25519, P-256, P-384; ec_point_formats uncompressed; signature_algorithms with
# ECDSA, RSA-PSS and RSA over SHA-256 and SHA-384.
EXTENSIONS: Final = bytes.fromhex(
    "000a00080006001d00170018000b00020100000d000e000c040305030804080504010501"
)


class Dtls:
    """Say hello; the demand for a cookie repeats our record's number, or begins at 0 (OpenSSL)."""

    name = "dtls"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (5684, 4433)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise DTLS by a HelloVerifyRequest for our record, a ServerHello, or an alert.

        Attributes: `cookie` (`required`, `not required`), or `alert` (its number).
        """
        # Two zero bytes first: the number may only grow, and has room to.
        sequence = b"\0\0" + context.nonce[:4]
        reply = yield Turn(_hello(sequence, context.nonce + context.nonce[::-1]))
        kind, body = reply[:1], reply[RECORD:]
        size = int.from_bytes(reply[11:RECORD])
        if (
            reply[1:3] not in (DTLS_1_0, DTLS_1_2)
            or reply[3:5] != b"\0\0"
            or not 0 < size <= len(body)
        ):
            return None
        if kind == bytes([HANDSHAKE]) and reply[5:11] in (sequence, bytes(6)):
            return _of_handshake(body[:size])
        if kind == bytes([ALERT]) and size == ALERT_SIZE and body[0] in ALERT_LEVELS:
            return Service("dtls", attributes={"alert": str(body[1])})
        return None


def _of_handshake(message: bytes) -> Service | None:
    """Tell a demand for a cookie, whole as it has to be, from a ServerHello without one."""
    size, fragment = message[1:4], message[9:MESSAGE]
    if len(message) <= COOKIE or size != fragment:
        return None
    if message[0] == SERVER_HELLO:
        return Service("dtls", attributes={"cookie": "not required"})
    whole = len(message) == MESSAGE + int.from_bytes(size) == COOKIE + 1 + message[COOKIE]
    if message[0] == HELLO_VERIFY and whole:
        return Service("dtls", attributes={"cookie": "required"})
    return None


def _hello(sequence: bytes, random: bytes) -> bytes:
    body = DTLS_1_2 + random + b"\0\0" + len(SUITES).to_bytes(2) + SUITES + b"\1\0"
    body += len(EXTENSIONS).to_bytes(2) + EXTENSIONS
    size = len(body).to_bytes(3)
    # Message number 0, in one fragment: its offset is 0 and its length the whole.
    message = bytes([CLIENT_HELLO]) + size + b"\0\0" + b"\0\0\0" + size + body
    return bytes([HANDSHAKE]) + DTLS_1_0 + b"\0\0" + sequence + len(message).to_bytes(2) + message
