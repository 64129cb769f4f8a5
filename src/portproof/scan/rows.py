"""Outcomes on their way from an engine into columns.

An engine appends one small tuple per outcome; every few thousand, or four times a second, they
become an `OutcomeBatch`. A verdict travels as its place in `VERDICTS`, so that turning it into the
columns `state`, `reason` and `fault` is a look-up over the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import chain, product
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from portproof.model.batch import FAULTS, NO_RTT, NONE, REASONS, STATES, TRANSPORTS, OutcomeBatch
from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault
from portproof.scan.classify import Verdict

Row: TypeAlias = tuple[int, int, int, int, float]
"""Probe (host index · 65536 + port), verdict code, RTT in µs or NO_RTT, attempts, sent (s)."""
_COLUMNS: Final = 5

VERDICTS: Final[tuple[Verdict, ...]] = (*product(STATES, REASONS), *FAULTS)
CODES: Final[dict[Verdict, int]] = {verdict: code for code, verdict in enumerate(VERDICTS)}

_OBSERVED: Final = len(STATES) * len(REASONS)
_CODE = np.arange(len(VERDICTS))
_STATE: Final = np.where(_CODE < _OBSERVED, _CODE // len(REASONS), NONE).astype(np.uint8)
_REASON: Final = np.where(_CODE < _OBSERVED, _CODE % len(REASONS), NONE).astype(np.uint8)
_FAULT: Final = np.where(_CODE < _OBSERVED, NONE, _CODE - _OBSERVED).astype(np.uint8)

_MOST_ATTEMPTS: Final = 255
_LONGEST_RTT_US: Final = 2**31 - 1


def batch_of(rows: list[Row], transport: Transport, *, began: float) -> OutcomeBatch:
    """Turn rows of one transport into columns; `began` is the run's start in the rows' seconds."""
    # Every number here is an integer below 2^53 or a time, so floats carry them all exactly.
    size = len(rows) * _COLUMNS
    numbers = np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=size)
    table = numbers.reshape(len(rows), _COLUMNS)
    probe, code = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return OutcomeBatch(
        host=(probe >> 16).astype(np.uint32),
        port=(probe & 0xFFFF).astype(np.uint16),
        transport=np.full(len(rows), TRANSPORTS.index(transport), dtype=np.uint8),
        state=_STATE[code],
        reason=_REASON[code],
        fault=_FAULT[code],
        rtt_us=np.minimum(table[:, 2], _LONGEST_RTT_US).astype(np.int32),
        attempts=np.minimum(table[:, 3], _MOST_ATTEMPTS).astype(np.uint8),
        sent_ms=np.maximum((table[:, 4] - began) * 1000.0, 0.0).astype(np.uint32),
    )


def joined(batches: Sequence[OutcomeBatch]) -> OutcomeBatch:
    """Put batches into one; at least one has to be given."""
    return OutcomeBatch(
        **{
            column.name: np.concatenate([getattr(each, column.name) for each in batches])
            for column in fields(OutcomeBatch)
        }
    )


def as_fault(batch: OutcomeBatch, fault: LocalFault) -> OutcomeBatch:
    """Give the same endpoints as Unmeasured: what was seen of them is not to be claimed."""
    size = len(batch)
    return replace(
        batch,
        state=np.full(size, NONE, dtype=np.uint8),
        reason=np.full(size, NONE, dtype=np.uint8),
        fault=np.full(size, FAULTS.index(fault), dtype=np.uint8),
        rtt_us=np.full(size, NO_RTT, dtype=np.int32),
    )


def codes_of(batch: OutcomeBatch) -> NDArray[np.int64]:
    """Give each row's verdict as its place in `VERDICTS`."""
    observed = batch.state.astype(np.int64) * len(REASONS) + batch.reason
    return np.where(batch.fault == NONE, observed, batch.fault.astype(np.int64) + _OBSERVED)
