"""What a script may want besides what probes want, and where a reply ends.

A probe knows one dialogue. Whoever visits a port may hold several on one connection, and may listen
before the first: those two steps are the driver's own, and no probe's.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from portproof.model.observation import Service
from portproof.model.probe import Step, Turn


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait until the peer says something unasked; resumed with whether it did within `wait_s`."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class NextDialogue:
    """Let another dialogue begin, with its own time; resumed with whether it can read all anew.

    False when something was sent already. That way one greeting is read by several probes in turn
    on one connection.
    """


Script: TypeAlias = Generator[Step | Listen | NextDialogue, Any, Service | None]
"""What is said on one connection: the dialogues of one or several probes."""


def end_of_reply(turn: Turn, received: bytearray, start: int) -> int | None:
    """Give the length of the reply that begins at `start`; None while more is awaited."""
    longest = turn.limit if turn.size is None else min(turn.size, turn.limit)
    if turn.until is not None:
        found = received.find(turn.until, start)
        if found >= 0:
            return min(found + len(turn.until) - start, longest)
    return longest if len(received) - start >= longest else None
