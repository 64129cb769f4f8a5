"""DNS: is it there, does it resolve names for strangers, and what does it call itself.

Source: RFC 1035 §4.1 (messages), RFC 5452 §9.1 (a response must repeat id and question),
RFC 4892 §2 (the convention of version.bind in class CHAOS).
Safety: two questions that any resolver asks: the name servers of the root, and the version.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.printable import printable

HEADER: Final = 12
RESPONSE: Final = 0x8000
OPCODE: Final = 0x7800
RECURSION_DESIRED: Final = 0x0100
RECURSION_AVAILABLE: Final = 0x0080
RCODE: Final = 0x000F
REFUSED: Final = 5
POINTER: Final = 0xC0
"""The two high bits of a length byte: the name goes on elsewhere (RFC 1035 §4.1.4)."""
_ONE_QUESTION: Final = RECURSION_DESIRED.to_bytes(2) + b"\0\1" + bytes(6)
"""The header after the id: flags, and the four counts (RFC 1035 §4.1.1)."""
TYPE_TXT: Final = 16
# Name, type, class: `.` NS IN, and version.bind TXT CH.
ROOT_NS: Final = b"\0" + (2).to_bytes(2) + (1).to_bytes(2)
VERSION_BIND: Final = b"\7version\4bind\0" + TYPE_TXT.to_bytes(2) + (3).to_bytes(2)


class Dns:
    """Ask for the root's name servers with recursion desired, then for the version."""

    name = "dns"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (53,)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise DNS by a response that carries our id and question.

        Attributes: `recursion` (`offered`, `refused`, `unknown` when only the version was
        answered), `rcode`. BIND clears RA in class CHAOS, dnsmasq sets RA and refuses all the
        same: so recursion is read from the IN answer, both the bit and the code.
        """
        ids = context.nonce[:2], context.nonce[2:4]
        root = _parse((yield Turn(_query(ids[0], ROOT_NS))), ids[0], ROOT_NS)
        version = _parse((yield Turn(_query(ids[1], VERSION_BIND))), ids[1], VERSION_BIND)
        if root is None and version is None:
            return None
        attributes = {"recursion": "unknown"}
        if root is not None:
            offered = root.flags & RECURSION_AVAILABLE and root.rcode != REFUSED
            attributes = {
                "recursion": "offered" if offered else "refused",
                "rcode": str(root.rcode),
            }
        return Service("dns", _text(version) if version else "", attributes)


class _Response(NamedTuple):
    flags: int
    answers: int
    rest: bytes
    """What follows the question."""

    @property
    def rcode(self) -> int:
        return self.flags & RCODE


def _query(message_id: bytes, question: bytes) -> bytes:
    return message_id + _ONE_QUESTION + question


def _parse(reply: bytes, message_id: bytes, question: bytes) -> _Response | None:
    """Read a response to that question; None for anything else, our own question sent back too."""
    if len(reply) < HEADER or reply[:2] != message_id:
        return None
    flags = int.from_bytes(reply[2:4])
    if not flags & RESPONSE or flags & OPCODE:
        return None
    asked = int.from_bytes(reply[4:6])
    body = reply[HEADER:]
    # A server that could not read the question may leave it out (RFC 1035 §4.1.1, format error).
    if asked == 0 and flags & RCODE:
        return _Response(flags, 0, body)
    if asked != 1 or body[: len(question)].lower() != question.lower():
        return None
    return _Response(flags, int.from_bytes(reply[6:8]), body[len(question) :])


def _text(version: _Response) -> str:
    """Give the first string of the first answer when it is a TXT record; empty otherwise."""
    if version.rcode or not version.answers:
        return ""
    record = _skip_name(version.rest)
    # Type 2, class 2, TTL 4, length 2, then strings of one length byte each.
    if int.from_bytes(record[:2]) != TYPE_TXT or len(record) <= 10:  # noqa: PLR2004
        return ""
    return printable(record[11 : 11 + record[10]])


def _skip_name(body: bytes) -> bytes:
    position = 0
    while position < len(body) and body[position]:
        if body[position] >= POINTER:
            return body[position + 2 :]
        position += 1 + body[position]
    return body[position + 1 :]
