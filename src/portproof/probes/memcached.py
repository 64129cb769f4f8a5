"""memcached over UDP: open to everybody, and the strongest amplifier there is.

Source: memcached's documentation of its protocol, doc/protocol.txt: "UDP protocol" (a header of
request id, sequence number, total of datagrams, and two reserved bytes) and "version".
Safety: one question for the version, whose answer is hardly longer; no key is read.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn
from portproof.probes.printable import printable

# Datagram 0 of 1, and the reserved bytes.
REST_OF_HEADER: Final = b"\0\0" + b"\0\1" + b"\0\0"
HEADER: Final = 8
ANSWER: Final = b"VERSION "
END: Final = b"\r\n"


class MemcachedUdp:
    """Ask for the version with a random request id, which the answer repeats."""

    name = "memcached"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (11211,)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise memcached by VERSION behind our request id. Attributes: `auth` (`none`)."""
        request = context.nonce[:2]
        reply = yield Turn(request + REST_OF_HEADER + b"version" + END)
        said = reply[HEADER:]
        if reply[:2] != request or not said.startswith(ANSWER) or not said.endswith(END):
            return None
        version = printable(said[len(ANSWER) : -len(END)])
        return Service("memcached", f"memcached {version}", {"auth": "none"})
