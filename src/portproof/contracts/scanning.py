"""What a scan asks of the world: time, names, an engine, and who listens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portproof.model.batch import OutcomeBatch
from portproof.model.carried import Carried, Checkpoint
from portproof.model.endpoint import Address
from portproof.model.observation import Observation
from portproof.model.scan import ClockFacts, Control, ControlSample, RunRecord, ScanPlan


class Clock(Protocol):
    """Time, as a value that tests can set."""

    def now(self) -> datetime:
        """Give the wall clock, UTC, with its zone."""
        ...

    def facts(self) -> ClockFacts:
        """Say how well the wall clock is synchronised."""
        ...


class Resolver(Protocol):
    """Names to addresses, both families."""

    def resolve(self, name: str) -> tuple[Address, ...]:
        """Give every address of the name, IPv4 first, without duplicates.

        Raises:
            LookupError: the name does not resolve; the message is the resolver's own.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a scan stands; sent a few times a second."""

    phase: str
    """`tcp`, `udp`, `services`."""
    done: int
    total: int
    rate_pps: float
    open: int
    unmeasured: int
    eta_s: float | None
    """None while the rate is not known."""


class ScanListener(Protocol):
    """Who hears of a scan while it runs: the store (to keep it) and the terminal (to show it).

    What was handed to a listener is acknowledged once the call returns: a `kill -9` later loses
    nothing of it.
    """

    def batch(self, batch: OutcomeBatch) -> None:
        """Take outcomes; rows may come in any order, each endpoint once."""
        ...

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        """Take one observation worth keeping, with its raw record (masked, capped), if any."""
        ...

    def sampled(self, sample: ControlSample) -> None:
        """Take one control sample."""
        ...

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take where the sweep stands; it replaces the one before."""
        ...

    def progress(self, progress: Progress) -> None:
        """Hear where the scan stands."""
        ...


class Scanner(Protocol):
    """Sends what a plan says, and nothing else."""

    def own_controls(
        self, addresses: Sequence[Address]
    ) -> AbstractContextManager[tuple[Control, ...]]:
        """Open portproof's own control listeners for those of the addresses that are this machine's.

        They are open inside the `with` block: a positive one (accepts) and a negative one (bound,
        never listening) per address family that is needed. Empty when no address is ours.
        """
        ...

    def run(
        self,
        plan: ScanPlan,
        listener: ScanListener,
        stop: StopSignal,
        *,
        carried: Carried | None = None,
    ) -> RunRecord:
        """Carry the plan out; returns a record also when stopped or inconclusive.

        The authorisation is checked again for each host before its packets leave. What is
        `carried` over from the run that the plan continues is not asked again.

        Raises:
            AuthorisationError: the plan's authorisation has ended, or does not match its hosts.
        """
        ...


class StopSignal(Protocol):
    """Asked between packets: has someone asked us to stop?"""

    def __call__(self) -> bool:
        """Say whether to stop now."""
        ...
