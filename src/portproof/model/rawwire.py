"""What the raw helper and its parent say to each other: frames on a stream socket, both ways.

    parent ─► PLAN ─────────────────────────────► helper     limits, paths, neighbours that are known
           ◄───────────────────────────── READY ◄           its source ports
           ─► ASK_V4 / ASK_V6, block by block ──►           what to probe
           ◄───────────────── ENDED / ENDED_ICMP ◄           what came of it, in any order
           ─► STOP ─────────────────────────────►            where the run ends before its time
           ◄────────────────────── DONE / FAILED ◄           and the stream ends

A parent that has all its outcomes just closes the stream.

A frame is its payload's length (32 bits, little endian), its kind and the version of this protocol
(8 bits each), then the payload: a JSON object, or records of one NumPy type. Both ends refuse what
is too long, of another version, of an unknown kind, or no whole number of records.

Probes are named by their *slot*: a block takes `BLOCK_ROWS` slots, block b those from
b · BLOCK_ROWS. The parent chooses a free block for each ASK; it is free again when each of its rows
has ended. So at most `BLOCKS` blocks are under way: that bounds the memory of both processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from portproof.errors import PortproofError

VERSION: Final = 1
BLOCK_BITS: Final = 13
BLOCK_ROWS: Final = 1 << BLOCK_BITS
BLOCKS: Final = 64
SLOTS: Final = BLOCKS * BLOCK_ROWS
LONGEST_PAYLOAD: Final = 1 << 22

_HEADER: Final = Struct("<IBB")


class Kind(IntEnum):
    """What a frame says."""

    PLAN = 1
    READY = 2
    STOP = 3
    """Send nothing more, tell what has come so far, and end."""
    DONE = 4
    FAILED = 5
    """The helper cannot go on; `problem` is one line."""
    ASK_V4 = 16
    ASK_V6 = 17
    ENDED = 18
    ENDED_ICMP = 19


class End(IntEnum):
    """How a probe ended (column `end`)."""

    SYN_ACK = 0
    RESET = 1
    SILENT = 2
    NO_NEIGHBOUR = 3
    """ARP or ND had no answer; nothing was sent."""
    NOT_SENT = 4
    """Sending failed; the errno is in `code`."""
    LATE = 5
    """The time of its host was over before it could be sent, or sent again."""


_ASK_FIELDS: Final[list[tuple[str, str]]] = [
    ("host", "<u4"),
    ("port", "<u2"),
    ("path", "<u2"),
    ("before", "<u1"),
    ("until", "<u1"),
]
ASK_V4: Final = np.dtype([*_ASK_FIELDS, ("address", "<u4")])
"""Host (for the limit per host), port, place in the plan's `paths`, how often it was sent before,
how often it is sent in all while it stays silent, address as a number."""
ASK_V6: Final = np.dtype([*_ASK_FIELDS, ("high", "<u8"), ("low", "<u8")])

_ENDED_FIELDS: Final[list[tuple[str, str]]] = [
    ("slot", "<u4"),
    ("end", "<u1"),
    ("attempts", "<u1"),
    ("code", "<u2"),
    ("rtt_us", "<i4"),
    ("sent_s", "<f8"),
]
ENDED: Final = np.dtype(_ENDED_FIELDS)
"""Slot, `End`, probes sent (at most 255), errno, RTT or -1, when the deciding one left (monotonic)."""
ENDED_ICMP: Final = np.dtype(
    [*_ENDED_FIELDS, ("version", "<u1"), ("type", "<u1"), ("offender", "V16")]
)
"""The same for an ICMP error: `code` is its code; who sent it, 4 or 16 bytes from the left."""

RECORDS: Final[Mapping[Kind, np.dtype[np.void]]] = {
    Kind.ASK_V4: ASK_V4,
    Kind.ASK_V6: ASK_V6,
    Kind.ENDED: ENDED,
    Kind.ENDED_ICMP: ENDED_ICMP,
}
_BLOCK: Final = Struct("<I")
"""Ahead of the records of an ASK: which block they take."""

Records = NDArray[np.void]


class WireError(PortproofError):
    """The other end sent what this protocol does not know; the conversation ends."""


def say(kind: Kind, **facts: Any) -> bytes:
    """Give a control frame; the facts are what JSON can hold."""
    return _framed(kind, json.dumps(facts, separators=(",", ":")).encode())


def ask(kind: Kind, block: int, records: Records) -> bytes:
    """Give the frame that asks for a block's probes."""
    return _framed(kind, _BLOCK.pack(block) + records.tobytes())


def tell(kind: Kind, parts: Iterable[Records]) -> bytes:
    """Give a frame of ended probes, of all parts."""
    return _framed(kind, b"".join(part.tobytes() for part in parts))


def facts_of(payload: bytes) -> dict[str, Any]:
    """Read a control frame.

    Raises:
        WireError: it is not a JSON object.
    """
    try:
        facts = json.loads(payload)
    except ValueError as problem:
        raise WireError(f"a control frame is not JSON: {problem}") from None
    if not isinstance(facts, dict):
        raise WireError("a control frame is not a JSON object")
    return facts


def asked(kind: Kind, payload: bytes) -> tuple[int, Records]:
    """Read a block: its number and its records.

    Raises:
        WireError: no such block, more rows than it holds, or no whole number of them.
    """
    if len(payload) < _BLOCK.size:
        raise WireError("a block has no number")
    block = _BLOCK.unpack_from(payload)[0]
    records = told(kind, payload[_BLOCK.size :])
    if block >= BLOCKS or not 0 < len(records) <= BLOCK_ROWS:
        raise WireError(f"block {block} of {len(records)} rows: there are {BLOCKS} of {BLOCK_ROWS}")
    return block, records


def told(kind: Kind, payload: bytes) -> Records:
    """Read records.

    Raises:
        WireError: they are no whole number of records.
    """
    record = RECORDS[kind]
    if len(payload) % record.itemsize:
        raise WireError(f"{len(payload)} bytes are no whole number of {kind.name} records")
    return np.frombuffer(payload, dtype=record)


class FrameReader:
    """Cuts a stream into frames; feed it what was received."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, received: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Take bytes in and give the frames that are complete.

        Raises:
            WireError: too long a frame, another version, or an unknown kind.
        """
        self._held += received
        while len(self._held) >= _HEADER.size:
            length, kind, version = _HEADER.unpack_from(self._held)
            if version != VERSION:
                raise WireError(f"a frame of version {version}: this is version {VERSION}")
            if length > LONGEST_PAYLOAD:
                raise WireError(f"a frame of {length} bytes: at most {LONGEST_PAYLOAD}")
            if kind not in Kind.__members__.values():
                raise WireError(f"a frame of unknown kind {kind}")
            end = _HEADER.size + length
            if len(self._held) < end:
                return
            payload = bytes(self._held[_HEADER.size : end])
            del self._held[:end]
            yield Kind(kind), payload


def _framed(kind: Kind, payload: bytes) -> bytes:
    return _HEADER.pack(len(payload), kind, VERSION) + payload
