"""What every sweep over TCP endpoints runs under, whichever engine carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from portproof.contracts import StopSignal
from portproof.model.scan import Rates, Timing
from portproof.scan.backoff import PathPace
from portproof.scan.classify import IcmpError

Monotonic: TypeAlias = Callable[[], float]
"""A clock in seconds that never goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a sweep runs under: the plan's limits, a clock, and who has to be heard."""

    timing: Timing
    rates: Rates
    clock: Monotonic
    began: float
    """The run's start by `clock`."""
    stop: StopSignal
    """Asked ten times a second."""
    starved_s: float = 5.0
    """Without one socket from the system for so long, probes become Unmeasured."""
    tick: Callable[[], None] = lambda: None
    """Called ten times a second: the controls of the run take their turn."""
    pace: PathPace = field(default_factory=PathPace)
    """What the controls say of the path: the share of the rates that it bears."""
    share: tuple[int, int] = (0, 1)
    """Which of how many engines at work this one is: its share of the local ports."""
    noted: frozenset[int] = frozenset()
    """Ports whose every rejection `refused` hears of."""
    refused: Callable[[int, int, IcmpError | None], None] = lambda _probe, _errno, _icmp: None
    """Hears what a probe met: its number, the errno (0: none), the ICMP error, if one came."""
