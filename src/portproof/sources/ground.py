"""What every source stands on: time, the way to stop it, secrets, names, and its bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from portproof.contracts import Resolver, Secrets, StopSignal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a list has become a mistake upstream, or an attack; reaching one fails the whole fetch.

    A part of a list is not used: what is missing from it would look like assets that have gone.
    """

    bytes: int = 64 * 1024 * 1024
    """Of one file, or of one answer; a NetBox of 50 000 addresses answers in pages of 1 MB."""
    items: int = 200_000
    requests: int = 5_000
    """Questions of one fetch: pages, or one for each service of a catalogue."""
    seconds: float = 120.0
    """Of one whole fetch."""
    answer_s: float = 15.0
    """Of waiting for the next bytes of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a source is given by the composition root."""

    now: Callable[[], datetime]
    """The wall clock, UTC."""
    elapsed_s: Callable[[], float]
    """A clock that never goes back, in seconds."""
    stop: StopSignal
    secrets: Secrets
    resolver: Resolver
    limits: Limits = field(default_factory=Limits)
