"""A scan as people watch it: progress on standard error, and how it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from portproof.contracts import Progress, StopSignal
from portproof.model.batch import OutcomeBatch
from portproof.model.observation import Observation
from portproof.model.scan import ControlSample

_PHASES = {"tcp": "TCP ports", "udp": "UDP probes", "services": "services"}


class Quiet:
    """Watches without a word: standard error is no terminal, or nobody wants to see it."""

    def batch(self, batch: OutcomeBatch) -> None:
        """Take outcomes; they are counted in `progress`."""

    def observed(self, observation: Observation, raw: Mapping[str, str | int] | None) -> None:
        """Take an observation; the tables at the end show it."""

    def sampled(self, sample: ControlSample) -> None:
        """Take a control sample; the report prints it."""

    def progress(self, progress: Progress) -> None:
        """Hear where the scan stands."""


class LiveProgress(Quiet):
    """Draws one bar per phase, with rate, time left and counts."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def progress(self, progress: Progress) -> None:
        """Redraw the phase's bar."""
        label = _PHASES.get(progress.phase, progress.phase)
        if progress.phase not in self._tasks:
            self._tasks[progress.phase] = self._bars.add_task(label, total=progress.total, told="")
        left = "" if progress.eta_s is None else f", {progress.eta_s:.0f} s left"
        told = f"{progress.rate_pps:,.0f}/s, {progress.open:,} open{left}"
        if progress.unmeasured:
            told += f", {progress.unmeasured:,} not measured"
        self._bars.update(
            self._tasks[progress.phase], completed=progress.done, total=progress.total, told=told
        )


@contextmanager
def watching(console: Console) -> Iterator[Quiet]:
    """Give the listener that suits the console: bars on a terminal, silence elsewhere."""
    if not console.is_terminal:
        yield Quiet()
        return
    columns = (
        TextColumn("{task.description:<11}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        yield LiveProgress(bars)


@contextmanager
def stoppable(console: Console) -> Iterator[StopSignal]:
    """Turn the first Ctrl-C (or SIGTERM) into a polite stop; the second ends at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        del number, frame
        if asked:
            raise KeyboardInterrupt
        asked = True
        console.print("stopping: keeping what was measured (again to end at once)")

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
