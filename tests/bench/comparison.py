"""One comparison with a peer: both measured in turn in the same run, and what both found."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import TypeAlias

from portproof.model.ports import PortSet

TESTS = Path(__file__).resolve().parents[1]

Sought: TypeAlias = Iterable[int] | str
"""Open ports, or a text that is equal exactly when the same was found."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt that took its own measure, instead of the wall seconds of the whole attempt."""

    found: Sought
    measured: float


Attempt: TypeAlias = Callable[[], Sought | Tried]
"""Does the work once and gives what it found; empty where nothing is sought."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one contestant needed, round by round, and what it found in each."""

    name: str
    amounts: list[float]
    found: list[str]

    @property
    def middle(self) -> float:
        """The median amount."""
        return median(self.amounts)

    def answer(self, truth: str) -> str:
        """Give the first round that differs from the truth; the truth when none does."""
        return next((found for found in self.found if found != truth), truth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Medians, and what was found: compact port sets, or counts with a digest."""

    name: str
    ours: float
    peer: float
    peer_name: str = ""
    """Which of several peers, or of its settings, was the best."""
    ratio: float
    """peer / ours: above 1 we need less."""
    goal: float
    """The smallest ratio that is accepted."""
    found: str
    """What we found, in every round; what any round missed or invented shows here."""
    peer_found: str = ""
    """The same of the peer; its errors are its own."""
    truth: str
    rounds: int
    kind: str = "speed"
    unit: str = "s"

    @property
    def right(self) -> bool:
        """Whether we found exactly what is there, each time."""
        return self.found == self.truth

    @property
    def met(self) -> bool:
        """Whether the goal is met, and nothing was missed or invented."""
        return self.right and self.ratio >= self.goal


def measure(attempts: Mapping[str, Attempt], rounds: int) -> dict[str, Measured]:
    """Let all take turns, `rounds` times; another one begins each round."""
    names = list(attempts)
    measured = {name: Measured(name, [], []) for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            result = attempts[name]()
            amount = time.perf_counter() - began
            if isinstance(result, Tried):
                amount, result = result.measured, result.found
            measured[name].amounts.append(amount)
            measured[name].found.append(text_of(result))
    return measured


def against(
    name: str, ours: Measured, peers: Iterable[Measured], *, truth: Sought, goal: float
) -> Comparison:
    """Compare one contestant with the best of the others, by their medians."""
    best, expected = min(peers, key=lambda each: each.middle), text_of(truth)
    return Comparison(
        name=name,
        ours=round(ours.middle, 4),
        peer=round(best.middle, 4),
        peer_name=best.name,
        ratio=round(best.middle / ours.middle, 3),
        goal=goal,
        found=ours.answer(expected),
        peer_found=best.answer(expected),
        truth=expected,
        rounds=len(ours.amounts),
    )


def compare(
    name: str,
    ours: Attempt,
    peer: Attempt | Mapping[str, Attempt],
    *,
    truth: Sought,
    goal: float,
    rounds: int,
) -> Comparison:
    """Measure ours and one peer, or several of which the best counts, in turn."""
    peers = dict(peer) if isinstance(peer, Mapping) else {"peer": peer}
    measured = measure({"ours": ours, **peers}, rounds)
    rivals = [measured[each] for each in peers]
    return against(name, measured["ours"], rivals, truth=truth, goal=goal)


def text_of(found: Sought) -> str:
    """Write ports as a compact set; a text stays as it is."""
    return found if isinstance(found, str) else str(PortSet.from_iterable(found))


def counted(things: Iterable[object]) -> str:
    """Write how many distinct things were found, with a digest over them all."""
    lines = sorted({str(each) for each in things})
    digest = sha256("\n".join(lines).encode()).hexdigest()[:12]
    return f"{len(lines):,} ({digest})"


def output_of(command: Iterable[str], seconds: float = 120) -> str:
    """Run a command to its end and give what it printed.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    words = list(command)
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds)
    if done.returncode:
        said = (done.stderr or done.stdout)[-2_000:]
        raise RuntimeError(f"{' '.join(words)[:200]} ended with {done.returncode}: {said}")
    return done.stdout


def as_command(module: str) -> str:
    """Give Python code that runs a module of `tests/` as `portproof` runs a command.

    It begins and ends as a command does; and the module is imported, because a script has no byte
    code.
    """
    return (
        "import sys; from portproof.cli import collect_seldom, leave; collect_seldom(); "
        f"sys.path.insert(0, {str(TESTS)!r}); import {module}; {module}.main(); leave(0)"
    )


def compiled(source: str, folder: Path) -> str:
    """Compile a program of `floors/`, and give the path of its executable."""
    program = folder / source
    code = Path(__file__).resolve().parent / "floors" / f"{source}.c"
    subprocess.run(["gcc", "-O2", "-o", str(program), str(code)], check=True, timeout=120)
    return str(program)


def write(comparisons: Iterable[Comparison], path: Path) -> None:
    """Write one JSON object per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({**asdict(each), "met": each.met}) for each in comparisons]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
