"""NTP: a server that tells the time, and how far it is from a reference clock.

Source: RFC 5905 §7.3 (packet header), §8 (a reply repeats our transmit time-stamp as its origin),
§7.4 (stratum 0 is a kiss-o'-death, whose reference id says why).
Safety: one ordinary client request; no mode 6 or 7.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.printable import printable

PACKET: Final = 48
CLIENT_V4: Final = 0x23
"""Leap 0, version 4, mode 3 (client)."""
MODE: Final = 0x07
SERVER: Final = 4
UNSYNCHRONISED: Final = 3
ZEROS_BEFORE_TRANSMIT: Final = 39


class Ntp:
    """Ask for the time with a random transmit time-stamp, which only a true answer repeats."""

    name = "ntp"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (123,)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise NTP by mode 4 and our time-stamp as origin.

        Attributes: `version`, `stratum`, `synchronised` (`yes`, `no`), and `kiss` at stratum 0.
        """
        transmit = context.nonce[:8]
        reply = yield Turn(bytes([CLIENT_V4]) + bytes(ZEROS_BEFORE_TRANSMIT) + transmit)
        if len(reply) < PACKET or reply[0] & MODE != SERVER or reply[24:32] != transmit:
            return None
        stratum = reply[1]
        leap = reply[0] >> 6
        attributes = {
            "version": str(reply[0] >> 3 & MODE),
            "stratum": str(stratum),
            "synchronised": "no" if leap == UNSYNCHRONISED or stratum == 0 else "yes",
        }
        if stratum == 0:
            attributes["kiss"] = printable(reply[12:16])
        return Service("ntp", attributes=attributes)
