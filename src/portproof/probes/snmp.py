"""SNMP: an agent that tells strangers what the machine is, or at least that it is there.

Source: RFC 3416 §3 (messages and PDUs of version 2), RFC 1157 §4.1 (of version 1), RFC 3418 §2
(sysDescr), RFC 3412 §6 and RFC 3414 §4 (version 3: discovery of the engine), RFC 3411 §5 (its id).
Safety: one read of the system's description with the community `public` and no other one, and one
discovery that needs no name. Nothing is set; an agent may count or trap a wrong community.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.ber import (
    INTEGER,
    NULL,
    OBJECT_ID,
    OCTETS,
    SEQUENCE,
    Element,
    encode,
    integer,
    parse,
)
from portproof.probes.printable import printable

COMMUNITY: Final = b"public"
SYS_DESCR: Final = bytes((0x2B, 6, 1, 2, 1, 1, 1, 0))  # 1.3.6.1.2.1.1.1.0
GET: Final = 0xA0
RESPONSE: Final = 0xA2
VERSIONS: Final = {"1": 0, "2c": 1, "3": 3}
LARGEST_MESSAGE: Final = 65_507
REPORTABLE: Final = b"\4"
USER_SECURITY: Final = 3
ENGINE_ID: Final = range(5, 33)
"""How many bytes it has (RFC 3411 §5)."""
ENTERPRISE: Final = 0x7FFFFFFF
"""The first four bytes without the first bit are the maker's number at IANA."""
COMMUNITY_PARTS: Final = 3
PDU_PARTS: Final = 4
V3_PARTS: Final = 4


class Snmp:
    """Read sysDescr as `public`; ask who is there without a name, if that is not answered."""

    name = "snmp"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (161,)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise SNMP by a response with our request id, or a report with our message id.

        Attributes: `version` (`2c`, `1`, `3`); with a community `community` (`public`), with version
        3 `engine_id` (hexadecimal) and `enterprise` (the maker's number).
        """
        number = int.from_bytes(context.nonce[:4]) >> 1
        described = _description((yield Turn(_get("2c", number))), "2c", number)
        if described is not None:
            return _public("2c", described)
        engine = _engine((yield Turn(_discovery(number))), number)
        if engine is not None:
            maker = str(int.from_bytes(engine[:4]) & ENTERPRISE)
            facts = {"version": "3", "engine_id": engine.hex(), "enterprise": maker}
            return Service("snmp", attributes=facts)
        described = _description((yield Turn(_get("1", number))), "1", number)
        return None if described is None else _public("1", described)


def _public(version: str, description: str) -> Service:
    facts = {"version": version, "community": COMMUNITY.decode()}
    return Service("snmp", description, facts)


def _get(version: str, number: int) -> bytes:
    asked = encode(SEQUENCE, encode(SEQUENCE, encode(OBJECT_ID, SYS_DESCR), encode(NULL)))
    pdu = encode(GET, integer(number), integer(0), integer(0), asked)
    return encode(SEQUENCE, integer(VERSIONS[version]), encode(OCTETS, COMMUNITY), pdu)


def _discovery(number: int) -> bytes:
    header = encode(
        SEQUENCE,
        integer(number),
        integer(LARGEST_MESSAGE),
        encode(OCTETS, REPORTABLE),
        integer(USER_SECURITY),
    )
    nothing = encode(OCTETS)
    security = encode(SEQUENCE, nothing, integer(0), integer(0), nothing, nothing, nothing)
    pdu = encode(GET, integer(number), integer(0), integer(0), encode(SEQUENCE))
    scoped = encode(SEQUENCE, nothing, nothing, pdu)
    return encode(SEQUENCE, integer(VERSIONS["3"]), header, encode(OCTETS, security), scoped)


def _description(reply: bytes, version: str, number: int) -> str | None:
    """Read what a response to our request tells; None when it is none, "" when it holds no text."""
    message = _message(reply, version)
    if len(message) != COMMUNITY_PARTS or message[2].tag != RESPONSE:
        return None
    pdu = message[2].parts()
    if len(pdu) != PDU_PARTS or pdu[0].tag != INTEGER or pdu[0].number != number:
        return None
    values = [part for pair in pdu[3].parts() for part in pair.parts()]
    texts = [part.contents for part in values if part.tag == OCTETS]
    return printable(texts[0]) if texts else ""


def _engine(reply: bytes, number: int) -> bytes | None:
    """Read the engine's id from an answer to our discovery; None when it is none."""
    message = _message(reply, "3")
    if len(message) != V3_PARTS or message[2].tag != OCTETS:
        return None
    header, security = message[1].parts(), message[2].parts()
    if not header or header[0].tag != INTEGER or header[0].number != number or not security:
        return None
    held = security[0].parts()
    if not held or held[0].tag != OCTETS or len(held[0].contents) not in ENGINE_ID:
        return None
    return held[0].contents


def _message(reply: bytes, version: str) -> tuple[Element, ...]:
    """Give the parts of a message of that version; empty when it is none."""
    whole = parse(reply)
    if len(whole) != 1 or whole[0].tag != SEQUENCE:
        return ()
    parts = whole[0].parts()
    if not parts or parts[0].tag != INTEGER or parts[0].number != VERSIONS[version]:
        return ()
    return parts
