"""SSH: the server's identification line, and the algorithms it offers.

Source: RFC 4253 §4.2 (identification: `SSH-protoversion-softwareversion SP comments`, other lines
may come before it), §6 (binary packet), §7.1 (SSH_MSG_KEXINIT).
Safety: the server logs a connection that was closed before authentication, without a user name;
OpenSSH 9.8 and later delay a source that does so many times in a row (PerSourcePenalties).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.printable import printable

OWN_LINE: Final = b"SSH-2.0-portproof\r\n"
LONGEST_LINE: Final = 255
"""RFC 4253 §4.2: the identification line, CR and LF included."""
MOST_LINES_BEFORE: Final = 16
LONGEST_PACKET: Final = 35_000
"""RFC 4253 §6.1: what every implementation must be able to process."""
KEXINIT: Final = 20
LONGEST_LIST: Final = 1_000
"""Characters kept of a list of algorithm names; OpenSSH's longest has 300."""
NAME_LISTS: Final = (
    "kex_algorithms",
    "host_key_algorithms",
    None,  # encryption client to server: the same as the other way round in every known server
    "ciphers",
    None,
    "macs",
)


class Ssh:
    """Read the greeting; then say who we are, and read which algorithms the server offers."""

    name = "ssh"
    transport = Transport.TCP
    default_ports: tuple[int, ...] = (22, 2222)
    speaks_first = True

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise SSH by its identification line; attributes `protocol` and the algorithms."""
        line = yield from _identification()
        if line is None:
            return None
        version, _, software = line.removeprefix(b"SSH-").partition(b"-")
        attributes = {"protocol": printable(version)}
        if version in {b"2.0", b"1.99"}:
            packet = yield from _first_packet()
            attributes.update(_algorithms(packet))
        return Service("ssh", printable(software), attributes)


def _identification() -> Generator[Turn, Any, bytes | None]:
    # Four bytes tell most other greetings apart without waiting for a line that may never end.
    head: bytes = yield Turn(size=4)
    if len(head) < 4 or not head.isascii() or head[:3].isdigit():  # noqa: PLR2004 - as asked
        return None
    line: bytes = head + (yield Turn(until=b"\n", limit=LONGEST_LINE - len(head)))
    for _ in range(MOST_LINES_BEFORE):
        if line.startswith(b"SSH-"):
            return line.rstrip(b"\r\n")
        if not line or not printable(line).isascii():
            return None
        line = yield Turn(until=b"\n", limit=LONGEST_LINE)
    return None


def _first_packet() -> Generator[Turn, Any, bytes]:
    length = int.from_bytes((yield Turn(OWN_LINE, size=4)))
    if not 0 < length <= LONGEST_PACKET:
        return b""
    packet: bytes = yield Turn(size=length, limit=length)
    return packet


def _algorithms(packet: bytes) -> Mapping[str, str]:
    """Read the name-lists of a KEXINIT (padding length, type, 16 bytes of cookie come first)."""
    if packet[1:2] != bytes([KEXINIT]):
        return {}
    found = {}
    position = 18
    for name in NAME_LISTS:
        length = int.from_bytes(packet[position : position + 4])
        names = packet[position + 4 : position + 4 + length]
        position += 4 + length
        if name and names:
            found[name] = printable(names, limit=LONGEST_LIST)
    return found
