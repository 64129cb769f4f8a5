"""One comparison with a peer: both measured in turn in the same run, and what both found."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

Attempt: TypeAlias = Callable[[], list[int]]
"""Does the work once and gives the open ports it found, ascending; empty where nothing is sought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Medians of wall seconds, whole process, and the sets of open ports."""

    name: str
    ours: float
    peer: float
    ratio: float
    """ours / peer: below 1 we are faster."""
    goal: float
    """The largest ratio that is accepted."""
    found: list[int]
    """What we found, in every round; what any round missed or invented shows here."""
    peer_found: list[int]
    truth: list[int]
    rounds: int

    @property
    def right(self) -> bool:
        """Whether both found exactly what is there."""
        return self.found == self.truth == self.peer_found

    @property
    def met(self) -> bool:
        """Whether the goal is met, and nothing was missed or invented."""
        return self.right and self.ratio <= self.goal


def compare(
    name: str, ours: Attempt, peer: Attempt, *, truth: list[int], goal: float, rounds: int
) -> Comparison:
    """Run both in turn, `rounds` times, each first as often as the other."""
    times: dict[Attempt, list[float]] = {ours: [], peer: []}
    found: dict[Attempt, list[list[int]]] = {ours: [], peer: []}
    for turn in range(rounds):
        for attempt in (ours, peer) if turn % 2 == 0 else (peer, ours):
            began = time.perf_counter()
            found[attempt].append(attempt())
            times[attempt].append(time.perf_counter() - began)
    seconds = {attempt: median(measured) for attempt, measured in times.items()}
    return Comparison(
        name=name,
        ours=round(seconds[ours], 3),
        peer=round(seconds[peer], 3),
        ratio=round(seconds[ours] / seconds[peer], 3),
        goal=goal,
        found=_common(found[ours], truth),
        peer_found=_common(found[peer], truth),
        truth=truth,
        rounds=rounds,
    )


def output_of(command: Iterable[str], seconds: float = 120) -> str:
    """Run a command to its end and give what it printed."""
    done = subprocess.run(
        list(command), capture_output=True, text=True, check=True, timeout=seconds
    )
    return done.stdout


def write(comparisons: Iterable[Comparison], path: Path) -> None:
    """Write one JSON object per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(each)) for each in comparisons]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _common(rounds: list[list[int]], truth: list[int]) -> list[int]:
    """Give the first round that differs from the truth; the truth when none does."""
    return next((found for found in rounds if found != truth), truth)
