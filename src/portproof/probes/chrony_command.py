"""chrony's command port: a time server that takes questions about itself from strangers.

Source: chrony's documentation of `cmdallow` and `cmdport` (chrony.conf(5)), and its specification of
the packets, candm.h: protocol version 6, request 14 asks how many sources there are.
Safety: one question that changes nothing, padded to the length of its answer, so that it cannot be
used to amplify. Without `cmdallow` a server answers only itself.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn

VERSION: Final = 6
REQUEST: Final = 1
REPLY: Final = 2
COUNT_SOURCES: Final = (14).to_bytes(2)
HEADER: Final = 28
"""Of a reply; the number of sources follows."""
ANSWER: Final = HEADER + 4


class ChronyCommand:
    """Ask how many sources the server has, with a random sequence number."""

    name = "chrony-command"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (323,)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise chronyd by a reply with our command and sequence number.

        Attributes: `status` (0: we may ask, 2: we may not), and `sources` when it is 0.
        """
        sequence = context.nonce[:4]
        # Attempt 0, the sequence number, and padding.
        question = bytes([VERSION, REQUEST, 0, 0]) + COUNT_SOURCES + b"\0\0" + sequence
        reply = yield Turn(question.ljust(ANSWER, b"\0"))
        if len(reply) < HEADER or reply[:2] != bytes([VERSION, REPLY]):
            return None
        if reply[4:6] != COUNT_SOURCES or reply[16:20] != sequence:
            return None
        status = int.from_bytes(reply[8:10])
        facts = {"status": str(status)}
        if status == 0 and len(reply) >= ANSWER:
            facts["sources"] = str(int.from_bytes(reply[HEADER:ANSWER]))
        return Service("chrony-command", attributes=facts)
