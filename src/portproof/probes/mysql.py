"""MySQL and MariaDB: the greeting packet, or the error that stands in its place.

Source: MySQL Internals, "Connection Phase: Protocol::HandshakeV10" and "ERR_Packet"; MariaDB
Knowledge Base, "Connecting: Initial handshake packet". Nothing is sent.
Safety: each visit that ends after the greeting counts as an aborted connect; after 100 in a row
(`max_connect_errors`) the server blocks our address. So a port gets one visit per scan at most.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.printable import printable

LONGEST_GREETING: Final = 1_024
PROTOCOL_10: Final = 0x0A
ERROR: Final = 0xFF
CLIENT_SSL: Final = 0x0800
LONGEST_VERSION: Final = 100
# MariaDB 10 and 11.0 greet as "5.5.5-10.11.19-MariaDB": old replicas read no first digit above 5.
REPLICATION_PREFIX: Final = "5.5.5-"


class Mysql:
    """Listen for the greeting; it tells version, TLS and log-in method."""

    name = "mysql"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (3306,)
    speaks_first = True

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise MySQL by a packet numbered 0 that holds a HandshakeV10 or an ERR.

        Attributes: `tls` (`offered`, `not offered`), `auth_plugin`; or `error`, the number in
        place of a greeting (1130: our address is not allowed, 1129: blocked).
        """
        header = yield Turn(size=4)
        length = int.from_bytes(header[:3], "little")
        if len(header) < 4 or header[3] != 0 or not 0 < length <= LONGEST_GREETING:  # noqa: PLR2004
            return None
        packet = yield Turn(size=length)
        if len(packet) != length:
            return None
        return _greeting(packet) if packet[0] == PROTOCOL_10 else _refusal(packet)


def _greeting(packet: bytes) -> Service | None:
    version, nul, rest = packet[1:].partition(b"\0")
    # Thread id 4, scramble 8, filler 1 (always 0), capabilities 2, character set 1, status 2.
    if not nul or not 0 < len(version) <= LONGEST_VERSION or len(rest) < 15 or rest[12] != 0:  # noqa: PLR2004
        return None
    offers_tls = int.from_bytes(rest[13:15], "little") & CLIENT_SSL
    attributes = {"tls": "offered" if offers_tls else "not offered"}
    # Upper capabilities 2, scramble length 1, reserved 10, second scramble of at least 13 bytes.
    scramble = max(13, rest[20] - 8) if len(rest) > 20 else 13  # noqa: PLR2004
    if plugin := printable(rest[31 + scramble :].partition(b"\0")[0]):
        attributes["auth_plugin"] = plugin
    return Service("mysql", _product(printable(version)), attributes)


def _product(version: str) -> str:
    if "mariadb" in version.lower():
        return f"MariaDB {version.removeprefix(REPLICATION_PREFIX)}"
    return f"MySQL {version}"


def _refusal(packet: bytes) -> Service | None:
    code = int.from_bytes(packet[1:3], "little")
    # Server errors are numbered from 1000 (MySQL Server Error Message Reference).
    if packet[0] != ERROR or not 1_000 <= code < 10_000:  # noqa: PLR2004
        return None
    return Service("mysql", "MariaDB" if b"MariaDB" in packet else "", {"error": str(code)})
