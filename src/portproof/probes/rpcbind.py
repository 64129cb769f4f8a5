"""rpcbind: the directory of a machine's RPC programs, readable by strangers.

Source: RFC 5531 §9 (call and reply messages), RFC 1833 §3 (the port mapper, version 2; DUMP).
Safety: one read of the list, as `rpcinfo -p` does; nothing is registered or called through it.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.observation import Service
from portproof.model.probe import Dialogue, ProbeContext, Turn

CALL: Final = 0
REPLY: Final = 1
ACCEPTED: Final = 0
RPC_VERSION: Final = 2
PORT_MAPPER: Final = 100_000
MAPPER_VERSION: Final = 2
DUMP: Final = 4
WORD: Final = 4
ENTRY_WORDS: Final = 5
"""More follows (1), program, version, protocol, port."""
MOST_PROGRAMS: Final = 32
NO_AUTHENTICATION: Final = bytes(8)


class Rpcbind:
    """Ask for the list of programs with a random transaction id, which the reply repeats."""

    name = "rpcbind"
    transport = Transport.UDP
    default_ports: tuple[int, ...] = (111,)
    speaks_first = False

    def dialogue(self, context: ProbeContext) -> Dialogue:
        """Recognise the port mapper by a reply with our transaction id.

        Attributes: `list` (`readable`, `refused`) and `programs` (their numbers) where it is readable.
        """
        transaction = context.nonce[:WORD]
        call = _words(CALL, RPC_VERSION, PORT_MAPPER, MAPPER_VERSION, DUMP)
        reply = yield Turn(transaction + call + 2 * NO_AUTHENTICATION)
        if reply[:WORD] != transaction or len(reply) < 3 * WORD or _word(reply, 1) != REPLY:
            return None
        # Accepted, an empty verifier, and success; else the version or the caller was refused.
        if len(reply) < 6 * WORD or any(_word(reply, place) for place in (2, 5)):
            return Service("rpcbind", attributes={"list": "refused"})
        programs = sorted(_programs(reply[6 * WORD :]))
        told = ",".join(map(str, programs[:MOST_PROGRAMS]))
        return Service("rpcbind", attributes={"list": "readable", "programs": told})


def _programs(body: bytes) -> set[int]:
    """Give the program numbers of the list, as far as it came."""
    found = set()
    size = ENTRY_WORDS * WORD
    for at in range(0, len(body) - size + 1, size):
        if not _word(body[at:], 0):
            break
        found.add(_word(body[at:], 1))
    return found


def _word(message: bytes, place: int) -> int:
    return int.from_bytes(message[place * WORD : (place + 1) * WORD])


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(WORD) for number in numbers)
