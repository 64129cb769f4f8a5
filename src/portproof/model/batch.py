"""Outcomes by the thousand: NumPy columns with one meaning each.

A sweep of a /16 is millions of outcomes; one object each would cost gigabytes. They travel as
`OutcomeBatch`, are folded into port sets (`model.scan.HostOutcome`), and only what a person may
look at becomes an `Observation`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from portproof.model.endpoint import Transport
from portproof.model.observation import LocalFault, PortState, Reason

TRANSPORTS: tuple[Transport, ...] = tuple(Transport)
STATES: tuple[PortState, ...] = tuple(PortState)
REASONS: tuple[Reason, ...] = tuple(Reason)
FAULTS: tuple[LocalFault, ...] = tuple(LocalFault)

NONE = 255
"""In the `state`, `reason` and `fault` columns: there is none."""
NO_RTT = -1
"""In the `rtt_us` column: nothing came back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutcomeBatch:
    """Columns of equal length; row i is one outcome.

    A row is an observation (state and reason set, fault NONE) or unmeasured (fault set, state and
    reason NONE); never both, never neither.
    """

    host: NDArray[np.uint32]
    """Index into `ScanPlan.hosts`."""
    port: NDArray[np.uint16]
    transport: NDArray[np.uint8]
    """Index into `TRANSPORTS`."""
    state: NDArray[np.uint8]
    """Index into `STATES`, or NONE."""
    reason: NDArray[np.uint8]
    """Index into `REASONS`, or NONE."""
    fault: NDArray[np.uint8]
    """Index into `FAULTS`, or NONE."""
    rtt_us: NDArray[np.int32]
    """Microseconds from the deciding probe to its answer, or NO_RTT."""
    attempts: NDArray[np.uint8]
    """Probes sent, saturating at 255; 0 when none left this machine."""
    sent_ms: NDArray[np.uint32]
    """When the deciding (last) probe went out: milliseconds of monotonic time since the run began."""

    def __len__(self) -> int:
        return len(self.port)

    def __post_init__(self) -> None:
        """Hold the columns together.

        Raises:
            ValueError: the columns differ in length.
        """
        if len({len(getattr(self, field.name)) for field in fields(self)}) > 1:
            raise ValueError("the columns of a batch have one length")

    def where(self, mask: NDArray[np.bool_]) -> OutcomeBatch:
        """Give the rows whose mask is true, in their order."""
        return OutcomeBatch(**{f.name: getattr(self, f.name)[mask] for f in fields(self)})
