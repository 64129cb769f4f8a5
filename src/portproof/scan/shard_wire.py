"""What a worker tells its parent: frames of refusals and outcome columns, over a pipe.

    rows, bytes of refusals, probes sent again, whether it is the last  │  refusals  │  columns
    (`_HEADER`)                                                            (JSON)       (raw)

The columns are those of `OutcomeBatch`, one after the other, as they lie in memory: both ends are
one program on one machine. A frame without rows says that the worker is alive.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from ipaddress import ip_address
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from portproof.model.batch import OutcomeBatch
from portproof.scan.classify import IcmpError

Refusal: TypeAlias = tuple[int, int, IcmpError | None]
"""Probe number, errno, and the ICMP error it met, if any."""

_HEADER: Final = struct.Struct("=III?")
_TYPES: Final[dict[str, DTypeLike]] = {
    "host": np.uint32,
    "port": np.uint16,
    "transport": np.uint8,
    "state": np.uint8,
    "reason": np.uint8,
    "fault": np.uint8,
    "rtt_us": np.int32,
    "attempts": np.uint8,
    "sent_ms": np.uint32,
}
_COLUMNS: Final = tuple((each.name, np.dtype(_TYPES[each.name])) for each in fields(OutcomeBatch))
_ROW_SIZE: Final = sum(dtype.itemsize for _, dtype in _COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message of a worker."""

    batch: OutcomeBatch
    refusals: tuple[Refusal, ...]
    """What its probes met, told before the batch that their endpoints are in, or with it."""
    retransmitted: int
    """Since the worker began."""
    last: bool
    """Whether the worker has come to its end, or was stopped."""

    def packed(self) -> bytes:
        """Give the frame as it goes over the pipe."""
        refusals = json.dumps([_told(*each) for each in self.refusals]).encode()
        head = _HEADER.pack(len(self.batch), len(refusals), self.retransmitted, self.last)
        columns = (getattr(self.batch, name).astype(dtype, copy=False) for name, dtype in _COLUMNS)
        return b"".join((head, refusals, *(each.tobytes() for each in columns)))


def frames_in(received: bytearray) -> Iterator[Frame]:
    """Take the frames that are complete out of what was received."""
    while len(received) >= _HEADER.size:
        rows, refusals_size, retransmitted, last = _HEADER.unpack_from(received)
        begin = _HEADER.size + refusals_size
        end = begin + rows * _ROW_SIZE
        if len(received) < end:
            return
        body = bytes(received[:end])
        del received[:end]
        yield Frame(
            batch=_columns_of(body, begin, rows),
            refusals=tuple(_heard(*each) for each in json.loads(body[_HEADER.size : begin])),
            retransmitted=retransmitted,
            last=last,
        )


def empty_batch() -> OutcomeBatch:
    """Give a batch without rows."""
    return OutcomeBatch(**{name: np.zeros(0, dtype=dtype) for name, dtype in _COLUMNS})


def _columns_of(body: bytes, offset: int, rows: int) -> OutcomeBatch:
    columns = {}
    for name, dtype in _COLUMNS:
        columns[name] = np.frombuffer(body, dtype, rows, offset)
        offset += rows * dtype.itemsize
    return OutcomeBatch(**columns)


def _told(probe: int, errno: int, icmp: IcmpError | None) -> list[object]:
    if icmp is None:
        return [probe, errno, None]
    offender = None if icmp.offender is None else str(icmp.offender)
    told = [icmp.version, icmp.icmp_type, icmp.code, offender, icmp.local, icmp.errno]
    return [probe, errno, told]


def _heard(
    probe: int, errno: int, told: tuple[int, int, int, str | None, bool, int] | None
) -> Refusal:
    if told is None:
        return probe, errno, None
    version, icmp_type, code, offender, local, icmp_errno = told
    address = None if offender is None else ip_address(offender)
    return probe, errno, IcmpError(version, icmp_type, code, address, local, icmp_errno)
